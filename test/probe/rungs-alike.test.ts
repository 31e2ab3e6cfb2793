/** Every rung towards every other, on the loopback: what they say must be the truth, and the same. */
import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawnSync, type ChildProcess} from 'node:child_process';
import dgram from 'node:dgram';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import net from 'node:net';
import process from 'node:process';
import {after, before, describe, test} from 'node:test';
import type {ProbeRung} from '../../source/facts/measurements.js';
import {capabilities, type ChosenRung} from '../../source/facts/rungs.js';
import {
	startAgent,
	type RunningAgent,
} from '../../source/probe/agent-client.js';
import type {Command, Report, Try} from '../../source/probe/messages.js';
import {stunRequest} from '../../source/probe/stun.js';
import {
	findPython,
	makeLocalHost,
	onPython,
	spawnAgent,
	until,
} from './local-host.js';

const find = (program: string): string | undefined => {
	const {status, stdout} = spawnSync('sh', ['-c', 'command -v "$0"', program], {
		encoding: 'utf8',
	});
	return status === 0 ? stdout.trim() : undefined;
};

const python = await findPython();
const perl = find('perl');
const bash = find('bash');
const socat = find('socat');
const ncat = find('ncat');

type Candidate = {
	readonly rung: ProbeRung;
	readonly on: ChosenRung | undefined;
	readonly skip: string | false;
};

const candidate = (
	rung: ProbeRung,
	programs: Readonly<Record<string, string | undefined>>,
): Candidate => {
	const missing = Object.entries(programs).filter(
		([, path]) => path === undefined,
	);
	const [program, listener] = Object.values(programs);
	return missing.length === 0
		? {rung, on: {rung, program: program!, listener}, skip: false}
		: {rung, on: undefined, skip: `${missing[0]![0]} is not installed`};
};

const candidates: readonly Candidate[] = [
	candidate('python3', {python3: python}),
	candidate('perl', {perl}),
	candidate('socat', {bash, socat}),
	candidate('nc', {bash, ncat}),
	candidate('counters', {bash}),
];

const token = 'c0ffee'.repeat(5);
const tcpPort = 27_443;
const udpPort = 27_820;
const closedPort = 27_454;
/** Programs that know nothing of us: one talks, one is silent, one hangs up. */
const strangePort = 27_455;
const silentPort = 27_456;
const shortPort = 27_457;
/** The target listens here, and the strangers here. */
const targets = ['127.0.64.2', '::1'];
const others = '127.0.64.3';

const isOfThisMachine = (address: string): boolean => {
	const {status} = spawnSync('bash', [
		'-c',
		`exec 3<>/dev/udp/${address}/${closedPort}`,
	]);
	return status === 0;
};

const addresses = targets.filter(
	(address) => net.isIPv4(address) || isOfThisMachine(address),
);

const start = async (name: string, on: ChosenRung): Promise<RunningAgent> =>
	startAgent(makeLocalHost(name), {
		on,
		limitSeconds: 60,
		silenceSeconds: 60,
		signal: new AbortController().signal,
	});

const tryAll = async (
	agent: RunningAgent,
	tries: readonly Try[],
): Promise<ReadonlyMap<number, Report>> => {
	const reports = new Map<number, Report>();
	await agent.try(tries, (report) => {
		reports.set(report.tried, report);
	});
	assert.equal(reports.size, tries.length);
	return reports;
};

/** Processes that have the token of this run in their environment. */
const processesWithToken = (): readonly string[] =>
	readdirSync('/proc')
		.filter((name) => /^\d+$/.test(name))
		.filter((name) => {
			try {
				return readFileSync(`/proc/${name}/environ`, 'latin1').includes(token);
			} catch {
				return false;
			}
		});

const listenCommand: Command = {
	do: 'listen',
	token,
	node: 'one',
	places: [
		{protocol: 'tcp', address: targets[0]!, port: tcpPort},
		{protocol: 'udp', address: targets[0]!, port: udpPort},
	],
};

const say = (child: ChildProcess, command: Command): void => {
	child.stdin!.write(`${JSON.stringify(command)}\n`);
};

/** A process and all that it started, by id. */
const groupOf = ({pid}: ChildProcess): readonly number[] => {
	const {stdout} = spawnSync('ps', ['-eo', 'pid=,ppid='], {encoding: 'utf8'});
	const pairs = stdout
		.trim()
		.split('\n')
		.map((line) => line.trim().split(/\s+/).map(Number));
	const found = [pid!];
	for (const parent of found) {
		found.push(
			...pairs.filter(([, one]) => one === parent).map(([child]) => child!),
		);
	}

	return found;
};

/** A program that holds ports and is none of ours. */
const makeStrangers = async () => {
	const talker = net.createServer((socket) => {
		socket.on('error', () => undefined);
		socket.end('SSH-2.0-stranger\r\n');
	});
	talker.listen(strangePort, others);
	await once(talker, 'listening');
	const udpTalker = dgram.createSocket('udp4');
	udpTalker.on('message', (_, {port, address}) => {
		udpTalker.send('who are you?\n', port, address);
	});
	udpTalker.bind(strangePort, others);
	await once(udpTalker, 'listening');
	const muteTcp = net.createServer((socket) => {
		socket.on('error', () => undefined);
		socket.resume();
	});
	muteTcp.listen(silentPort, others);
	await once(muteTcp, 'listening');
	const short = net.createServer((socket) => {
		socket.on('error', () => undefined);
		socket.resetAndDestroy();
	});
	short.listen(shortPort, others);
	await once(short, 'listening');
	const mute = dgram.createSocket('udp4');
	mute.bind(silentPort, others);
	await once(mute, 'listening');
	return () => {
		talker.close();
		udpTalker.close();
		muteTcp.close();
		short.close();
		mute.close();
	};
};

for (const sender of candidates) {
	describe(
		`a node that measures with ${sender.rung}`,
		{
			skip: sender.skip,
		},
		() => {
			let closeStrangers: () => void = () => undefined;
			before(async () => {
				closeStrangers = await makeStrangers();
			});
			after(() => {
				closeStrangers();
			});

			for (const target of candidates) {
				test(
					`towards one with ${target.rung}: what is open, closed and not ours`,
					{skip: target.skip},
					async () => {
						const [one, other] = await Promise.all([
							start('one', sender.on!),
							start('other', target.on!),
						]);
						try {
							const {answers} = capabilities[target.rung];
							const {refused} = await other.listen(token, [
								...addresses.flatMap((address) => [
									{protocol: 'tcp' as const, address, port: tcpPort},
									{protocol: 'udp' as const, address, port: udpPort},
								]),
								{protocol: 'tcp', address: others, port: strangePort},
								{protocol: 'udp', address: others, port: strangePort},
							]);
							assert.deepEqual(
								refused.map(({protocol, address, port, problem}) => [
									protocol,
									address,
									port,
									problem,
								]),
								[
									['tcp', others, strangePort, 'in use'],
									['udp', others, strangePort, 'in use'],
								],
							);
							await one.listen(token, []);
							const path = {what: 'path'} as const;
							const reports = await tryAll(one, [
								...addresses.flatMap((address, index): Try[] => [
									{
										...path,
										id: 10 + index,
										protocol: 'tcp',
										address,
										port: tcpPort,
									},
									{
										...path,
										id: 20 + index,
										protocol: 'udp',
										address,
										port: udpPort,
									},
									{
										...path,
										id: 30 + index,
										protocol: 'tcp',
										address,
										port: closedPort,
									},
									{
										...path,
										id: 40 + index,
										protocol: 'udp',
										address,
										port: closedPort,
									},
								]),
								{
									...path,
									id: 1,
									protocol: 'tcp',
									address: others,
									port: strangePort,
								},
								{
									...path,
									id: 2,
									protocol: 'udp',
									address: others,
									port: strangePort,
								},
								{
									...path,
									id: 4,
									protocol: 'tcp',
									address: others,
									port: strangePort,
									connectOnly: true,
								},
								...[silentPort, shortPort].map((port, index) => ({
									...path,
									id: 5 + index,
									protocol: 'tcp' as const,
									address: others,
									port,
								})),
							]);
							for (const [index, address] of addresses.entries()) {
								for (const id of [10 + index, 20 + index]) {
									const report = reports.get(id)!;
									if (answers) {
										assert.ok(
											report.result === 'answered',
											JSON.stringify(report),
										);
										assert.equal(report.node, 'other');
										assert.match(
											report.source,
											net.isIPv4(address)
												? /^127\.0\.0\.1:\d+$/
												: /^\[(?:::|(?:0:){7})1\]:\d+$/,
										);
									} else {
										assert.equal(report.result, 'refused');
									}
								}

								for (const id of [30 + index, 40 + index]) {
									const report = reports.get(id)!;
									assert.ok(
										report.result === 'refused',
										JSON.stringify(report),
									);
									if (id < 40 || !capabilities[sender.rung].refusedBy) {
										assert.equal(report.by, null);
										assert.equal(report.reason, 'connection refused');
									} else {
										assert.equal(report.by, address);
										assert.equal(report.reason, 'port-unreachable');
									}
								}
							}

							assert.equal(reports.get(1)!.result, 'stranger');
							assert.equal(reports.get(2)!.result, 'stranger');
							for (const id of [4, 5, 6]) {
								assert.equal(reports.get(id)!.result, 'connected', `${id}`);
							}
						} finally {
							one.close();
							other.close();
						}

						await until(() => processesWithToken().length === 0);
					},
				);
			}

			test(
				'what is silent, what is counted, and no answer for who does not know the token',
				{skip: sender.skip},
				async () => {
					const agent = await start('one', sender.on!);
					try {
						const address = targets[0]!;
						await agent.listen(token, [
							{protocol: 'tcp', address, port: tcpPort},
							{protocol: 'udp', address, port: udpPort},
						]);
						const earlier = await agent.count();
						const reports = await tryAll(agent, [
							{
								id: 1,
								what: 'burst',
								protocol: 'udp',
								address,
								port: closedPort,
								count: 20,
							},
							{
								id: 2,
								what: 'latency',
								protocol: 'tcp',
								address: others,
								port: strangePort,
								count: 3,
								phase: 0,
							},
							{
								id: 3,
								what: 'tls',
								protocol: 'tcp',
								address,
								port: closedPort,
							},
							{
								id: 4,
								what: 'path',
								protocol: 'udp',
								address: others,
								port: silentPort,
							},
						]);
						const silent = reports.get(4)!;
						assert.equal(silent.result, 'silent');
						assert.equal(silent.sent, 5);
						const later = await agent.count();
						assert.ok(later.udp - earlier.udp >= 20);
						const bursts = reports.get(1)!;
						assert.equal(bursts.result, 'refused');
						assert.equal(bursts.sent, 20);
						const samples = reports.get(2)!;
						assert.ok(
							samples.result === 'sampled' && samples.rtts.length === 3,
							JSON.stringify(samples),
						);
						assert.equal(reports.get(3)!.result, 'refused');
						if (!capabilities[sender.rung].answers) {
							return;
						}

						const socket = dgram.createSocket('udp4');
						const said: string[] = [];
						socket.on('message', (message) => {
							said.push(message.toString());
						});
						const whole = (word: string, number: number) =>
							`k3s-mesh-probe ${word} ask ${number} 7 ${'.'.repeat(180)}\n`;
						for (const request of [
							`k3s-mesh-probe ${token} ask 1 0 .\n`,
							whole('0'.repeat(30), 2),
							whole(token, 3).replace('ask', 'here'),
							`${'x'.repeat(300)}\n`,
							'\n',
						]) {
							socket.send(request, udpPort, address);
						}

						// Whoever knows the token is answered, and by then the others would have been.
						for (const number of [4, 5, 6]) {
							// A socket of its own: ncat has one program for each that it hears.
							const known = dgram.createSocket('udp4');
							const answered = once(known, 'message') as Promise<[Buffer]>;
							const ask = () => {
								known.send(whole(token, number), udpPort, address);
							};

							ask();
							// Again as the agents do: what comes while ncat starts a program is lost.
							const asking = setInterval(ask, 500);
							const [message] = await answered;
							clearInterval(asking);
							known.close();
							assert.match(
								message.toString(),
								new RegExp(` here ${number} 7 one 127\\.0\\.0\\.1:\\d+\n$`),
							);
						}

						socket.close();
						assert.deepEqual(said, []);
					} finally {
						agent.close();
					}

					await until(() => processesWithToken().length === 0);
				},
			);

			test(
				'it ends by itself after its limit, and takes with it what it started',
				{timeout: 30_000},
				async (context) => {
					const child = spawnAgent(sender.on!, {limitSeconds: 2});
					context.after(() => {
						child.kill('SIGKILL');
					});
					child.stdin!.on('error', () => undefined);
					say(child, listenCommand);
					await once(child, 'exit');
					await until(() => processesWithToken().length === 0);
					child.stdin!.end();
				},
			);

			test(
				'it ends when nobody says anything any more, and takes with it what it started',
				{timeout: 30_000},
				async (context) => {
					const child = spawnAgent(sender.on!, {
						limitSeconds: 60,
						silenceSeconds: 1,
					});
					context.after(() => {
						child.kill('SIGKILL');
					});
					child.stdin!.on('error', () => undefined);
					say(child, listenCommand);
					const [code] = (await once(child, 'exit')) as [number];
					assert.equal(code, 0, 'not by its limit');
					await until(() => processesWithToken().length === 0);
					child.stdin!.end();
				},
			);

			test(
				'it ends when nobody hears it any more, and takes with it what it started',
				{timeout: 30_000},
				async (context) => {
					const child = spawnAgent(sender.on!, {limitSeconds: 60});
					context.after(() => {
						child.kill('SIGKILL');
					});
					child.stdin!.on('error', () => undefined);
					say(child, listenCommand);
					let heard = '';
					child.stdout!.on('data', (text: Buffer) => {
						heard += text.toString();
					});
					// It is ready, and listens.
					await until(() => heard.split('\n').length > 2);
					// As when a connection ends: it may find out by what it says, and not by what it hears.
					child.stdout!.destroy();
					const asking = setInterval(() => {
						say(child, {do: 'count'});
					}, 50);
					await once(child, 'exit');
					clearInterval(asking);
					await until(() => processesWithToken().length === 0);
					child.stdin!.end();
				},
			);

			test(
				'signs of life keep it, also those that it is too slow to read in time',
				{timeout: 30_000},
				async () => {
					const silenceSeconds = 2;
					const host = makeLocalHost('one');
					const agent = await startAgent(host, {
						on: sender.on!,
						limitSeconds: 60,
						silenceSeconds,
						signal: new AbortController().signal,
					});
					const [child] = host.children;
					const began = performance.now();
					const passed = async (seconds: number) =>
						until(() => performance.now() - began > seconds * 1000);
					try {
						await agent.listen(token, []);
						await passed(2 * silenceSeconds);
						assert.equal(child!.exitCode, null);
						const all = groupOf(child!);
						for (const pid of all) {
							process.kill(pid, 'SIGSTOP');
						}

						await passed(4 * silenceSeconds);
						for (const pid of all) {
							process.kill(pid, 'SIGCONT');
						}

						// It still answers: nothing that it was told meanwhile is lost.
						assert.ok((await agent.count()).udp >= 0);
						assert.equal(child!.exitCode, null);
					} finally {
						agent.close();
					}
				},
			);
		},
	);
}

for (const {rung, on, skip} of candidates.filter(({rung}) =>
	['socat', 'nc'].includes(rung),
)) {
	test(
		`a node with ${rung} that is flooded gives up that port, says so, and keeps the others`,
		{skip, timeout: 60_000},
		async () => {
			const agent = await start('one', on!);
			const place = {protocol: 'udp', address: targets[0]!} as const;
			const flood = dgram.createSocket('udp4');
			const ended: Promise<void> = (async () => {
				await once(flood, 'close');
			})();
			try {
				const {refused} = await agent.listen(token, [
					{...place, port: udpPort},
					{...place, port: silentPort},
				]);
				assert.deepEqual(refused, []);
				const before = processesWithToken().length;
				let floods = true;
				const send = (): void => {
					if (!floods) {
						flood.close();
						return;
					}

					flood.send('who are you?', udpPort, place.address, () => {
						setImmediate(send);
					});
				};

				send();
				let lost: Awaited<ReturnType<typeof agent.listen>>['refused'] = [];
				const reasons = new Set<string>();
				let most = 0;
				do {
					({refused: lost} = await agent.listen(token, []));
					most = Math.max(most, processesWithToken().length);
					for (const {port, problem} of lost) {
						assert.equal(port, udpPort);
						reasons.add(problem);
					}
				} while (!lost.some(({problem}) => problem.endsWith('was ended')));

				floods = false;
				await ended;
				assert.ok(most < before + 200, `${most} processes, ${before} before`);
				assert.deepEqual(
					[...reasons].filter(
						(reason) => reason !== `more packets came than ${rung} could take`,
					),
					[`so many packets of strangers came that ${rung} was ended`],
				);
				const reports = await tryAll(agent, [
					{...place, id: 1, what: 'path', port: silentPort},
					{...place, id: 2, what: 'path', port: udpPort},
				]);
				assert.equal(reports.get(1)!.result, 'answered');
				assert.equal(reports.get(2)!.result, 'refused');
			} finally {
				agent.close();
			}

			await until(() => processesWithToken().length === 0);
		},
	);
}

for (const {rung, on, skip} of candidates) {
	test(
		`${rung} asks for the time and asks a relay, each by one packet`,
		{skip},
		async () => {
			const server = dgram.createSocket('udp4');
			server.bind(0, '127.0.0.1');
			await once(server, 'listening');
			const asked: string[] = [];
			server.on('message', (question: Buffer, {port, address}) => {
				asked.push(question.toString('hex'));
				server.send(
					question.length === 48
						? question
						: // A binding response: the question's number, and no attribute.
							Buffer.concat([
								Buffer.from('01010000', 'hex'),
								question.subarray(4, 20),
							]),
					port,
					address,
				);
			});
			const agent = await start('one', on!);
			try {
				const place = {
					what: 'service',
					protocol: 'udp',
					address: '127.0.0.1',
					port: server.address().port,
				} as const;
				const reports = await tryAll(agent, [
					{...place, id: 1, speaks: 'time'},
					{...place, id: 2, speaks: 'stun'},
				]);
				for (const [id, report] of reports) {
					assert.equal(report.result, 'served', `${id} ${rung}`);
				}

				assert.deepEqual(
					asked.toSorted(),
					[stunRequest, `23${'00'.repeat(47)}`].toSorted(),
				);
			} finally {
				agent.close();
				server.close();
			}
		},
	);
}

test('a node with bash counts a port that others hold on all addresses as in use', async (context) => {
	if (bash === undefined || python === undefined) {
		context.skip('bash or python3 is not installed');
		return;
	}

	const holder = await start('holder', onPython(python));
	const agent = await start('one', {
		rung: 'counters',
		program: bash,
		listener: undefined,
	});
	try {
		await holder.listen(token, [
			{protocol: 'udp', address: '0.0.0.0', port: udpPort},
		]);
		const {refused} = await agent.listen(token, [
			{protocol: 'udp', address: targets[0]!, port: udpPort},
			{protocol: 'udp', address: targets[0]!, port: closedPort},
		]);
		assert.deepEqual(
			refused.map(({port, problem}) => [port, problem]),
			[[udpPort, 'in use']],
		);
	} finally {
		holder.close();
		agent.close();
	}
});
