/** Brings a lab up, says so, and holds it until it is killed. make-lab.ts TOPOLOGY NAME */
import process from 'node:process';
import {up} from './index.js';

const [topology, name] = process.argv.slice(2) as [string, string];
await up({topology, name});
console.log('up');
setInterval(() => undefined, 60_000);
