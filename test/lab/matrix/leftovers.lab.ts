/** However a check ends, nothing of it is left on any host: no process, and no file. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {waitFor, type LabNode} from '../index.js';
import {stageFor, type Stage} from '../support.js';
import {agentsListen, agentsOn, startCheck} from './running-check.js';

/** Every file of a host, but for what the system itself writes: logs, and locks and greetings of any login and any question. */
const filesOn = async (node: LabNode): Promise<string> => {
	const {stdout} = await node.exec(String.raw`
find / /run /tmp /dev/shm -xdev \( -path /proc -o -path /sys -o -path /var/log -o -path /run/log -o -path /run/systemd \
		-o -path /run/motd.dynamic -o -path /run/ufw.lock \) -prune \
	-o ! -type d -printf '%p %y %s %T@\n' 2>/dev/null | sort -u
`);
	return stdout;
};

/** Every process of a host, without those of us who look, and the one that systemd starts for a while to tell about clocks. */
const processesOn = async (node: LabNode): Promise<string> => {
	const {stdout} = await node.exec(
		String.raw`ps -eo args= | grep -vE '^(/bin/sh -c )?ps |^grep |^sort$|systemd-timedated$' | sort`,
	);
	return stdout;
};

/** What sshd needs to notice that nobody is there any more, when it is told. */
const soonMs = 15_000;
/** An agent that nobody tells ends by its own limit of 120 s. */
const byItselfMs = 150_000;

type Trace = {readonly files: string; readonly processes: string};

const traceOf = async (node: LabNode): Promise<Trace> => ({
	files: await filesOn(node),
	processes: await processesOn(node),
});

const tracesOf = async (stage: Stage): Promise<readonly Trace[]> =>
	Promise.all(stage.lab.nodes.map(async (node) => traceOf(node)));

/** Waits until nobody is logged in and no probe runs, then compares everything. */
const assertClean = async (
	stage: Stage,
	before: readonly Trace[],
	/** Processes that do not count. */
	ignored?: RegExp,
): Promise<void> => {
	const counted = (processes: string): string =>
		processes
			.split('\n')
			.filter((line) => !ignored?.test(line))
			.join('\n');
	await Promise.all(
		stage.lab.nodes.map(async (node, index) => {
			let processes = '';
			await waitFor(
				() =>
					`there is more on ${node.name} than before:\n${processes}\nand before:\n${before[index]!.processes}`,
				async () => {
					processes = counted(await processesOn(node));
					return processes === before[index]!.processes ? true : undefined;
				},
				{timeoutMs: soonMs, everyMs: 200},
			);
		}),
	);
	for (const [index, {files}] of (await tracesOf(stage)).entries()) {
		const were = new Set(before[index]!.files.split('\n'));
		const are = new Set(files.split('\n'));
		assert.deepEqual(
			{
				added: [...are].filter((line) => !were.has(line)),
				gone: [...were].filter((line) => !are.has(line)),
			},
			{added: [], gone: []},
			stage.lab.nodes[index]!.name,
		);
	}
};

/** Starts a check, and returns once its agents work on all nodes. */
const inTheMiddle = async (stage: Stage) => {
	const listening = agentsListen(stage.lab.nodes);
	const check = startCheck(stage);
	await listening;
	for (const node of stage.lab.nodes) {
		assert.notDeepEqual(await agentsOn(node), [], node.name);
	}

	return check;
};

const asUsual = async (): Promise<void> => {
	const stage = await stageFor('lan3');
	try {
		const before = await tracesOf(stage);
		const {outcome} = startCheck(stage);
		const ended = await outcome;
		assert.equal(ended.code, 0, ended.stderr);
		await assertClean(stage, before);

		for (const [signal, code] of [
			['SIGINT', 130],
			['SIGKILL', 137],
		] as const) {
			const check = await inTheMiddle(stage);
			check.child.kill(signal);
			const stopped = await check.outcome;
			assert.equal(stopped.code, code, `${signal} ${stopped.stderr}`);
			await assertClean(stage, before);
		}
	} finally {
		await stage.down();
	}
};

/** The client's cable is pulled out, so that no host ever hears that the client is gone. */
const cutOff = async (): Promise<void> => {
	const stage = await stageFor('lan3');
	try {
		const before = await tracesOf(stage);
		const check = await inTheMiddle(stage);
		await stage.lab.client.exec(['ip', 'link', 'set', 'eth0', 'down']);
		check.child.kill('SIGKILL');
		await check.outcome;
		await Promise.all(
			stage.lab.nodes.map(async (node) =>
				waitFor(
					`the probe on ${node.name} does not end by itself`,
					async () => ((await agentsOn(node)).length === 0 ? true : undefined),
					{timeoutMs: byItselfMs, everyMs: 500},
				),
			),
		);
		// That nobody is at the other end is for sshd to find out.
		await assertClean(stage, before, /^sshd: (?:root|me)/);
	} finally {
		await stage.down();
	}
};

test('nothing is left on any host', {concurrency: true}, async (t) => {
	await Promise.all([
		t.test(
			'after a check, after Ctrl-C, and after the client was killed',
			asUsual,
		),
		t.test('after the connection was cut', cutOff),
	]);
});
