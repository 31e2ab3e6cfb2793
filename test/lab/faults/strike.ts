/** Strikes a run in the middle of a step, and judges how it ended. */
import assert from 'node:assert/strict';
import {once} from 'node:events';
import process from 'node:process';
import {createInterface} from 'node:readline';
import type {InstallEvent} from '../../../source/install/events.js';
import type {LabNode} from '../index.js';
import {program} from '../support.js';
import type {Case} from './cases.js';
import {faults, type Fault, type Scene} from './faults.js';
import {stepIdOf, steps, type StepKind} from './steps.js';

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
export class Missed extends Error {}

type Ended = {
	readonly code: number | null;
	readonly events: readonly InstallEvent[];
	readonly output: string;
	readonly struckAt: number;
	readonly endedAfterMs: number;
};

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

/** Starts a run, and has the fault strike while the program stands still in the step. */
export const strike = async (
	{stage, node}: Scene,
	{fault: name, step}: Case,
	{
		words,
		limitMs,
	}: {readonly words: readonly string[]; readonly limitMs: number},
): Promise<Ended> => {
	const fault: Fault = faults[name];
	const {movesBytes}: StepKind = steps[step];
	const isMidway = movesBytes === true && fault.atBegin === undefined;
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
		if (struckAt === 0 && isMoment(event, stepIdOf(node, step), isMidway)) {
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
export const judge = (
	{code, events, output, struckAt, endedAfterMs}: Ended,
	node: LabNode,
	{fault: name, step}: Case,
): Played => {
	const fault: Fault = faults[name];
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
		assert.ok(
			fault.mayPass === true || fault.mayPass?.includes(step),
			`The run ended well, with what it cannot get over.\n${story}`,
		);
		return {ended: 'went-on', said: [], endedAfterMs};
	}

	assert.equal(code, 1, story);
	// A step of another node may end first, because it needs something of the struck one.
	const failed = events.find(
		(event) =>
			event.type === 'step' &&
			event.node === node.name &&
			event.state === 'failed' &&
			fault.cause.test(event.message ?? ''),
	);
	assert.ok(failed?.type === 'step', `No sentence names the cause.\n${story}`);
	assert.ok((failed.tryNext ?? []).length > 0, `Nothing to try.\n${story}`);
	const end = events.find((event) => event.type === 'run-ended');
	const nodeEnd = end?.nodes.find((one) => one.node === node.name);
	assert.equal(nodeEnd?.state, 'failed', story);
	return {
		ended: 'told',
		said: [`${failed.step}: ${failed.message}`, ...(failed.tryNext ?? [])],
		endedAfterMs,
	};
};
