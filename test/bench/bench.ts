/**
 * `npm run bench`: how long the matrix takes, as ratios to what SSH itself takes on the same machine in the same run.
 * Needs root on Linux, as the lab does. bench.ts [--hosts 5,10,20,40] [--runs 3] [--no-person] [--json FILE]
 */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {LabError, up, type Lab} from '../lab/index.js';
import {watchAgents} from './agents.js';
import {personLoop, sshWords, type PersonTool} from './person.js';
import {markdown, type Report, type SizeReport} from './report.js';
import type {Timeline} from './timeline-result.js';

const {values} = parseArgs({
	options: {
		hosts: {type: 'string', default: '5,10,20,40'},
		runs: {type: 'string', default: '3'},
		'no-person': {type: 'boolean', default: false},
		json: {type: 'string'},
	},
});
const sizes = values.hosts.split(',').map(Number);
const runs = Number(values.runs);
/** The size at which a person's loop is run, too. */
const personSize = 10;

const say = (sentence: string): void => {
	console.error(sentence);
};

/** N times `ssh host true` at once, in ms. */
const baseline = async (lab: Lab): Promise<number> => {
	const began = performance.now();
	const outcomes = await Promise.all(
		lab.nodes.map(async ({sshAddress}) =>
			lab.client.exec([...sshWords(lab), `root@${sshAddress}`, 'true']),
		),
	);
	const ms = performance.now() - began;
	const failed = outcomes.find(({code}) => code !== 0);
	if (failed) {
		throw new LabError(`ssh failed: ${failed.stderr}`);
	}

	return ms;
};

const timelineOf = async (lab: Lab, clusterPath: string): Promise<Timeline> => {
	const {code, stdout, stderr} = await lab.client.exec(
		[
			process.execPath,
			'--import',
			import.meta.resolve('tsx'),
			fileURLToPath(new URL('timeline.ts', import.meta.url)),
			clusterPath,
		],
		{timeoutMs: 300_000},
	);
	if (code !== 0) {
		throw new LabError(`The check ended with ${code}: ${stderr}`);
	}

	const timeline = JSON.parse(stdout) as Timeline;
	if (timeline.reached !== lab.nodes.length) {
		throw new LabError(
			`${timeline.reached} of ${lab.nodes.length} nodes were reached.`,
		);
	}

	return timeline;
};

/** Each host drops what the cluster needs most: the kubelet's port and WireGuard's. */
const filterPorts = async (lab: Lab): Promise<void> => {
	await Promise.all(
		lab.nodes.map(async (node) =>
			node.exec([
				'nft',
				`table inet bench { chain input { type filter hook input priority 0; iifname "lo" accept; tcp dport 10250 drop; udp dport 51820 drop; }; }`,
			]),
		),
	);
};

const openPorts = async (lab: Lab): Promise<void> => {
	await Promise.all(
		lab.nodes.map(async (node) =>
			node.exec(['nft', 'delete', 'table', 'inet', 'bench']),
		),
	);
};

type Loop = readonly [PersonTool, number];

/** Both tools find the same out; with filtered ports, where each question waits for its end, one is enough. */
const openLoops: readonly Loop[] = [
	['nc', 1],
	['nc', 8],
	['/dev/tcp', 1],
	['/dev/tcp', 8],
];
const filteredLoops: readonly Loop[] = openLoops.slice(0, 2);

const runLoops = async (
	lab: Lab,
	{paths}: Timeline,
	loops: readonly Loop[],
): Promise<SizeReport['person']> => {
	const results = [];
	for (const [tool, atOnce] of loops) {
		say(`  the loop with ${tool}, ${atOnce} at once`);
		results.push({
			tool,
			atOnce,
			ms: await personLoop(lab, paths, tool, atOnce),
		});
	}

	return results;
};

const measureSize = async (
	hosts: number,
	folder: string,
): Promise<SizeReport> => {
	say(`${hosts} hosts`);
	const lab = await up({topology: `big-${hosts}`});
	try {
		const clusterPath = path.join(folder, `${hosts}.yaml`);
		writeFileSync(clusterPath, lab.clusterFile());
		// What is read from disk for the first time counts for nobody.
		await baseline(lab);
		const ssh: number[] = [];
		const open: Timeline[] = [];
		for (let run = 0; run < runs; run += 1) {
			// In turn, so that whatever else the machine does meets both.
			ssh.push(await baseline(lab));
			open.push(await timelineOf(lab, clusterPath));
		}

		const person =
			hosts === personSize && !values['no-person']
				? await runLoops(lab, open[0]!, openLoops)
				: [];
		const stop = watchAgents(
			lab.nodes.map(({name}) => lab.client.netns.replace(/client$/, name)),
		);
		await timelineOf(lab, clusterPath);
		const agents = stop();

		await filterPorts(lab);
		const filtered: Timeline[] = [];
		for (let run = 0; run < runs; run += 1) {
			filtered.push(await timelineOf(lab, clusterPath));
		}

		const personFiltered =
			hosts === personSize && !values['no-person']
				? await runLoops(lab, filtered[0]!, filteredLoops)
				: [];
		await openPorts(lab);
		return {hosts, ssh, open, filtered, agents, person, personFiltered};
	} finally {
		await lab.down();
	}
};

const main = async (): Promise<void> => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-bench-'));
	try {
		const reports: SizeReport[] = [];
		for (const hosts of sizes) {
			reports.push(await measureSize(hosts, folder));
		}

		const report: Report = {
			format: 'k3s-mesh-tui/bench/1',
			cores: os.availableParallelism(),
			node: process.version,
			runs,
			sizes: reports,
		};
		if (values.json !== undefined) {
			writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
		}

		console.log(markdown(report));
	} finally {
		rmSync(folder, {recursive: true, force: true});
	}
};

try {
	await main();
} catch (error) {
	if (!(error instanceof LabError)) {
		throw error;
	}

	console.error(error.message);
	process.exitCode = 1;
}
