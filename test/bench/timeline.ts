/**
 * The client's side of the benchmark: contacts every node of a cluster file, checks it, and prints when each part was
 * done, as one line of JSON. timeline.ts CLUSTER_FILE
 */
import {readFile} from 'node:fs/promises';
import process from 'node:process';
import {parse} from 'yaml';
import {clusterSchema} from '../../source/cluster/schema.js';
import {pathKey} from '../../source/facts/measurements.js';
import {checkCluster} from '../../source/operations/check.js';
import {openFleet} from '../../source/operations/fleet.js';
import {makeWorld} from '../../source/operations/world.js';
import type {Timeline} from './timeline-result.js';

const [clusterPath] = process.argv.slice(2) as [string];
const cluster = clusterSchema.parse(parse(await readFile(clusterPath, 'utf8')));
const {signal} = new AbortController();
const began = performance.now();
const since = (): number => performance.now() - began;
const fleet = openFleet({
	world: makeWorld((note) => {
		console.error(note);
	}),
	questions: {
		trustHostKey: async () => false,
		askSecret: async () => undefined,
	},
	signal,
});
let loggedInMs = 0;
const stopListening = fleet.subscribe(() => {
	const isIn = cluster.nodes.every(
		({name}) => (fleet.contact(name)?.state ?? 'connecting') !== 'connecting',
	);
	if (isIn && loggedInMs === 0) {
		loggedInMs = since();
	}
});
await fleet.addAll(cluster.nodes);
stopListening();
const contactedMs = since();
const seen = new Set<string>();
let planned = 0;
let agentsMs = 0;
let cellsMs = 0;
const report = await checkCluster({
	cluster,
	fleet,
	ignore: [],
	signal,
	onEvent(event) {
		if (event.type === 'planned') {
			planned = event.cells;
		} else if (event.type === 'station') {
			agentsMs = since();
		} else if (event.type === 'cell' && seen.size < planned) {
			seen.add(pathKey(event.cell.path));
			cellsMs = since();
		}
	},
});
const allMs = since();
await fleet.close();

const {cells, latencies, pathMtus} = report.measurements;
const verdicts: Record<string, number> = {};
for (const {verdict} of cells) {
	verdicts[verdict.kind] = (verdicts[verdict.kind] ?? 0) + 1;
}

const timeline: Timeline = {
	reached: cluster.nodes.length - report.failed.size,
	loggedInMs,
	contactedMs,
	agentsMs,
	cellsMs,
	allMs,
	paths: cells.map(({path}) => path),
	verdicts,
	exchanges:
		cells.reduce((sum, {sent}) => sum + sent, 0) +
		latencies.reduce((sum, {samples}) => sum + samples, 0),
	latencies: latencies.length,
	pathMtus: pathMtus.length,
};
console.log(JSON.stringify(timeline));
