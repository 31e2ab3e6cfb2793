import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawnSync} from 'node:child_process';
import dgram from 'node:dgram';
import {once} from 'node:events';
import net from 'node:net';
import {describe, test} from 'node:test';
import tls from 'node:tls';
import {
	startAgent,
	type RunningAgent,
} from '../../source/probe/agent-client.js';
import {agentSource} from '../../source/probe/agent/source.js';
import type {Report, Try} from '../../source/probe/messages.js';
import {stunRequest} from '../../source/probe/stun.js';
import {makeIdentity} from './certificate.js';
import {findPython, makeLocalHost, onPython} from './local-host.js';

const python = await findPython();
const skip = python === undefined ? 'python3 is not installed' : false;
const token = 'ab'.repeat(16);
const here = '127.0.63.1';
const udpPort = 24_820;

/** One agent that listens on UDP, and what to do with it. */
const withAgent = async (
	work: (agent: RunningAgent) => Promise<void>,
): Promise<void> => {
	const agent = await startAgent(makeLocalHost('one'), {
		on: onPython(python!),
		limitSeconds: 30,
		silenceSeconds: 30,
		signal: new AbortController().signal,
	});
	try {
		const {refused} = await agent.listen(token, [
			{protocol: 'udp', address: here, port: udpPort},
			{protocol: 'udp', address: '127.0.0.1', port: udpPort},
			{protocol: 'tcp', address: here, port: udpPort},
		]);
		assert.deepEqual(refused, []);
		await work(agent);
	} finally {
		agent.close();
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

const toUdp = {protocol: 'udp', address: here, port: udpPort} as const;

describe('the probe agent, further', {skip}, () => {
	test('it is written in the Python of 3.6', () => {
		const checked = spawnSync(
			python!,
			[
				'-c',
				'import ast, sys; ast.parse(sys.stdin.read(), **({"feature_version": (3, 6)} if sys.version_info >= (3, 8) else {}))',
			],
			{input: agentSource, encoding: 'utf8'},
		);
		assert.equal(checked.stderr, '');
		assert.equal(checked.status, 0);
	});

	test('mapping: packets leave from the listener, or from one other port for all', async () => {
		await withAgent(async (agent) => {
			const mapping = {...toUdp, what: 'mapping'} as const;
			const reports = await tryAll(agent, [
				{...mapping, id: 1, localPort: udpPort},
				{...mapping, id: 2, localPort: udpPort + 1},
				{...mapping, id: 3, localPort: udpPort + 1},
			]);
			const sourceOf = (id: number) => {
				const report = reports.get(id);
				assert.ok(report?.result === 'answered', JSON.stringify(report));
				assert.equal(report.node, 'one');
				assert.ok(report.source.endsWith(`:${report.localPort}`));
				return report.localPort;
			};

			assert.equal(sourceOf(1), udpPort);
			assert.notEqual(sourceOf(2), udpPort);
			assert.equal(sourceOf(2), sourceOf(3));
		});
	});

	test('what arrived is told by the number of the try, and nothing that lacks the token', async () => {
		await withAgent(async (agent) => {
			const stranger = dgram.createSocket('udp4');
			stranger.send(Buffer.from('hello '.repeat(40)), udpPort, here);
			await once(stranger, 'listening');
			const reports = await tryAll(agent, [
				{...toUdp, id: 7, what: 'burst', count: 20},
				{...toUdp, id: 8, what: 'path'},
				{...toUdp, id: 9, what: 'path', protocol: 'tcp'},
			]);
			stranger.close();
			assert.equal(reports.get(7)?.result, 'sent');
			assert.equal(reports.get(7)?.sent, 20);
			const arrivals = await agent.arrivals();
			assert.deepEqual(
				arrivals
					.map(({id, packets}) => [id, packets])
					.toSorted(([one = 0], [other = 0]) => one - other),
				[
					[7, 20],
					[8, 1],
					[9, 1],
				],
			);
			assert.ok(arrivals.every(({source}) => /^127\.[\d.]+:\d+$/.test(source)));
		});
	});

	test('packets to a port where nobody listens are counted by the kernel', async () => {
		await withAgent(async (agent) => {
			const before = await agent.count();
			const reports = await tryAll(agent, [
				{...toUdp, port: udpPort + 2, id: 1, what: 'burst', count: 20},
			]);
			assert.equal(reports.get(1)?.result, 'refused');
			const after = await agent.count();
			assert.ok(after.udp - before.udp >= 20);
		});
	});

	test('an agent that stands still is given up, and says why', async () => {
		const host = makeLocalHost('one');
		const agent = await startAgent(host, {
			on: onPython(python!),
			limitSeconds: 30,
			silenceSeconds: 30,
			signal: new AbortController().signal,
			patienceMs: 300,
		});
		const [child] = host.children;
		try {
			child!.kill('SIGSTOP');
			await agent.try([{...toUdp, id: 1, what: 'path'}], () => {
				assert.fail('nothing can be reported');
			});
			assert.equal(agent.problem(), 'the probe on one said nothing for 0.3 s');
			await assert.rejects(agent.listen(token, []), /said nothing/);
		} finally {
			child!.kill('SIGKILL');
			agent.close();
		}
	});

	test('services: a name, a connection, a refusal, a name that is none', async () => {
		const server = net.createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const {port} = server.address() as net.AddressInfo;
		try {
			await withAgent(async (agent) => {
				const service = {what: 'service', protocol: 'tcp'} as const;
				const reports = await tryAll(agent, [
					{...service, id: 1, speaks: 'names', address: 'localhost', port: 53},
					{...service, id: 2, speaks: 'connect', address: '127.0.0.1', port},
					{...service, id: 3, speaks: 'connect', address: here, port},
					{
						...service,
						id: 4,
						speaks: 'connect',
						address: 'no-such-name.invalid',
						port,
					},
				]);
				assert.equal(reports.get(1)?.result, 'served');
				assert.equal(reports.get(2)?.result, 'served');
				const proxied = reports.get(3)?.result === 'failed';
				assert.equal(reports.get(3)?.result, proxied ? 'failed' : 'refused');
				assert.equal(reports.get(4)?.result, proxied ? 'failed' : 'unresolved');
				assert.equal(reports.get(4)?.host, 'no-such-name.invalid');
			});
		} finally {
			server.close();
		}
	});

	test('the time is asked of a time server', async () => {
		const clock = dgram.createSocket('udp4');
		clock.bind(0, '127.0.0.1');
		await once(clock, 'listening');
		clock.on('message', (asked, {port, address}) => {
			assert.equal(asked.length, 48);
			clock.send(Buffer.alloc(48, 0x24), port, address);
		});
		try {
			await withAgent(async (agent) => {
				const reports = await tryAll(agent, [
					{
						id: 1,
						what: 'service',
						speaks: 'time',
						protocol: 'udp',
						address: '127.0.0.1',
						port: clock.address().port,
					},
				]);
				assert.equal(reports.get(1)?.result, 'served');
			});
		} finally {
			clock.close();
		}
	});

	test('a relay is asked as Tailscale asks, and only its answer counts', async () => {
		const relay = dgram.createSocket('udp4');
		relay.bind(0, '127.0.0.1');
		await once(relay, 'listening');
		relay.on('message', (asked, {port, address}) => {
			assert.equal(asked.toString('hex'), stunRequest);
			// What belongs to another question is no answer.
			relay.send(
				Buffer.concat([Buffer.from('01010000', 'hex'), Buffer.alloc(16)]),
				port,
				address,
				() => {
					relay.send(
						Buffer.concat([
							Buffer.from('01010000', 'hex'),
							asked.subarray(4, 20),
						]),
						port,
						address,
					);
				},
			);
		});
		try {
			await withAgent(async (agent) => {
				const reports = await tryAll(agent, [
					{
						id: 1,
						what: 'service',
						speaks: 'stun',
						protocol: 'udp',
						address: '127.0.0.1',
						port: relay.address().port,
					},
				]);
				assert.equal(reports.get(1)?.result, 'served');
			});
		} finally {
			relay.close();
		}
	});

	test('a flood of junk keeps nobody from being answered', async () => {
		await withAgent(async (agent) => {
			const flood = dgram.createSocket('udp4');
			const junk = Buffer.alloc(1200, 'x ');
			let open = true;
			const pour = () => {
				if (!open) {
					return;
				}

				for (let count = 0; count < 50; count += 1) {
					flood.send(junk, udpPort, here);
				}

				setImmediate(pour);
			};

			pour();
			try {
				const tries = Array.from({length: 50}, (_, index) => ({
					...toUdp,
					protocol: index % 2 === 0 ? ('tcp' as const) : ('udp' as const),
					id: index + 1,
					what: 'path' as const,
				}));
				const reports = await tryAll(agent, tries);
				assert.deepEqual(
					new Set([...reports.values()].map(({result}) => result)),
					new Set(['answered']),
				);
			} finally {
				open = false;
				flood.close();
			}
		});
	});

	test('a service that pours out data is a stranger, and ends', async () => {
		const server = net.createServer((socket) => {
			socket.on('error', () => undefined);
			const pour = () => {
				while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'y'))) {
					// As much as the socket takes.
				}
			};

			socket.on('drain', pour);
			pour();
		});
		server.listen(0, here);
		await once(server, 'listening');
		const {port} = server.address() as net.AddressInfo;
		try {
			await withAgent(async (agent) => {
				const place = {protocol: 'tcp', address: here, port} as const;
				const reports = await tryAll(agent, [
					{...place, id: 1, what: 'path'},
					{...place, id: 2, what: 'tls'},
				]);
				assert.equal(reports.get(1)?.result, 'stranger');
				assert.equal(reports.get(2)?.result, 'stranger');
			});
		} finally {
			server.close();
		}
	});
});

const identity = makeIdentity();

describe(
	'the public key of a service that runs',
	{skip: skip || (identity === undefined && 'openssl is not installed')},
	() => {
		for (const [title, options] of [
			['TLS 1.3', {minVersion: 'TLSv1.3'}],
			['TLS 1.2', {maxVersion: 'TLSv1.2'}],
			[
				'TLS 1.3 that wants a certificate of the client',
				{minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: true},
			],
			[
				'TLS 1.2 that wants a certificate of the client',
				{maxVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: true},
			],
		] as const) {
			test(title, async () => {
				const server = tls.createServer({...identity, ...options});
				server.on('tlsClientError', () => undefined);
				server.listen(0, here);
				await once(server, 'listening');
				const {port} = server.address() as net.AddressInfo;
				try {
					await withAgent(async (agent) => {
						const reports = await tryAll(agent, [
							{id: 1, what: 'tls', protocol: 'tcp', address: here, port},
						]);
						const report = reports.get(1);
						assert.ok(report?.result === 'tls', JSON.stringify(report));
						assert.equal(report.key, identity!.publicKey);
					});
				} finally {
					server.close();
				}
			});
		}

		test('a service that takes longer for its handshake than silence is waited for', async () => {
			const secure = tls.createServer({...identity});
			// Bytes of the client lie there until its silence would be over.
			const server = net.createServer({pauseOnConnect: true}, (socket) => {
				setTimeout(() => {
					secure.emit('connection', socket);
				}, 4000);
			});
			server.listen(0, here);
			await once(server, 'listening');
			const {port} = server.address() as net.AddressInfo;
			try {
				await withAgent(async (agent) => {
					const reports = await tryAll(agent, [
						{id: 1, what: 'tls', protocol: 'tcp', address: here, port},
					]);
					const report = reports.get(1);
					assert.ok(report?.result === 'tls', JSON.stringify(report));
					assert.equal(report.key, identity!.publicKey);
				});
			} finally {
				server.close();
			}
		});
	},
);
