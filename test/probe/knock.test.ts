import assert from 'node:assert/strict';
import {once} from 'node:events';
import net from 'node:net';
import {describe, test} from 'node:test';
import tls from 'node:tls';
import {startAgent} from '../../source/probe/agent-client.js';
import {knock} from '../../source/probe/knock.js';
import {makeIdentity} from './certificate.js';
import {findPython, makeLocalHost, onPython} from './local-host.js';

const python = await findPython();
const address = '127.0.64.1';
const token = 'ab'.repeat(16);
const {signal} = new AbortController();

const withServer = async (
	server: net.Server,
	work: (port: number) => Promise<void>,
): Promise<void> => {
	server.listen(0, address);
	await once(server, 'listening');
	try {
		await work((server.address() as net.AddressInfo).port);
	} finally {
		server.close();
	}
};

describe('this machine knocks', () => {
	test(
		'at an agent: the answer carries the token',
		{skip: python === undefined && 'python3 is not installed'},
		async () => {
			const agent = await startAgent(makeLocalHost('one'), {
				on: onPython(python!),
				limitSeconds: 30,
				silenceSeconds: 30,
				signal,
			});
			const port = 23_443;
			try {
				const {refused} = await agent.listen(token, [
					{protocol: 'tcp', address, port},
				]);
				assert.deepEqual(refused, []);
				const outcome = await knock(
					{address, port, what: {token, id: 7}},
					signal,
				);
				assert.ok(outcome.result === 'answered');
				assert.equal(outcome.node, 'one');
				assert.match(outcome.source, /^127\.0\.0\.1:\d+$/);
				assert.deepEqual(
					(await agent.arrivals()).map(({id}) => id),
					[7],
				);
				const other = await knock(
					{address, port, what: {token: 'cd'.repeat(16), id: 7}},
					signal,
				);
				assert.equal(other.result, 'connected');
			} finally {
				agent.close();
			}
		},
	);

	test('at a port where nobody listens', async () => {
		let port = 0;
		await withServer(net.createServer(), async (free) => {
			port = free;
		});
		assert.deepEqual(await knock({address, port, what: 'connect'}, signal), {
			result: 'refused',
			by: null,
			reason: 'connection refused',
		});
	});

	test('at a name that is none', async () => {
		const outcome = await knock(
			{address: 'no-such-name.invalid', port: 1, what: 'connect'},
			signal,
		);
		assert.equal(outcome.result, 'failed');
	});

	test('at a program of somebody else: connected, if no more was wanted', async () => {
		const server = net.createServer((socket) => {
			socket.on('error', () => undefined);
			socket.end('220 hello\n');
		});
		await withServer(server, async (port) => {
			const outcome = await knock({address, port, what: 'connect'}, signal);
			assert.equal(outcome.result, 'connected');
			assert.deepEqual(
				await knock({address, port, what: {token, id: 7}}, signal),
				{
					result: 'stranger',
				},
			);
			assert.deepEqual(await knock({address, port, what: 'tls'}, signal), {
				result: 'stranger',
			});
		});
	});

	test('at one that answers with another token: a stranger', async () => {
		const server = net.createServer((socket) => {
			socket.on('error', () => undefined);
			socket.end(
				`k3s-mesh-probe ${'cd'.repeat(16)} here 7 0 one 192.0.2.1:5\n`,
			);
		});
		await withServer(server, async (port) => {
			assert.deepEqual(
				await knock({address, port, what: {token, id: 7}}, signal),
				{
					result: 'stranger',
				},
			);
		});
	});

	test('at one that says nothing, until it is stopped', async () => {
		const controller = new AbortController();
		const server = net.createServer((socket) => {
			socket.on('error', () => undefined);
			socket.on('data', () => {
				controller.abort();
			});
		});
		await withServer(server, async (port) => {
			const outcome = await knock(
				{address, port, what: {token, id: 7}},
				controller.signal,
			);
			assert.equal(outcome.result, 'connected');
		});
	});

	for (const what of ['tls', {token, id: 7}] as const) {
		const words = what === 'tls' ? 'by TLS' : 'with the token';
		test(`${words} at one that hangs up at once: connected, and no stranger`, async () => {
			const server = net.createServer((socket) => {
				socket.on('error', () => undefined);
				socket.destroy();
			});
			await withServer(server, async (port) => {
				const outcome = await knock({address, port, what}, signal);
				assert.equal(outcome.result, 'connected');
			});
		});
	}

	const identity = makeIdentity();
	test(
		'at a service of TLS: the key that it shows',
		{skip: identity === undefined && 'openssl is not installed'},
		async () => {
			const server = tls.createServer({...identity});
			server.on('tlsClientError', () => undefined);
			await withServer(server, async (port) => {
				const outcome = await knock({address, port, what: 'tls'}, signal);
				assert.ok(outcome.result === 'tls');
				assert.equal(outcome.key, identity!.publicKey);
			});
		},
	);
});
