/** Plays one cell of the matrix: an apply that is struck in the middle of a step, and the next one. */
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {copyFileSync, mkdirSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {createInterface} from 'node:readline';
import type {InstallEvent} from '../../../source/install/events.js';
import {releaseFolder, releases} from '../releases.js';
import {program, type Stage} from '../support.js';
import type {Case} from './cases.js';
import {faults, type Fault, type Scene} from './faults.js';
import type {Ground} from './ground.js';
import {mirrorName} from './hosts.js';
import {stepIdOf} from './steps.js';

/** How long a node may wait for something, in s: given to the program. */
const waitLimit = {containers: 30, machines: 240};
/**
 * What a run may take from the fault on, in s, besides such a wait: a silent connection is noticed, and tried again; and
 * the other node is proven afterwards, which takes emulated machines minutes.
 */
const allowance = {containers: 100, machines: 400};
/** Bytes a second while something is to happen in the middle of a download. */
const slowly = 4_000_000;

/** How a struck run ended. */
export type Played = {
	/** Killed itself; got over it; or said what is wrong. */
	readonly ended: 'killed' | 'went-on' | 'told';
	/** What it said of the step that failed, and what to try. */
	readonly said: readonly string[];
	/** From the fault to the end of the run, in ms. */
	readonly endedAfterMs: number;
};

/** The step had ended before the fault came: nothing was tried. */
class Missed extends Error {}

type Ended = {
	readonly code: number | null;
	readonly events: readonly InstallEvent[];
	readonly output: string;
	readonly struckAt: number;
	readonly endedAfterMs: number;
};

const wordsOf = (stage: Stage, seconds: number): readonly string[] => [
	'apply',
	stage.clusterPath,
	'--yes',
	'--progress',
	'json',
	'--wait-limit',
	String(seconds),
	'--kubeconfig',
	stage.kubeconfigPath,
];

/** Is this the moment: the step has begun, and when it moves bytes, some of them have moved? */
const isMoment = (
	event: InstallEvent,
	stepId: string,
	isMidway: boolean,
): boolean =>
	isMidway
		? event.type === 'progress' &&
			event.step === stepId &&
			event.doneBytes > 0 &&
			event.doneBytes < (event.totalBytes ?? 0)
		: event.type === 'step' &&
			event.step === stepId &&
			event.state === 'running';

/** Runs an apply, and has the fault strike while the program stands still in the step. */
const strike = async (
	{stage, node}: Scene,
	{fault: name, step}: Case,
	{
		words,
		limitMs,
	}: {readonly words: readonly string[]; readonly limitMs: number},
): Promise<Ended> => {
	const fault: Fault = faults[name];
	const isMidway =
		(step === 'download' || step === 'send') && fault.atBegin === undefined;
	if (isMidway) {
		await stage.lab.mirror.control({bytesPerSecond: slowly});
	}

	const child = stage.lab.client.spawn([process.execPath, program, ...words], {
		env: stage.env,
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const exited = once(child, 'close') as Promise<[number | null]>;
	const events: InstallEvent[] = [];
	const output: string[] = [];
	child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
		output.push(chunk);
	});
	let struckAt = 0;
	let limit: NodeJS.Timeout | undefined;
	for await (const line of createInterface({input: child.stdout!})) {
		const event = JSON.parse(line) as InstallEvent;
		events.push(event);
		if (
			struckAt === 0 &&
			isMoment(event, stepIdOf(node.name, step), isMidway)
		) {
			child.kill('SIGSTOP');
			struckAt = Date.now();
			await fault.inject({stage, node}, child);
			if (isMidway) {
				await stage.lab.mirror.control({});
			}

			child.kill('SIGCONT');
			limit = setTimeout(() => {
				output.push('\nThe run did not end by its deadline.');
				child.kill('SIGKILL');
			}, limitMs);
		}
	}

	const [code] = await exited;
	clearTimeout(limit);
	return {
		code,
		events,
		output: output.join(''),
		struckAt,
		endedAfterMs: Date.now() - struckAt,
	};
};

/** Judges how a struck run ended. */
const judge = (
	{code, events, output, struckAt, endedAfterMs}: Ended,
	node: string,
	{fault: name, step}: Case,
): Played => {
	const story = `${output}\n${events.map((event) => JSON.stringify(event)).join('\n')}`;
	if (struckAt === 0) {
		assert.fail(`The step never began.\n${story}`);
	}

	const stepId = stepIdOf(node, step);
	const ending = events.find(
		(event) =>
			event.type === 'step' &&
			event.step === stepId &&
			['changed', 'unchanged', 'failed', 'skipped'].includes(event.state),
	);
	if (ending && ending.at < struckAt) {
		throw new Missed();
	}

	if (name === 'client-kill') {
		assert.equal(code, null, story);
		return {ended: 'killed', said: [], endedAfterMs};
	}

	if (code === 0) {
		return {ended: 'went-on', said: [], endedAfterMs};
	}

	assert.equal(code, 1, story);
	// A step of another node may end first, because it needs something of the struck one.
	const failed = events.find(
		(event) =>
			event.type === 'step' &&
			event.node === node &&
			event.state === 'failed' &&
			faults[name].cause.test(event.message ?? ''),
	);
	assert.ok(failed?.type === 'step', `No sentence names the cause.\n${story}`);
	assert.ok((failed.tryNext ?? []).length > 0, `Nothing to try.\n${story}`);
	const end = events.find((event) => event.type === 'run-ended');
	const nodeEnd = end?.nodes.find((one) => one.node === node);
	assert.equal(nodeEnd?.state, 'failed', story);
	return {
		ended: 'told',
		said: [`${failed.step}: ${failed.message}`, ...(failed.tryNext ?? [])],
		endedAfterMs,
	};
};

/** Gives the cluster file what the step needs: a mirror by name, or a folder to send from. */
const prepare = async (stage: Stage, {step}: Case): Promise<void> => {
	if (step !== 'send') {
		const base = `http://${mirrorName}`;
		stage.writeCluster({
			mirrors: {
				installScript: `${base}/install.sh`,
				releases: `${base}/releases`,
				channels: `${base}/channels`,
			},
		});
		return;
	}

	const from = await releaseFolder();
	const [version] = releases;
	const folder = path.join(stage.folder, 'release');
	mkdirSync(folder, {recursive: true});
	copyFileSync(path.join(from, 'install.sh'), path.join(folder, 'install.sh'));
	for (const file of ['k3s', 'sha256sum-amd64.txt']) {
		copyFileSync(path.join(from, version, file), path.join(folder, file));
	}

	stage.writeCluster({k3s: {version}, airgap: {folder}, mirrors: {}});
};

const playOnce = async (
	{stage, nodeOf, watch, onMachines}: Ground,
	one: Case,
): Promise<Played> => {
	const kind = onMachines ? 'machines' : 'containers';
	const seconds = waitLimit[kind];
	const node = nodeOf(one.role);
	const scene = {stage, node};
	await prepare(stage, one);
	watch.begin();
	const struck = await strike(scene, one, {
		words: wordsOf(stage, seconds),
		limitMs: (seconds + allowance[kind]) * 1000,
	});
	await faults[one.fault].mend(scene);
	const played = judge(struck, node.name, one);
	const ours = await watch.ours();

	const next = await stage.run(wordsOf(stage, Math.max(120, seconds)), 600_000);
	assert.equal(
		next.code,
		0,
		`The next run: ${next.stderr}\n${next.stdout}\nThe struck one:\n${played.said.join('\n')}`,
	);
	await watch.assertNothingLost(ours);
	const {stdout} = await nodeOf('server').exec(
		'k3s kubectl get nodes --no-headers',
	);
	assert.equal(
		stdout.split('\n').filter((line) => line.includes(' Ready ')).length,
		stage.lab.nodes.length,
		stdout,
	);
	return played;
};

/** Plays one cell on hosts of its kind; throws an `AssertionError` that tells what did not hold. */
export const play = async (ground: Ground, one: Case): Promise<Played> => {
	for (let attempt = 1; attempt <= 3; attempt += 1) {
		try {
			return await playOnce(ground, one);
		} catch (error) {
			if (!(error instanceof Missed)) {
				throw error;
			}

			await ground.reset(one.role);
		}
	}

	return assert.fail(
		`Three times the step ${one.step} had ended before the fault came.`,
	);
};
