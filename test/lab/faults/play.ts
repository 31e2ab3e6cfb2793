/** Plays one cell of the matrix: a run that is struck in the middle of a step, and the next one. */
import assert from 'node:assert/strict';
import {copyFileSync, mkdirSync} from 'node:fs';
import path from 'node:path';
import type {Role} from '../../../source/cluster/schema.js';
import {assertSame, machinesOf} from '../machine-look.js';
import {releaseFolder, releases} from '../releases.js';
import {assertCode, type Stage} from '../support.js';
import type {Case} from './cases.js';
import {faults, type Scene} from './faults.js';
import type {Ground} from './ground.js';
import {steps} from './steps.js';
import {judge, Missed, strike, type Played} from './strike.js';

/** How long a node may wait for something, in s: given to the program. */
const waitLimit = {containers: 30, machines: 240};
/**
 * What a run may take from the fault on, in s, besides such a wait: a silent connection is noticed, and tried again; and
 * the other node is proven afterwards, which takes emulated machines minutes.
 */
const allowance = {containers: 100, machines: 400};

/** A run that asks nothing, tells what it does as JSON, and waits so long for one thing. */
const wordsOf = (
	command: 'apply' | 'uninstall',
	stage: Stage,
	seconds: number,
): readonly string[] => [
	command,
	stage.clusterPath,
	'--yes',
	'--progress',
	'json',
	'--wait-limit',
	String(seconds),
	'--kubeconfig',
	stage.kubeconfigPath,
];

/** Gives the cluster file what the step needs: a mirror by name, or a folder to send from. */
const prepare = async (
	{stage, clusterKeys}: Ground,
	{step}: Case,
): Promise<void> => {
	if (step !== 'send') {
		stage.writeCluster(clusterKeys);
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

/** Runs a command with the fault in the middle of the step, and mends what the fault broke. */
const playStruck = async (
	{kind}: Ground,
	scene: Scene,
	one: Case,
	command: 'apply' | 'uninstall',
): Promise<Played> => {
	const speed = kind === 'machines' ? 'machines' : 'containers';
	const seconds = waitLimit[speed];
	const struck = await strike(scene, one, {
		words: wordsOf(command, scene.stage, seconds),
		limitMs: (seconds + allowance[speed]) * 1000,
	});
	await faults[one.fault].mend(scene);
	return judge(struck, scene.node, one);
};

/** Runs the command once more, with all the time that it wants: it has to end well. */
const playNext = async (
	stage: Stage,
	command: 'apply' | 'uninstall',
	{said}: Pick<Played, 'said'>,
): Promise<void> => {
	const next = await stage.run(
		wordsOf(command, stage, waitLimit.machines),
		600_000,
	);
	assert.equal(
		next.code,
		0,
		`The next run: ${next.stderr}\n${next.stdout}\nThe struck one:\n${said.join('\n')}`,
	);
};

const playApply = async (ground: Ground, one: Case): Promise<Played> => {
	const {stage, nodeOf, watch} = ground;
	await prepare(ground, one);
	watch.begin();
	const scene = {stage, node: nodeOf(one.role)};
	const played = await playStruck(ground, scene, one, 'apply');
	const ours = await watch.ours();
	await playNext(stage, 'apply', played);
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

/** A cluster is brought up, and taken away again by a run that is struck and the next one: all is as it was before. */
const playLeaving = async (ground: Ground, one: Case): Promise<Played> => {
	const {stage, nodeOf, watch} = ground;
	await prepare(ground, one);
	watch.begin();
	const before = await machinesOf(stage);
	assertCode(await stage.run(wordsOf('apply', stage, 120)), 0);
	const scene = {stage, node: nodeOf(one.role)};
	const played = await playStruck(ground, scene, one, 'uninstall');
	await playNext(stage, 'uninstall', played);
	await watch.assertNothingLost([]);
	for (const [name, after] of await machinesOf(stage)) {
		assertSame(name, after, before.get(name));
	}

	return played;
};

/** The role whose machine, with all that joined it, is to be as at first before a cell is played. */
export const resetRoleOf = ({step, role}: Case): Role =>
	steps[step].course === 'leaving' ? 'server' : role;

/** Plays one cell on hosts of its kind; throws an `AssertionError` that tells what did not hold. */
export const play = async (ground: Ground, one: Case): Promise<Played> => {
	const playOnce =
		steps[one.step].course === 'leaving' ? playLeaving : playApply;
	for (let attempt = 1; attempt <= 3; attempt += 1) {
		try {
			return await playOnce(ground, one);
		} catch (error) {
			if (!(error instanceof Missed)) {
				throw error;
			}

			await ground.reset(resetRoleOf(one));
		}
	}

	return assert.fail(
		`Three times the step ${one.step} had ended before the fault came.`,
	);
};
