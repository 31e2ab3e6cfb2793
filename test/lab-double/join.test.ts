import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {existsSync, rmSync} from 'node:fs';
import path from 'node:path';
import {test, type TestContext} from 'node:test';
import {
	ask,
	choosePorts,
	eventually,
	modeOf,
	namesOf,
	objectOf,
	skipReason,
	statusOf,
	temporaryNode,
	textOf,
	type Item,
	type Node,
} from './harness.js';

const skip = skipReason();

const wireguard = {
	'flannel-backend': 'wireguard-native',
	'flannel-external-ip': true,
};

async function startServer(
	context: TestContext,
	more: Record<string, unknown> = {},
	environment: NodeJS.ProcessEnv = {},
): Promise<Node> {
	const server = temporaryNode(context, '127.0.0.2', await choosePorts());
	server.configureNode({
		'node-name': 'fra1',
		token: 'server-secret',
		'agent-token': 'agent-secret',
		...wireguard,
		...more,
	});
	server.start('server', environment);
	await server.line(/k3s is up and running/);
	return server;
}

function agentToken(server: Node): string {
	return server.file('var/lib/rancher/k3s/server/agent-token').trim();
}

function startAgent(
	context: TestContext,
	server: Node,
	more: Record<string, unknown> = {},
	address = '127.0.0.3',
): Node {
	const agent = temporaryNode(context, address, server.ports);
	agent.configureNode({
		'node-name': 'nuc',
		server: `https://${server.address}:${server.ports.api}`,
		token: agentToken(server),
		...more,
	});
	agent.start('agent');
	return agent;
}

const isReady = (item: Item): boolean =>
	item.status.conditions.some(
		(condition) => condition.type === 'Ready' && condition.status === 'True',
	);

test(
	'a server comes up, an agent joins, and the API shows both as planned',
	{skip},
	async (context) => {
		const server = await startServer(context, {'tls-san': ['k8s.example.org']});
		const certificateAuthority = server.file(
			'var/lib/rancher/k3s/server/tls/server-ca.crt',
		);
		const hash = createHash('sha256')
			.update(certificateAuthority)
			.digest('hex');
		assert.equal(
			server.file('var/lib/rancher/k3s/server/token').trim(),
			`K10${hash}::server:server-secret`,
		);
		assert.equal(
			server.file('var/lib/rancher/k3s/server/node-token').trim(),
			`K10${hash}::server:server-secret`,
		);
		assert.equal(agentToken(server), `K10${hash}::node:agent-secret`);
		assert.equal(
			modeOf(path.join(server.root, 'etc/rancher/k3s/k3s.yaml')),
			'600',
		);

		const agent = startAgent(context, server);
		await agent.line(/k3s agent is up and running/);
		const nodes = await eventually(
			async () => ask(server, '/api/v1/nodes'),
			(answer) =>
				answer.json.items.length === 2 &&
				answer.json.items.every(
					(item) =>
						isReady(item) &&
						item.metadata.annotations['flannel.alpha.coreos.com/backend-data'],
				),
		);
		const [fra1, nuc] = nodes.json.items as [Item, Item];
		assert.equal(
			fra1.metadata.labels['node-role.kubernetes.io/control-plane'],
			'true',
		);
		assert.deepEqual(nuc.status.addresses, [
			{type: 'InternalIP', address: '127.0.0.3'},
			{type: 'ExternalIP', address: '127.0.0.3'},
			{type: 'Hostname', address: 'nuc'},
		]);
		assert.equal(nuc.spec.podCIDR, '10.42.1.0/24');
		assert.equal(nuc.status.nodeInfo.kubeletVersion, 'v1.36.3+k3s1');
		assert.equal(
			nuc.metadata.annotations['flannel.alpha.coreos.com/public-ip'],
			'127.0.0.3',
		);
		assert.equal(
			nuc.metadata.annotations['flannel.alpha.coreos.com/public-ip-overwrite'],
			'127.0.0.3',
		);
		assert.equal(
			nuc.metadata.annotations['flannel.alpha.coreos.com/backend-type'],
			'wireguard',
		);
		assert.match(
			nuc.metadata.annotations['flannel.alpha.coreos.com/backend-data']!,
			/^{"PublicKey":".{43}=","Port":51820}$/,
		);
		assert.equal(nuc.metadata.annotations['k3s.io/external-ip'], '127.0.0.3');
		assert.doesNotMatch(
			JSON.stringify(nodes.json),
			/agent-secret|server-secret/,
		);

		const balancer = JSON.parse(
			agent.file('var/lib/rancher/k3s/agent/etc/k3s-agent-load-balancer.json'),
		);
		assert.deepEqual(balancer, {
			ServerURL: `https://127.0.0.2:${server.ports.api}`,
			ServerAddresses: [`127.0.0.2:${server.ports.api}`],
		});
		const endpoints = await ask(
			server,
			'/api/v1/namespaces/default/endpoints/kubernetes',
		);
		assert.equal(endpoints.json.subsets[0]?.addresses[0]?.ip, '127.0.0.2');
		assert.deepEqual(
			await namesOf(server, '/apis/metrics.k8s.io/v1beta1/nodes'),
			['fra1', 'nuc'],
		);
		assert.equal(
			await statusOf(server, '/api/v1/nodes/nuc/proxy/metrics'),
			200,
		);
		assert.doesNotMatch(
			[...server.lines, ...agent.lines].join('\n'),
			/agent-secret|server-secret/,
		);
	},
);

test(
	'each path answers with the authentication that K3s asks for',
	{skip},
	async (context) => {
		const server = await startServer(context);
		assert.equal(await textOf(server, '/ping', {anonymous: true}), 'pong');
		assert.equal(
			await textOf(server, '/cacerts', {anonymous: true}),
			server.file('var/lib/rancher/k3s/server/tls/server-ca.crt'),
		);
		assert.equal(await statusOf(server, '/readyz', {anonymous: true}), 401);
		assert.equal(await textOf(server, '/readyz'), 'ok');
		assert.equal(
			await statusOf(server, '/v1-k3s/readyz', {anonymous: true}),
			401,
		);
		assert.equal(
			await statusOf(server, '/v1-k3s/readyz', {basic: 'node:agent-secret'}),
			200,
		);
		assert.equal(
			await statusOf(server, '/v1-k3s/readyz', {basic: 'node:wrong'}),
			401,
		);
		assert.equal(
			await statusOf(server, '/v1-k3s/server-bootstrap', {
				basic: 'node:agent-secret',
			}),
			403,
		);
		assert.equal(
			await statusOf(server, '/api/v1/nodes', {anonymous: true}),
			401,
		);
		const version = await objectOf(server, '/version');
		assert.equal(version.gitVersion, 'v1.36.3+k3s1');
		const core = await objectOf(server, '/api');
		assert.deepEqual(core.versions, ['v1']);
		const {resources} = await objectOf(server, '/apis/apps/v1');
		assert.ok(resources.some((resource) => resource.name === 'daemonsets'));
		const table = await objectOf(server, '/api/v1/nodes', {
			accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
		});
		assert.equal(table.kind, 'Table');
		const nobody = await objectOf(server, '/api/v1/nodes/nobody');
		assert.equal(nobody.reason, 'NotFound');
	},
);

test(
	'a daemon set gets a pod on every node, and its logs; deleting it takes them away',
	{skip},
	async (context) => {
		const server = await startServer(context);
		await startAgent(context, server).line(/k3s agent is up and running/);
		const manifest = JSON.stringify({
			apiVersion: 'apps/v1',
			kind: 'DaemonSet',
			metadata: {name: 'echo', namespace: 'kube-system'},
			spec: {
				selector: {matchLabels: {app: 'echo'}},
				template: {
					metadata: {labels: {app: 'echo'}},
					spec: {
						containers: [
							{
								name: 'echo',
								image: 'rancher/mirrored-library-busybox:1.36.1',
								command: ['sleep', '300'],
							},
						],
					},
				},
			},
		});
		const kubectl = (...words: string[]): string => {
			const {code, stdout, stderr} = server.run(['kubectl', ...words], {
				input: manifest,
			});
			assert.equal(code, 0, stderr);
			return stdout;
		};

		assert.match(kubectl('apply', '-f', '-'), /daemonset\.apps\/echo created/);
		assert.match(
			kubectl('apply', '-f', '-'),
			/daemonset\.apps\/echo configured/,
		);
		const pods = await eventually(
			async () =>
				ask(
					server,
					'/api/v1/namespaces/kube-system/pods?labelSelector=app%3Decho',
				),
			(answer) =>
				answer.json.items.length === 2 &&
				answer.json.items.every(
					(pod) => pod.status.phase === 'Running' && pod.status.podIP,
				),
		);
		assert.deepEqual(
			new Set(pods.json.items.map((pod) => pod.spec.nodeName)),
			new Set(['fra1', 'nuc']),
		);
		assert.match(
			kubectl('logs', '-n', 'kube-system', pods.json.items[0]!.metadata.name),
			/networking is off/,
		);
		assert.match(
			kubectl('get', 'pods', '-n', 'kube-system', '-o', 'wide'),
			/echo-\w+ +1\/1 +Running/,
		);
		const daemonSet = JSON.parse(
			kubectl('get', 'ds', 'echo', '-n', 'kube-system', '-o', 'json'),
		) as Item;
		assert.equal(daemonSet.status.numberReady, 2);
		assert.equal(kubectl('get', '--raw', '/readyz'), 'ok');
		kubectl('delete', '-f', '-');
		assert.deepEqual(
			await namesOf(
				server,
				'/api/v1/namespaces/kube-system/pods?labelSelector=app%3Decho',
			),
			[],
		);
	},
);

test(
	'a pod whose command the double does not play says so instead of running',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const pod = {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: {name: 'shell'},
			spec: {
				containers: [
					{name: 'a', image: 'busybox', command: ['sh', '-c', 'true']},
				],
			},
		};
		assert.equal(
			await statusOf(server, '/api/v1/namespaces/default/pods', {
				method: 'POST',
				body: pod,
			}),
			201,
		);
		const shown = await eventually(
			async () => ask(server, '/api/v1/namespaces/default/pods/shell'),
			(answer) => answer.json.status.reason !== undefined,
		);
		assert.equal(shown.json.status.reason, 'CreateContainerError');
	},
);

test(
	'an agent that cannot reach its server waits, says so again and again, and joins later',
	{skip},
	async (context) => {
		const server = await startServer(context);
		await server.stop();
		const agent = startAgent(context, server);
		await agent.line(
			/Failed to validate connection to cluster at https:\/\/127\.0\.0\.2:\d+: failed to get CA certs: Get \\"https:\/\/127\.0\.0\.1:6444\/cacerts\\": read tcp/,
		);
		await agent.line(
			/Waiting to retrieve agent configuration; server is not ready: /,
		);
		assert.equal(agent.exitCode, undefined);
		server.start('server');
		await agent.line(/k3s agent is up and running/);
	},
);

test(
	'an agent whose token has another CA waits and names both hashes',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const other = 'b'.repeat(64);
		const agent = startAgent(context, server, {
			token: `K10${other}::node:agent-secret`,
		});
		await agent.line(
			new RegExp(
				`token CA hash does not match the Cluster CA certificate hash: ${other} != [0-9a-f]{64}`,
			),
		);
		assert.equal(agent.exitCode, undefined);
	},
);

test(
	'an agent with a wrong password waits with 401',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const agent = startAgent(context, server, {
			token: agentToken(server).replace('agent-secret', 'not-the-secret'),
		});
		await agent.line(
			/Waiting to retrieve agent configuration; server is not ready: https:\/\/127\.0\.0\.1:6444\/v1-k3s\/config: 401 Unauthorized/,
		);
		assert.doesNotMatch(agent.lines.join('\n'), /not-the-secret/);
	},
);

test(
	'an agent with a short token refuses to start',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const agent = startAgent(context, server, {token: 'agent-secret'});
		assert.equal(await agent.end(), 1);
		await agent.line(/level=fatal .*an agent must use the full K10 token/);
	},
);

test(
	'an agent without an external address refuses a cluster with flannel-external-ip',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const agent = startAgent(context, server, {'node-external-ip': []});
		assert.equal(await agent.end(), 1);
		await agent.line(
			/Server has flannel-external-ip flag set but this node does not set node-external-ip/,
		);
	},
);

test(
	'a second node with a taken external address is not let in',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const agent = startAgent(context, server, {
			'node-external-ip': server.address,
		});
		await agent.line(/node fra1 has the external IP 127\.0\.0\.2 already/);
	},
);

test(
	'a reimaged node is rejected by its password until its Node is deleted',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const agent = startAgent(context, server);
		await agent.line(/k3s agent is up and running/);
		await agent.stop();
		rmSync(path.join(agent.root, 'etc/rancher/node'), {recursive: true});
		agent.start('agent');
		await agent.line(
			/Node password rejected, duplicate hostname or contents of '\/etc\/rancher\/node\/password' may not match server node-passwd entry/,
		);
		assert.equal(
			await statusOf(server, '/api/v1/nodes/nuc', {method: 'DELETE'}),
			200,
		);
		await agent.line(/k3s agent is up and running/);
	},
);

test(
	'a node without heartbeats becomes NotReady, and its logs are out of reach',
	{skip},
	async (context) => {
		const server = await startServer(
			context,
			{},
			{K3S_DOUBLE_NOT_READY_SECONDS: '1'},
		);
		const agent = startAgent(context, server);
		await agent.line(/k3s agent is up and running/);
		await agent.stop('SIGKILL');
		const shown = await eventually(
			async () => ask(server, '/api/v1/nodes/nuc'),
			(answer) => !isReady(answer.json),
		);
		assert.equal(
			shown.json.status.conditions.find(
				(condition) => condition.type === 'Ready',
			)?.status,
			'Unknown',
		);
		const pod = {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: {name: 'there'},
			spec: {nodeName: 'nuc', containers: [{name: 'a', image: 'pause'}]},
		};
		await ask(server, '/api/v1/namespaces/default/pods', {
			method: 'POST',
			body: pod,
		});
		assert.match(
			await textOf(server, '/api/v1/namespaces/default/pods/there/log'),
			/code 502: 502 Bad Gateway/,
		);
		assert.deepEqual(
			await namesOf(server, '/apis/metrics.k8s.io/v1beta1/nodes'),
			['fra1'],
		);
	},
);

test(
	'a restarted server keeps its cluster, and refuses another token',
	{skip},
	async (context) => {
		const server = await startServer(context);
		const before = server.file('var/lib/rancher/k3s/server/token');
		await server.stop();
		server.start('server');
		await server.line(/k3s is up and running/);
		assert.equal(server.file('var/lib/rancher/k3s/server/token'), before);
		await server.stop();
		server.configureNode({
			'node-name': 'fra1',
			token: 'another-secret',
			...wireguard,
		});
		server.start('server');
		assert.equal(await server.end(), 1);
		await server.line(
			/bootstrap data already found and encrypted with different token/,
		);
	},
);

test(
	'a first server refuses a full token of another cluster',
	{skip},
	async (context) => {
		const server = temporaryNode(context, '127.0.0.2', await choosePorts());
		server.configureNode({token: `K10${'c'.repeat(64)}::server:server-secret`});
		server.start('server');
		assert.equal(await server.end(), 1);
		await server.line(
			/token CA hash does not match the Cluster CA certificate hash/,
		);
		assert.ok(
			!existsSync(path.join(server.root, 'var/lib/rancher/k3s/server/token')),
		);
	},
);
