/** What rules that are not a mesh's own say where the mesh is one on a tailnet. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {checkAll} from '../../source/checks/check.js';
import {
	controller,
	noMeasurements,
	type Cell,
	type Measurements,
} from '../../source/facts/measurements.js';
import type {K3sFacts} from '../../source/facts/host-facts.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {buildPlan} from '../../source/plan/build.js';
import {UserError} from '../../source/errors.js';
import {servicesNeeded} from '../../source/probe/outbound.js';
import {
	loggedIn,
	tailnet3,
	tailnetHa,
	type Rest,
} from '../mesh/tailnet-support.js';
import {makeContext} from '../plan/fixtures.js';

const ip: Rest = {mesh: {kind: 'tailscale-ip', tags: ['tag:k3s']}};

const k3sOnFra1: K3sFacts = {
	role: 'server',
	version: 'v1.36.3+k3s1',
	unitState: 'active',
	configFiles: [],
	caHash: undefined,
};

const summary = (context: MeshContext): readonly string[] =>
	checkAll(context).map(({severity, id}) => `${severity} ${id}`);

const between = (
	from: string,
	to: string,
	medianMs: number,
	addressKind: 'internal' | 'external' | 'tailscale',
): Measurements => ({
	...noMeasurements,
	latencies: [
		{
			from,
			to,
			addressKind,
			address: '192.0.2.9',
			minMs: medianMs,
			medianMs,
			p95Ms: medianMs,
			jitterMs: 0,
			loss: 0,
			samples: 20,
		},
	],
});

test('what WireGuard wants is not asked of a tailnet', () => {
	const cluster = tailnet3(ip);
	const context = makeContext(
		{
			...cluster,
			k3s: {...cluster.k3s, version: 'v1.24.1+k3s1'},
			nodes: cluster.nodes.map((node) => ({
				...node,
				externalIp: node.name === 'fra1' ? node.externalIp : undefined,
			})),
		},
		{nuc: {wireguard: 'missing'}},
		{
			...noMeasurements,
			pathMtus: [{from: 'fra1', to: 'nuc', address: '1', bytes: 1300}],
		},
	);
	assert.deepEqual(summary(context), ['warning tailscale.lost-tunnel']);
});

test('etcd in the tailnet is told of with the round trip, and not asked for internal addresses', () => {
	const cluster = tailnetHa({...ip, k3s: {version: 'v1.35.6+k3s1'}});
	const without = {
		...cluster,
		nodes: cluster.nodes.map((node) => ({...node, internalIp: undefined})),
	};
	const context = makeContext(without, {}, between('s1', 's2', 8, 'tailscale'));
	assert.deepEqual(summary(context), ['warning etcd.private-network']);
	assert.match(
		checkAll(context)[0]!.message,
		/through the tailnet here, where a round trip takes 8\.0 ms/,
	);
	assert.ok(
		summary({
			...context,
			measurements: between('s1', 's2', 80, 'tailscale'),
		}).includes('error latency.server-server'),
	);
});

test('etcd that stays on internal addresses is asked for them', () => {
	const cluster = tailnetHa({k3s: {version: 'v1.33.11+k3s1'}});
	assert.deepEqual(summary(makeContext(cluster)), []);
	const [first, ...others] = cluster.nodes;
	assert.deepEqual(
		summary(
			makeContext({
				...cluster,
				nodes: [{...first!, internalIp: undefined}, ...others],
			}),
		),
		['error etcd.private-network'],
	);
});

test('an agent is far by what is measured in the tailnet', () => {
	const slow = (kind: 'external' | 'tailscale') =>
		summary(makeContext(tailnet3(), {}, between('nuc', 'fra1', 400, kind)));
	assert.deepEqual(slow('tailscale'), ['warning latency.agent-server']);
	assert.deepEqual(slow('external'), []);
});

test('a closed API is no warning: kubectl goes through the tailnet or SSH', () => {
	const [finding, ...others] = checkAll(
		makeContext(
			tailnet3(ip),
			{},
			{
				...noMeasurements,
				cells: [
					{
						path: {
							from: controller,
							to: 'fra1',
							addressKind: 'external',
							address: '198.51.100.11',
							protocol: 'tcp',
							port: 6443,
						},
						verdict: {kind: 'filtered'},
						sent: 3,
						answered: 0,
						observedSource: undefined,
					},
				],
			},
		),
	);
	assert.deepEqual(others, []);
	assert.equal(finding!.id, 'path.controller');
	assert.equal(finding!.severity, 'info');
	assert.match(finding!.message, /in the tailnet, once this machine is in it/);
	assert.ok(finding!.fixes.some((line) => line.startsWith('ssh -N -L 6443:')));
});

test('a way that is closed in the tailnet is opened in its policy, not in firewalls', () => {
	const context = makeContext(
		tailnet3(),
		{fra1: {tailscale: loggedIn(1, {tags: ['tag:k3s']})}},
		{
			...noMeasurements,
			cells: [
				{
					path: {
						from: 'nuc',
						to: 'fra1',
						addressKind: 'tailscale',
						address: '100.64.0.1',
						protocol: 'tcp',
						port: 6443,
					},
					verdict: {kind: 'filtered'},
					sent: 3,
					answered: 0,
					observedSource: undefined,
				},
			],
		},
	);
	const blocked = checkAll(context).find(({id}) => id === 'path.blocked');
	assert.match(
		blocked!.fixes.join('\n'),
		/^Let nuc reach TCP 6443 of fra1 in the policy of the tailnet; "k3s-mesh-tui policy" prints/,
	);
	assert.doesNotMatch(blocked!.fixes.join('\n'), /firewall/);
});

test('a port of K3s that is reached from here outside of the tailnet is told, once K3s runs', () => {
	const cell = (port: number, arrives: boolean): Cell => ({
		path: {
			from: controller,
			to: 'fra1',
			addressKind: 'external',
			address: '198.51.100.11',
			protocol: 'tcp',
			port,
		},
		verdict: arrives
			? {
					kind: 'in-use',
					process: 'k3s',
					live: {arrives: true, evidence: 'it showed the key of the node'},
				}
			: {kind: 'filtered'},
		sent: 1,
		answered: 1,
		observedSource: undefined,
	});
	const told = (
		rest: Rest,
		state: 'active' | 'inactive',
		...cells: readonly Cell[]
	) =>
		summary({
			...makeContext(
				tailnet3(rest),
				{fra1: {k3s: {...k3sOnFra1, unitState: state}}},
				{...noMeasurements, cells},
			),
		}).filter((line) => line.includes('path.'));
	assert.deepEqual(told(ip, 'active', cell(6443, true), cell(10_250, true)), [
		'warning path.exposed',
		'warning path.exposed',
	]);
	assert.deepEqual(told(ip, 'active', cell(6443, false), cell(10_250, false)), [
		'info path.controller',
	]);
	assert.deepEqual(told(ip, 'inactive', cell(6443, true)), []);
	assert.deepEqual(told({}, 'active', cell(6443, true)), []);
});

test('nodes get out to the control server of the file, else to Tailscale’s', () => {
	const asked = (rest: Rest) =>
		servicesNeeded(tailnet3(rest), new Map())
			.filter(({need}) => need === 'tailscale-control')
			.map(({host, port}) => `${host} ${port}`);
	assert.deepEqual(asked({}), ['controlplane.tailscale.com 443']);
	assert.deepEqual(
		asked({
			mesh: {kind: 'tailscale-ip', controlServer: 'http://[2001:db8::1]:8080'},
		}),
		['2001:db8::1 8080'],
	);
	assert.deepEqual(asked({mesh: {kind: 'wireguard-native'}}), []);
	const [finding] = checkAll(
		makeContext(
			tailnet3(),
			{},
			{
				...noMeasurements,
				outbound: [
					{
						from: 'nuc',
						need: 'tailscale-control',
						target: 'https://controlplane.tailscale.com',
						result: {kind: 'silent'},
					},
				],
			},
		),
	);
	assert.equal(finding!.id, 'outbound.tailscale');
	assert.equal(finding!.severity, 'error');
});

test('a plan refuses a release of the channel that its mesh does not work in, unless that is overridden', () => {
	const plan = (rest: Rest) =>
		buildPlan({...makeContext(tailnet3(rest)), version: 'v1.34.4+k3s1'});
	assert.throws(
		() => plan({k3s: {}}),
		(error) =>
			error instanceof UserError &&
			error.message.includes('In K3s v1.34.4+k3s1'),
	);
	assert.doesNotThrow(() =>
		plan({k3s: {}, ignore: ['tailscale.broken-version']}),
	);
	assert.doesNotThrow(() => plan({...ip, k3s: {}}));
});

test('keys of K3s that these meshes set are theirs', () => {
	for (const [rest, key, value] of [
		[{}, 'vpn-auth-file', '/etc/other'],
		[ip, 'node-ip', '10.0.0.1'],
		[ip, 'flannel-iface', 'eth0'],
		[ip, 'advertise-address', '10.0.0.1'],
	] as const) {
		const cluster = tailnet3(rest);
		const context = makeContext({
			...cluster,
			k3s: {...cluster.k3s, config: {[key]: value}},
		});
		assert.deepEqual(summary(context), ['error k3s.config-conflict'], key);
	}
});

test('a file of the machine that stands against an open value says its name', () => {
	const finding = checkAll(
		makeContext(tailnet3(), {
			fra1: {
				manifest: {cluster: 'home', files: {}, appliedHash: 'x'},
				k3s: {
					role: 'server',
					version: 'v1.36.3+k3s1',
					unitState: 'absent',
					configFiles: [
						{
							path: '/etc/rancher/k3s/config.yaml',
							text: 'tls-san: [k8s.example.org]\n',
						},
					],
					caHash: undefined,
				},
			},
		}),
	).find(({id}) => id === 'k3s.config-conflict');
	assert.match(finding!.message, /‹tailscale-address of fra1›/);
});

test('names of one’s own for the API go beside the address of the tailnet', () => {
	const cluster = tailnet3();
	const plan = buildPlan({
		...makeContext(
			{
				...cluster,
				k3s: {...cluster.k3s, config: {'tls-san': ['k8s.example.org']}},
			},
			{fra1: {tailscale: loggedIn(1, {tags: ['tag:k3s']})}},
		),
		version: 'v1.36.3+k3s1',
	});
	const config = plan.nodes[0]!.steps.map(({action}) => action).find(
		(action) =>
			action.kind === 'write-file' && action.path.endsWith('k3s-mesh.yaml'),
	);
	assert.ok(config?.kind === 'write-file');
	const text = config.content
		.map((piece) => (typeof piece === 'string' ? piece : '‹›'))
		.join('');
	assert.match(
		text,
		/tls-san:\n {2}- "198\.51\.100\.11"\n {2}- ‹›\n {2}- "k8s\.example\.org"\n/,
	);
});
