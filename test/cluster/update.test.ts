import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import {
	newClusterText,
	parseClusterText,
	updateClusterText,
} from '../../source/cluster/file.js';
import {
	clusterSchema,
	emptyCluster,
	meshOfKind,
	type Cluster,
	type ClusterInput,
	type NodeSpec,
} from '../../source/cluster/schema.js';

const parse = (text: string): Cluster => {
	const parsed = parseClusterText(text);
	assert.ok(parsed.ok, JSON.stringify(parsed) + text);
	return parsed.cluster;
};

const example = readFileSync(
	new URL('../../media/example-cluster.yaml', import.meta.url),
	'utf8',
);

const written = `# my cluster
version: 1
name:   home        # the house
k3s: {channel: stable,   disable: [traefik]} # light
nodes:
  # in Frankfurt
  - name: fra1   # first
    role: server
    ssh: root@198.51.100.11

    externalIp: 198.51.100.11 # fixed
  # under the stairs
  - {name: nuc, role: agent, ssh: {host: nuc.lan, jump: [bastion]}}   # small
# the end
`;

/** What `update` did to the text, as removed and added lines. */
const lineChanges = (
	before: string,
	after: string,
): {readonly removed: string[]; readonly added: string[]} => {
	const removed = before.split('\n');
	const added: string[] = [];
	for (const line of after.split('\n')) {
		const index = removed.indexOf(line);
		if (index === -1) {
			added.push(line);
		} else {
			removed.splice(index, 1);
		}
	}

	return {removed, added};
};

const table: ReadonlyArray<{
	readonly title: string;
	readonly change: (cluster: Cluster) => Cluster;
	readonly removed: readonly string[];
	readonly added: readonly string[];
}> = [
	{title: 'nothing', change: (cluster) => cluster, removed: [], added: []},
	{
		title: 'a value beside a comment',
		change: (cluster) => ({
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'fra1' ? {...node, externalIp: '198.51.100.99'} : node,
			),
		}),
		removed: ['    externalIp: 198.51.100.11 # fixed'],
		added: ['    externalIp: 198.51.100.99 # fixed'],
	},
	{
		title: 'a new key in block style',
		change: (cluster) => ({
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'fra1' ? {...node, site: 'fra'} : node,
			),
		}),
		removed: [],
		added: ['    site: fra'],
	},
	{
		title: 'a new key in flow style, which leaves the login as it is written',
		change: (cluster) => ({
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'nuc' ? {...node, externalIp: '192.0.2.7'} : node,
			),
		}),
		removed: [
			'  - {name: nuc, role: agent, ssh: {host: nuc.lan, jump: [bastion]}}   # small',
		],
		added: [
			'  - {name: nuc, role: agent, ssh: {host: nuc.lan, jump: [bastion]}, externalIp: 192.0.2.7}   # small',
		],
	},
	{
		title: 'a login without a jump, back as text',
		change: (cluster) => ({
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'nuc'
					? {...node, ssh: {host: 'nuc.lan', user: 'me', port: 2222}}
					: node,
			),
		}),
		removed: [
			'  - {name: nuc, role: agent, ssh: {host: nuc.lan, jump: [bastion]}}   # small',
		],
		added: ['  - {name: nuc, role: agent, ssh: me@nuc.lan:2222}   # small'],
	},
	{
		title: 'a new node',
		change: (cluster) => ({
			...cluster,
			nodes: [
				...cluster.nodes,
				{name: 'pi4', role: 'agent', ssh: {host: 'pi.lan', user: 'pi'}},
			],
		}),
		removed: [],
		added: ['  - name: pi4', '    role: agent', '    ssh: pi@pi.lan'],
	},
	{
		title: 'a node that is gone',
		change: (cluster) => ({...cluster, nodes: [cluster.nodes[0]!]}),
		removed: [
			'  # under the stairs',
			'  - {name: nuc, role: agent, ssh: {host: nuc.lan, jump: [bastion]}}   # small',
		],
		added: [],
	},
	{
		title: 'the other order',
		change: (cluster) => ({...cluster, nodes: cluster.nodes.toReversed()}),
		removed: [],
		added: [],
	},
	{
		title: 'a node with another name',
		change: (cluster) => ({
			...cluster,
			nodes: cluster.nodes.map((node) =>
				node.name === 'fra1' ? {...node, name: 'fra2'} : node,
			),
		}),
		removed: ['  - name: fra1   # first'],
		added: ['  - name: fra2   # first'],
	},
	{
		title: 'a key that is gone',
		change: (cluster) => ({
			...cluster,
			nodes: cluster.nodes.map((node) => ({...node, externalIp: undefined})),
		}),
		removed: ['    externalIp: 198.51.100.11 # fixed'],
		added: [],
	},
	{
		title: 'a new part at the end',
		change: (cluster) => ({...cluster, ignore: ['latency.agent-server']}),
		removed: [],
		added: ['ignore: [latency.agent-server]'],
	},
	{
		title: 'a value in flow style, with the spaces around it',
		change: (cluster) => ({
			...cluster,
			k3s: {...cluster.k3s, channel: 'latest'},
		}),
		removed: ['k3s: {channel: stable,   disable: [traefik]} # light'],
		added: ['k3s: {channel: latest,   disable: [traefik]} # light'],
	},
];

for (const {title, change, removed, added} of table) {
	test(`an update edits only what changed: ${title}`, () => {
		const wanted = change(parse(written));
		const text = updateClusterText(written, wanted);
		assert.deepEqual(parse(text), parse(newClusterText(wanted)));
		const changes = lineChanges(written, text);
		assert.deepEqual(changes.removed, removed, text);
		assert.deepEqual(changes.added, added, text);
	});
}

for (const [keys, expected] of [
	[['externalIp'], '{name: a, role: agent,  ssh: a, site: x }'],
	[['site'], '{name: a, role: agent,  externalIp: 192.0.2.1, ssh: a }'],
	[['externalIp', 'site'], '{name: a, role: agent,  ssh: a }'],
] as const) {
	test(`an update takes ${keys.join(' and ')} out of a mapping in flow style`, () => {
		const text = `version: 1\nname: home\nnodes:\n  - {name: a, role: agent,  externalIp: 192.0.2.1, ssh: a, site: x } # odd\n`;
		const cluster = parse(text);
		const updated = updateClusterText(text, {
			...cluster,
			nodes: cluster.nodes.map((node) => ({
				...node,
				...Object.fromEntries(keys.map((key) => [key, undefined])),
			})),
		});
		const squeezed = (line: string) => line.replaceAll(/\s+/g, ' ');
		assert.equal(
			squeezed(updated.split('\n')[3]!),
			squeezed(`  - ${expected} # odd`),
		);
	});
}

test('an update takes the first key out of a mapping behind a dash', () => {
	const text = `version: 1\nname: home\nnodes:\n  - site: x # gone\n    name:   a # kept\n    role: agent\n    ssh: a\n`;
	const cluster = parse(text);
	const updated = updateClusterText(text, {
		...cluster,
		nodes: cluster.nodes.map((node) => ({...node, site: undefined})),
	});
	assert.equal(
		updated,
		`version: 1\nname: home\nnodes:\n  - name:   a # kept\n    role: agent\n    ssh: a\n`,
	);
});

test('what is not YAML is not written over', () => {
	assert.throws(
		() => updateClusterText('name: [', emptyCluster('home')),
		/not valid YAML/,
	);
});

test('aliases are resolved where they share what now differs', () => {
	const text = `version: 1\nname: home # mine\nnodes:\n  - &a {name: a, role: agent, ssh: a}\nignore: &i [x.y]\nk3s: {disable: *i}\n`;
	const wanted = {...parse(text), ignore: ['p.q']};
	const updated = updateClusterText(text, wanted);
	assert.deepEqual(parse(updated), wanted);
	assert.match(updated, /name: home # mine/);
});

const label = fc.stringMatching(/^[a-z](?:[a-z\d-]{0,8}[a-z\d])?$/);
const ipv4 = fc
	.tuple(fc.integer({min: 1, max: 223}), fc.nat(255), fc.nat(255), fc.nat(255))
	.map((parts) => parts.join('.'));
const someAddress = fc.oneof(ipv4, fc.constant('2001:db8::7'));
const optional = <T>(arbitrary: fc.Arbitrary<T>) =>
	fc.option(arbitrary, {nil: undefined});
const sshArbitrary = fc.record({
	host: fc.oneof(label, ipv4, fc.constantFrom('fd00::1', 'true', '12', 'a#b')),
	user: optional(fc.constantFrom('root', 'me', 'null')),
	port: optional(fc.integer({min: 1, max: 65_535})),
	jump: optional(
		fc.array(fc.constantFrom('bastion', 'me@gate:22', '- x'), {
			minLength: 1,
			maxLength: 2,
		}),
	),
	identityFile: optional(fc.constantFrom('~/.ssh/id', 'a b: c', "it's, [odd]")),
});
const defined = (value: Record<string, unknown>): Record<string, unknown> =>
	Object.fromEntries(
		Object.entries(value).filter(([, one]) => one !== undefined),
	);
const nodesArbitrary = fc
	.uniqueArray(
		fc.record({
			name: label,
			role: fc.constantFrom('server', 'agent'),
			ssh: sshArbitrary.map((ssh) => defined(ssh)),
			externalIp: optional(someAddress),
			internalIp: optional(someAddress),
			site: optional(label),
		}),
		{selector: ({name}) => name, maxLength: 4},
	)
	.map((nodes) => nodes.map((node) => defined(node)) as unknown as NodeSpec[]);
const clusterArbitrary: fc.Arbitrary<Cluster> = fc
	.record({
		version: fc.constant(1),
		name: label,
		k3s: fc
			.record({
				channel: fc.constantFrom('stable', 'latest', 'v1.36'),
				version: optional(fc.constant('v1.36.3+k3s1')),
				disable: fc.subarray(['traefik', 'servicelb', 'coredns']),
				config: fc.dictionary(
					fc.constantFrom(
						'debug',
						'node-label',
						'kubelet-arg+',
						'resolv-conf',
						'v',
					),
					fc.oneof(
						fc.boolean(),
						fc.nat(9),
						fc.constantFrom(
							'a',
							'# no comment',
							'yes: no',
							'',
							' x ',
							'two\nlines',
						),
						fc.array(fc.constantFrom('a=b', 'c, d', '1'), {maxLength: 3}),
					),
				),
			})
			.map((value) => defined(value)),
		network: fc.record({
			podCidr: fc.constantFrom(
				['10.42.0.0/16'],
				['10.50.0.0/16', 'fd00:42::/56'],
			),
			serviceCidr: fc.constantFrom(['10.43.0.0/16'], ['10.51.0.0/16']),
		}),
		apiEndpoint: optional(fc.constantFrom('k8s.example.org', '198.51.100.1')),
		datastore: fc.constantFrom<ClusterInput['datastore']>('embedded', {
			endpointFrom: 'env:ENDPOINT',
		}),
		nodes: nodesArbitrary,
		ignore: fc.subarray(['latency.agent-server', 'clock.skew']),
		airgap: optional(fc.constant({folder: '/srv/k3s'})),
		proxy: optional(
			fc
				.record({
					http: fc.constant('http://proxy.lan:3128'),
					httpsFrom: optional(fc.constant('env:PROXY')),
					noProxy: fc.subarray(['.lan', 'fd00::/8']),
				})
				.map((value) => defined(value)),
		),
		mirrors: fc
			.record({
				releases: optional(fc.constant('https://mirror.example.org/k3s')),
			})
			.map((value) => defined(value)),
	})
	.map((input) =>
		clusterSchema.parse(
			defined(
				// The folder of a release needs the release's name.
				input.k3s.version === undefined ? {...input, airgap: undefined} : input,
			),
		),
	);

test('a new file means the cluster that it was made from', () => {
	fc.assert(
		fc.property(clusterArbitrary, (cluster) => {
			assert.deepEqual(parse(newClusterText(cluster)), cluster);
		}),
		{numRuns: 300},
	);
});

const bases = [
	written,
	example,
	`version: 1\nname: x\nnodes: []\n`,
	`{version: 1, name: x, nodes: [{name: a, role: agent, ssh: a}], ignore: [a, b]}`,
	`version: 1\nname: x # no line break behind`,
];

test('an update means the wanted cluster, and keeps every comment that does not belong to a node', () => {
	fc.assert(
		fc.property(
			fc.constantFrom(...bases),
			clusterArbitrary,
			(text, cluster) => {
				const updated = updateClusterText(text, cluster);
				assert.deepEqual(parse(updated), cluster);
				for (const comment of [
					'# my cluster',
					'# the house',
					'# light',
					'# the end',
				]) {
					assert.equal(
						updated.includes(comment),
						text.includes(comment),
						updated,
					);
				}
			},
		),
		{numRuns: 400},
	);
});

test('an update after an update is the same as one, and a second one changes nothing', () => {
	fc.assert(
		fc.property(clusterArbitrary, clusterArbitrary, (first, second) => {
			const text = updateClusterText(newClusterText(first), second);
			assert.deepEqual(parse(text), second);
			assert.equal(updateClusterText(text, second), text);
		}),
		{numRuns: 300},
	);
});

test('settings of a tailnet come and go, and comments stay', () => {
	const text = `version: 1
name: home
# how nodes meet
mesh:
  kind: tailscale # with a headscale
  # ours
  controlServer: https://head.example.org # in Frankfurt
  tags: [tag:k3s]
nodes: []
`;
	const before = parse(text);
	const mesh = meshOfKind('tailscale-ip', before.mesh);
	assert.ok(mesh.kind === 'tailscale-ip');
	const bound: Cluster = {...before, mesh};
	const after = updateClusterText(text, bound);
	assert.deepEqual(parse(after), bound);
	for (const comment of [
		'# how nodes meet',
		'# with a headscale',
		'# ours',
		'# in Frankfurt',
	]) {
		assert.ok(after.includes(comment), `${comment}\n${after}`);
	}

	const direct: Cluster = {...bound, mesh: {...mesh, podTraffic: 'direct'}};
	const withPods = updateClusterText(after, direct);
	assert.match(withPods, /podTraffic: direct/);
	assert.deepEqual(parse(withPods), direct);

	const plain: Cluster = {
		...bound,
		mesh: meshOfKind('wireguard-native', bound.mesh),
	};
	const without = updateClusterText(withPods, plain);
	assert.deepEqual(parse(without), plain);
	assert.doesNotMatch(without, /head\.example/);
	assert.ok(without.includes('# how nodes meet'));
});
