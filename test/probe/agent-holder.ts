/** A client of the probe that is there to be killed: starts an agent, prints its process id, and holds on to it. */
import process from 'node:process';
import {onPython, spawnAgent} from './local-host.js';

const child = spawnAgent(onPython(process.argv[2]!), {limitSeconds: 60});
child.stdout!.once('data', () => {
	process.stdout.write(`${child.pid}\n`);
});
