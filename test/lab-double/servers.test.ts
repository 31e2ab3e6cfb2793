import assert from 'node:assert/strict';
import {test, type TestContext} from 'node:test';
import {
	ask,
	choosePorts,
	eventually,
	namesOf,
	skipReason,
	statusOf,
	temporaryNode,
	type Node,
} from './harness.js';

const skip = skipReason();

async function first(
	context: TestContext,
	more: Record<string, unknown>,
): Promise<Node> {
	const server = temporaryNode(context, '127.0.0.2', await choosePorts());
	server.configureNode({'node-name': 'one', token: 'server-secret', ...more});
	server.start('server');
	await server.line(/k3s is up and running/);
	return server;
}

function joining(
	context: TestContext,
	leader: Node,
	name: string,
	address: string,
	more: Record<string, unknown> = {},
): Node {
	const server = temporaryNode(context, address, leader.ports);
	const token = leader.file('var/lib/rancher/k3s/server/token').trim();
	server.configureNode({
		'node-name': name,
		server: `https://${leader.address}:${leader.ports.api}`,
		token,
		...more,
	});
	server.start('server');
	return server;
}

test(
	'three servers share one cluster, and each answers for it',
	{skip},
	async (context) => {
		const one = await first(context, {'cluster-init': true});
		const two = joining(context, one, 'two', '127.0.0.3');
		await two.line(/k3s is up and running/);
		const three = joining(context, one, 'three', '127.0.0.4');
		await three.line(/k3s is up and running/);
		for (const server of [one, two, three]) {
			const nodes = await eventually(
				async () => ask(server, '/api/v1/nodes'),
				(answer) => answer.json.items.length === 3,
			);
			assert.deepEqual(
				nodes.json.items.map((item) => item.metadata.name),
				['one', 'three', 'two'],
			);
			assert.ok(
				nodes.json.items.every(
					(item) =>
						item.metadata.labels['node-role.kubernetes.io/etcd'] === 'true',
				),
			);
		}

		const endpoints = await ask(
			two,
			'/api/v1/namespaces/default/endpoints/kubernetes',
		);
		assert.deepEqual(
			endpoints.json.subsets[0]?.addresses.map((entry) => entry.ip),
			['127.0.0.2', '127.0.0.3', '127.0.0.4'],
		);
		assert.equal(
			two.file('var/lib/rancher/k3s/server/token'),
			one.file('var/lib/rancher/k3s/server/token'),
		);

		await two.stop();
		two.start('server');
		await two.line(/k3s is up and running/);
		await one.stop();
		assert.deepEqual(
			await namesOf(three, '/api/v1/nodes'),
			['one', 'three', 'two'],
			'reads are answered while the first server is away',
		);
	},
);

test(
	'a server whose critical values differ is refused and names them',
	{skip},
	async (context) => {
		const one = await first(context, {'cluster-init': true});
		const two = joining(context, one, 'two', '127.0.0.3', {
			'flannel-backend': 'host-gw',
		});
		assert.equal(await two.end(), 1);
		await two.line(
			/critical configuration value mismatch between servers: flannel-backend \(here host-gw, there vxlan\)/,
		);
	},
);

test(
	'a server cannot join one that runs on SQLite',
	{skip},
	async (context) => {
		const one = await first(context, {});
		const two = joining(context, one, 'two', '127.0.0.3');
		assert.equal(await two.end(), 1);
		await two.line(
			/runs on sqlite, not on embedded etcd: start the first server with --cluster-init/,
		);
	},
);

test(
	'a server needs the full token of the servers',
	{skip},
	async (context) => {
		const one = await first(context, {
			'cluster-init': true,
			'agent-token': 'agent-secret',
		});
		const short = joining(context, one, 'two', '127.0.0.3', {
			token: 'server-secret',
		});
		assert.equal(await short.end(), 1);
		await short.line(/a server that joins must use the full K10 token/);
		const ofAgents = joining(context, one, 'two', '127.0.0.3', {
			token: one.file('var/lib/rancher/k3s/server/agent-token').trim(),
		});
		assert.equal(await ofAgents.end(), 1);
		await ofAgents.line(/server-bootstrap: 403 Forbidden/);
	},
);

test(
	'a server that cannot reach the etcd of the first on its private address hangs and says where',
	{skip},
	async (context) => {
		const one = await first(context, {'cluster-init': true});
		const {etcdPeer} = await choosePorts();
		const two = temporaryNode(context, '127.0.0.3', {
			...one.ports,
			etcdPeer,
		});
		two.configureNode({
			'node-name': 'two',
			server: `https://${one.address}:${one.ports.api}`,
			token: one.file('var/lib/rancher/k3s/server/token').trim(),
		});
		two.start('server');
		await two.line(
			/failed to get cluster response address=https:\/\/127\.0\.0\.2:\d+\/members/,
		);
		await two.line(
			/Waiting to retrieve kube-proxy configuration; server is not ready: .*\/readyz: 500 Internal Server Error/,
		);
		assert.equal(
			await statusOf(two, '/v1-k3s/readyz', {basic: 'server:server-secret'}),
			500,
		);
		assert.equal(two.exitCode, undefined);
	},
);

test(
	'servers on one datastore share a cluster; another token or an absent datastore is refused',
	{skip},
	async (context) => {
		const ports = await choosePorts();
		const database = temporaryNode(context, '127.0.0.5', ports);
		database.start('double-datastore', {}, [
			'--listen',
			`127.0.0.5:${ports.etcdClient}`,
			'--file',
			`${database.root}/state.json`,
		]);
		await database.line(/datastore of the lab listens on/);
		const starting = (name: string, address: string, token: string): Node => {
			const server = temporaryNode(context, address, ports);
			server.configureNode({
				'node-name': name,
				token,
				'datastore-endpoint': `postgres://k3s:word@127.0.0.5:${ports.etcdClient}/k3s`,
			});
			server.start('server');
			return server;
		};

		const one = starting('one', '127.0.0.2', 'server-secret');
		await one.line(/k3s is up and running/);
		const two = starting('two', '127.0.0.3', 'server-secret');
		await two.line(/k3s is up and running/);
		await eventually(
			async () => ask(one, '/api/v1/nodes'),
			(answer) => answer.json.items.length === 2,
		);
		assert.deepEqual(await namesOf(two, '/api/v1/nodes'), ['one', 'two']);
		const three = starting('three', '127.0.0.4', 'another-secret');
		assert.equal(await three.end(), 1);
		await three.line(
			/bootstrap data already found and encrypted with different token/,
		);
		await database.stop();
		three.start('server');
		assert.equal(await three.end(), 1);
		await three.line(/failed to connect to the datastore/);
	},
);
