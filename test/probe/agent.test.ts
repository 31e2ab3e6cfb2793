import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import dgram from 'node:dgram';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import net from 'node:net';
import process from 'node:process';
import {describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {
	startAgent,
	type RunningAgent,
} from '../../source/probe/agent-client.js';
import type {Report, Try} from '../../source/probe/messages.js';
import {
	findPython,
	makeLocalHost,
	onPython,
	spawnAgent,
	until,
} from './local-host.js';

const python = await findPython();
const skip = python === undefined ? 'python3 is not installed' : false;
const token = 'ab'.repeat(16);
const tcpPort = 26_443;
const udpPort = 25_820;

/** Two agents, one on 127.0.61.1 and one on 127.0.61.2, and what to do with them. */
const withAgents = async (
	work: (one: RunningAgent, other: RunningAgent) => Promise<void>,
	otherToken = token,
): Promise<void> => {
	const controller = new AbortController();
	const start = async (name: string) =>
		startAgent(makeLocalHost(name), {
			on: onPython(python!),
			limitSeconds: 30,
			silenceSeconds: 30,
			signal: controller.signal,
		});
	const [one, other] = await Promise.all([start('one'), start('other')]);
	try {
		const listening = await Promise.all([
			one.listen(token, [
				{protocol: 'tcp', address: '127.0.61.1', port: tcpPort},
			]),
			other.listen(otherToken, [
				{protocol: 'tcp', address: '127.0.61.2', port: tcpPort},
				{protocol: 'udp', address: '127.0.61.2', port: udpPort},
			]),
		]);
		assert.deepEqual(
			listening.flatMap(({refused}) => refused),
			[],
		);
		await work(one, other);
	} finally {
		one.close();
		other.close();
	}
};

const tryAll = async (
	agent: RunningAgent,
	tries: readonly Try[],
): Promise<ReadonlyMap<number, Report>> => {
	const reports = new Map<number, Report>();
	await agent.try(tries, (report) => {
		reports.set(report.tried, report);
	});
	return reports;
};

const onePath = (
	protocol: 'tcp' | 'udp',
	port = protocol === 'tcp' ? tcpPort : udpPort,
	address = '127.0.61.2',
): Try => ({id: 1, what: 'path', protocol, address, port});

/** Does a process run? One that has ended but was not collected yet does not. */
const runs = (pid: number): boolean => {
	try {
		return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
	} catch {
		return false;
	}
};

describe('the probe agent', {skip}, () => {
	for (const protocol of ['tcp', 'udp'] as const) {
		test(`${protocol}: an answer carries the token, the name and what the far side saw`, async () => {
			await withAgents(async (one) => {
				const reports = await tryAll(one, [onePath(protocol)]);
				const report = reports.get(1);
				assert.ok(report?.result === 'answered');
				assert.equal(report.node, 'other');
				assert.match(report.source, /^127\.0\.0\.1:\d+$/);
				assert.ok(report.rtt > 0);
			});
		});
	}

	test('a port where nobody listens is refused, by UDP with the box that said so', async () => {
		await withAgents(async (one) => {
			const reports = await tryAll(one, [
				{...onePath('tcp', 26_454), id: 1},
				{...onePath('udp', 25_821), id: 2},
			]);
			assert.deepEqual(reports.get(1), {
				tried: 1,
				sent: 1,
				result: 'refused',
				by: null,
				reason: 'connection refused',
			});
			const udp = reports.get(2);
			assert.ok(udp?.result === 'refused');
			assert.equal(udp.by, '127.0.61.2');
			assert.equal(udp.reason, 'port-unreachable');
		});
	});

	test('a wrong token gets no answer: UDP is silence, TCP a connection without a word', async () => {
		await withAgents(async (one) => {
			const reports = await tryAll(one, [
				{...onePath('tcp'), id: 1},
				{...onePath('udp'), id: 2},
			]);
			assert.equal(reports.get(1)?.result, 'connected');
			const udp = reports.get(2);
			assert.equal(udp?.result, 'silent');
			assert.equal(udp?.sent, 5);
		}, 'cd'.repeat(16));
	});

	test('an answer is never longer than the question', async () => {
		await withAgents(async () => {
			const socket = dgram.createSocket('udp4');
			socket.bind(0, '127.0.0.1');
			await once(socket, 'listening');
			const short = Buffer.from(`k3s-mesh-probe ${token} ask 1 0 .`);
			const whole = Buffer.from(
				`k3s-mesh-probe ${token} ask 1 1 ${'.'.repeat(200)}`,
			);
			const answered = once(socket, 'message');
			socket.send(short, udpPort, '127.0.61.2');
			socket.send(whole, udpPort, '127.0.61.2');
			const [message] = (await answered) as [Buffer];
			socket.close();
			assert.match(message.toString(), / here 1 1 other 127\.0\.0\.1:\d+\n$/);
			assert.ok(message.length <= whole.length);
		});
	});

	test('a port that another program holds is told, and its connection shown', async () => {
		const server = net.createServer((socket) => {
			socket.destroy();
		});
		server.listen(tcpPort + 1, '127.0.61.2');
		await once(server, 'listening');
		try {
			await withAgents(async (one, other) => {
				const {refused} = await other.listen(token, [
					{protocol: 'tcp', address: '127.0.61.2', port: tcpPort + 1},
				]);
				assert.deepEqual(refused, [
					{
						protocol: 'tcp',
						address: '127.0.61.2',
						port: tcpPort + 1,
						problem: 'in use',
					},
				]);
				const reports = await tryAll(one, [
					{
						id: 1,
						what: 'path',
						protocol: 'tcp',
						address: '127.0.61.2',
						port: tcpPort + 1,
						connectOnly: true,
					},
					{...onePath('tcp', tcpPort + 1), id: 2},
				]);
				assert.equal(reports.get(1)?.result, 'connected');
				assert.equal(reports.get(2)?.result, 'connected');
			});
		} finally {
			server.close();
		}
	});

	test('round trips and the largest packet', async () => {
		await withAgents(async (one) => {
			const place = {address: '127.0.61.2'};
			const reports = await tryAll(one, [
				{
					...place,
					id: 1,
					what: 'latency',
					protocol: 'udp',
					port: udpPort,
					count: 4,
					phase: 0.5,
				},
				{
					...place,
					id: 2,
					what: 'latency',
					protocol: 'tcp',
					port: tcpPort,
					count: 3,
					phase: 0,
				},
				{...place, id: 3, what: 'mtu', protocol: 'udp', port: udpPort},
			]);
			const udp = reports.get(1);
			assert.ok(udp?.result === 'sampled');
			assert.equal(udp.rtts.length, 4);
			const tcp = reports.get(2);
			assert.ok(tcp?.result === 'sampled');
			assert.equal(tcp.rtts.length, 3);
			const mtu = reports.get(3);
			assert.ok(mtu?.result === 'largest');
			assert.ok(mtu.bytes >= 1280, `${mtu.bytes}`);
		});
	});

	test('hundreds of paths at once are all answered', async () => {
		await withAgents(async (one) => {
			const tries = Array.from({length: 600}, (_, index) => ({
				...onePath(index % 2 === 0 ? 'tcp' : 'udp'),
				id: index + 1,
			}));
			const reports = await tryAll(one, tries);
			assert.equal(reports.size, 600);
			assert.ok(
				[...reports.values()].every(({result}) => result === 'answered'),
			);
		});
	});

	test('the end of standard input ends it', async () => {
		const child = spawnAgent(onPython(python!), {limitSeconds: 30});
		await once(child.stdout!, 'data');
		child.stdin!.end();
		const [code] = (await once(child, 'exit')) as [number];
		assert.equal(code, 0);
	});

	test('the death of the client ends it', async () => {
		const holder = spawn(
			process.execPath,
			[
				'--import',
				'tsx',
				fileURLToPath(new URL('agent-holder.ts', import.meta.url)),
				python!,
			],
			{stdio: ['ignore', 'pipe', 'inherit']},
		);
		const [printed] = (await once(holder.stdout, 'data')) as [Buffer];
		const pid = Number(printed.toString());
		assert.ok(runs(pid));
		holder.kill('SIGKILL');
		await until(() => !runs(pid));
	});

	test(
		'it ends by itself after its limit, whoever holds its standard input',
		{timeout: 30_000},
		async (context) => {
			const child = spawnAgent(onPython(python!), {limitSeconds: 1});
			context.after(() => {
				child.kill('SIGKILL');
			});
			const [, signal] = (await once(child, 'exit')) as [number, string];
			assert.equal(signal, 'SIGALRM');
			child.stdin!.end();
		},
	);
});
