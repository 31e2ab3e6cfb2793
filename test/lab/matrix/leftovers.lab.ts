/** However a check ends, nothing of it is left on any host, whatever that measures with: no process, no file, no port. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {waitFor, type LabNode} from '../index.js';
import {stageFor, type Stage} from '../support.js';
import {checkJson} from './report.js';
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

/** Every port on which a host listens. */
const portsOn = async (node: LabNode): Promise<string> => {
	const {stdout} = await node.exec("ss -Hltun | awk '{print $1, $5}' | sort");
	return stdout;
};

/** What sshd needs to notice that nobody is there any more, when it is told. */
const soonMs = 15_000;
/** An agent that hears of nobody ends after 30 s: long before its own limit of 120 s, on hosts that share two cores. */
const bySilenceMs = 75_000;

type Trace = {
	readonly files: string;
	readonly processes: string;
	readonly ports: string;
};

const traceOf = async (node: LabNode): Promise<Trace> => ({
	files: await filesOn(node),
	processes: await processesOn(node),
	ports: await portsOn(node),
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
	for (const [index, {files, ports}] of (await tracesOf(stage)).entries()) {
		assert.equal(ports, before[index]!.ports, stage.lab.nodes[index]!.name);
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
	// One has nothing to measure with, and one nothing that could listen.
	const nodes = stage.lab.nodes.filter(({name}) => name !== 'nothing');
	const listening = agentsListen(nodes.filter(({name}) => name !== 'shell'));
	const check = startCheck(stage);
	await listening;
	await Promise.all(
		nodes.map(async (node) =>
			waitFor(
				`there is no probe on ${node.name}`,
				async () => ((await agentsOn(node)).length > 0 ? true : undefined),
				{timeoutMs: 60_000, everyMs: 50},
			),
		),
	);
	return check;
};

test('nothing is left on any host, whatever it measures with', async (t) => {
	const stage = await stageFor('bare');
	t.after(stage.down);
	const before = await tracesOf(stage);

	await t.test('after a check', async () => {
		const report = await checkJson(stage);
		assert.deepEqual(
			new Set(report.nodes.map(({probe}) => probe?.rung ?? undefined)),
			new Set([
				'python3',
				'platform-python',
				'perl',
				'socat',
				'counters',
				undefined,
			]),
		);
		await assertClean(stage, before);
	});

	for (const [signal, code] of [
		['SIGINT', 130],
		['SIGKILL', 137],
	] as const) {
		await t.test(`after ${signal} to the client`, async () => {
			const check = await inTheMiddle(stage);
			check.child.kill(signal);
			const stopped = await check.outcome;
			assert.equal(stopped.code, code, stopped.stderr);
			await assertClean(stage, before);
		});
	}

	await t.test('after the connection was cut, and no host told', async () => {
		const check = await inTheMiddle(stage);
		// As if the cable were pulled out: nothing leaves the client, nothing reaches it, and it goes on.
		await stage.lab.client.exec(['ip', 'link', 'set', 'eth0', 'down']);
		await Promise.all(
			stage.lab.nodes.map(async (node) =>
				waitFor(
					`the probe on ${node.name} does not end by itself`,
					async () => ((await agentsOn(node)).length === 0 ? true : undefined),
					{timeoutMs: bySilenceMs, everyMs: 500},
				),
			),
		);
		// That nobody is at the other end is for sshd to find out.
		await assertClean(stage, before, /^sshd: (?:root|me)/);
		await waitFor(
			'the check does not end',
			async () => check.child.exitCode ?? undefined,
			{timeoutMs: 60_000},
		);
		const ended = await check.outcome;
		assert.notEqual(ended.code, 0, ended.stderr);
	});
});
