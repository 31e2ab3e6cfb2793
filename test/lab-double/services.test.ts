import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {connect} from 'node:net';
import path from 'node:path';
import {test, type TestContext} from 'node:test';
import {
	ask,
	choosePorts,
	eventually,
	program,
	skipReason,
	temporaryNode,
	type Item,
	type Node,
} from './harness.js';

const skip = skipReason();

const startedServer = async (
	context: TestContext,
	more: Readonly<Record<string, unknown>> = {},
): Promise<Node> => {
	const server = temporaryNode(context, '127.0.0.2', await choosePorts());
	server.configureNode({'node-name': 'one', token: 'server-secret', ...more});
	server.start('server');
	await server.line(/k3s is up and running/);
	return server;
};

const dnsEndpoints = '/api/v1/namespaces/kube-system/endpoints/kube-dns';

/** A DNS question for the IPv4 address of a name. */
const questionFor = (name: string): Buffer =>
	Buffer.concat([
		Buffer.from([0, 17, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
		...name
			.split('.')
			.map((part) =>
				Buffer.from(`${String.fromCodePoint(part.length)}${part}`),
			),
		Buffer.from([0, 0, 1, 0, 1]),
	]);

/** Code and address of an answer. */
const readAnswer = (answer: Buffer): string =>
	`${answer[3]! % 16} ${answer.readUInt16BE(6) === 1 ? answer.subarray(-4).join('.') : '-'}`;

const askOverUdp = async (port: number, name: string): Promise<string> =>
	new Promise((resolve, reject) => {
		const socket = createSocket('udp4');
		socket.once('error', reject).once('message', (answer) => {
			socket.close();
			resolve(readAnswer(answer));
		});
		socket.send(questionFor(name), port, '127.0.0.1');
	});

const askOverTcp = async (port: number, name: string): Promise<string> =>
	new Promise((resolve, reject) => {
		const question = questionFor(name);
		const socket = connect(port, '127.0.0.1', () => {
			socket.write(Buffer.from([0, question.length]));
			socket.write(question);
		});
		const parts: Buffer[] = [];
		socket
			.once('error', reject)
			.on('data', (part) => parts.push(part))
			.once('end', () => {
				resolve(readAnswer(Buffer.concat(parts).subarray(2)));
			});
	});

/** Starts the pod of a DNS server on a node's files and resolves when it listens. */
const startDns = async (
	context: TestContext,
	node: Node,
	port: number,
): Promise<void> => {
	const child = spawn(
		'python3',
		[program, 'double-pod', 'coredns', `dns:${port}`],
		{env: node.environment, stdio: ['ignore', 'pipe', 'inherit']},
	);
	context.after(() => child.kill('SIGKILL'));
	await new Promise((resolve, reject) => {
		child.once('error', reject).once('exit', reject);
		child.stdout.once('data', resolve);
	});
};

test(
	'the cluster has a DNS service with a pod behind it, and the pod knows the services',
	{skip},
	async (context) => {
		const server = await startedServer(context, {
			'service-cidr': '10.99.0.0/16',
			'cluster-domain': 'home.example',
		});
		const service = await ask(
			server,
			'/api/v1/namespaces/kube-system/services/kube-dns',
		);
		assert.equal(
			(service.json.spec as {clusterIP?: string}).clusterIP,
			'10.99.0.10',
		);
		const {json} = await eventually(
			async () => ask(server, dnsEndpoints),
			(answer) => answer.status === 200 && answer.json.subsets.length === 1,
		);
		const pods = await ask(
			server,
			'/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns',
		);
		assert.deepEqual(
			json.subsets[0]!.addresses.map(({ip}) => ip),
			pods.json.items.map(({status}: Item) => status.podIP),
		);

		await eventually(
			async () => ask(server, dnsEndpoints),
			() => server.file('run/k3s-double/services.json').includes('kube-dns'),
		);
		const {api: port} = await choosePorts();
		await startDns(context, server, port);
		for (const over of [askOverUdp, askOverTcp]) {
			assert.equal(
				await over(port, 'kubernetes.default.svc.home.example'),
				'0 10.99.0.1',
			);
			assert.equal(
				await over(port, 'Kube-DNS.kube-system.svc.home.example'),
				'0 10.99.0.10',
			);
			assert.equal(await over(port, 'none.default.svc.home.example'), '3 -');
			assert.equal(
				await over(port, 'kubernetes.default.svc.cluster.local'),
				'5 -',
			);
		}
	},
);

test(
	'a cluster whose CoreDNS is disabled has no DNS service',
	{skip},
	async (context) => {
		const server = await startedServer(context, {disable: ['coredns']});
		const {status} = await ask(
			server,
			'/api/v1/namespaces/kube-system/services/kube-dns',
		);
		assert.equal(status, 404);
	},
);

test(
	'images that cannot be had keep pods waiting as they do in K3s, until they can be had',
	{skip},
	async (context) => {
		const server = temporaryNode(context, '127.0.0.2', await choosePorts());
		const file = path.join(server.root, 'etc/k3s-double/no-images');
		mkdirSync(path.dirname(file));
		writeFileSync(file, 'coredns\n');
		server.configureNode({'node-name': 'one', token: 'server-secret'});
		server.start('server');
		await server.line(/k3s is up and running/);
		const statusOf = async (name: string, wanted: string): Promise<void> => {
			await eventually(
				async () =>
					ask(
						server,
						`/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3D${name}`,
					),
				({json}) =>
					json.items.some(
						({status}) => (status.reason ?? status.phase) === wanted,
					),
			);
		};

		await statusOf('metrics-server', 'Running');
		await statusOf('kube-dns', 'ImagePullBackOff');
		writeFileSync(file, 'sandbox\n');
		await statusOf('kube-dns', 'ContainerCreating');
		const events = await eventually(
			async () => ask(server, '/api/v1/namespaces/kube-system/events'),
			({json}) => json.items.length > 0,
		);
		assert.match(
			events.json.items[0]!.message!,
			/failed to get sandbox image "rancher\/mirrored-pause:3\.6"/,
		);
		rmSync(file);
		await statusOf('kube-dns', 'Running');
	},
);
