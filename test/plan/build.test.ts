import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {buildPlan} from '../../source/plan/build.js';
import {
	stages,
	type Plan,
	type Step,
	type StepAction,
} from '../../source/plan/plan.js';
import {fill} from '../../source/plan/template.js';
import {denying, ha3, lan3, makeCluster, makeContext} from './fixtures.js';

const version = 'v1.36.3+k3s1';
const planOf = (context: MeshContext): Plan => buildPlan({...context, version});
const stepsOf = (plan: Plan): readonly Step[] =>
	plan.nodes.flatMap(({steps}) => steps);

/** The actions of one kind on a node. */
const actions = <Kind extends StepAction['kind']>(
	plan: Plan,
	node: string,
	kind: Kind,
): ReadonlyArray<Extract<StepAction, {kind: Kind}>> =>
	plan.nodes
		.find((one) => one.node === node)!
		.steps.map(({action}) => action)
		.filter(
			(action): action is Extract<StepAction, {kind: Kind}> =>
				action.kind === kind,
		);

/** All steps that must be over before a step may run. */
const before = (plan: Plan, id: string): ReadonlySet<string> => {
	const needs = new Map(stepsOf(plan).map((step) => [step.id, step.needs]));
	const found = new Set<string>();
	const visit = (one: string, path: readonly string[]) => {
		assert.ok(!path.includes(one), `a circle: ${[...path, one].join(' ')}`);
		for (const need of needs.get(one) ?? assert.fail(`${one} is no step`)) {
			if (!found.has(need) || path.includes(need)) {
				found.add(need);
				visit(need, [...path, one]);
			}
		}
	};

	visit(id, []);
	return found;
};

const stageIndex = (stage: Step['stage']): number =>
	(stages as ReadonlyArray<Step['stage']>).indexOf(stage);

/** What holds for every plan. */
const assertSound = (plan: Plan): void => {
	const ids = stepsOf(plan).map(({id}) => id);
	assert.equal(new Set(ids).size, ids.length, 'ids are unique');
	for (const {node, steps} of plan.nodes) {
		const order = steps.map(({stage}) => stageIndex(stage));
		assert.deepEqual(
			order,
			order.toSorted((one, other) => one - other),
			node,
		);
		const verify = steps.at(-1)!;
		const earlier = before(plan, verify.id);
		for (const step of steps.slice(0, -1)) {
			assert.equal(step.node, node);
			assert.ok(earlier.has(step.id), `${verify.id} comes after ${step.id}`);
		}

		// Within a node nothing needs a step of a later stage.
		for (const step of steps) {
			for (const need of step.needs) {
				const own = steps.find(({id}) => id === need);
				assert.ok(
					own === undefined || stageIndex(own.stage) <= stageIndex(step.stage),
				);
			}
		}
	}
};

test('a server and two agents: every step of every node, in order', () => {
	const plan = planOf(makeContext(lan3()));
	assertSound(plan);
	assert.equal(plan.firstServer, 'fra1');
	assert.deepEqual(
		plan.nodes[1]!.steps.map(({id, needs}) => [id, needs]),
		[
			['nuc/download/k3s', []],
			['nuc/configure/10-k3s-mesh.yaml', ['fra1/join/k3s']],
			[
				'nuc/configure/install',
				['nuc/download/k3s', 'nuc/configure/10-k3s-mesh.yaml'],
			],
			['nuc/start/k3s', ['nuc/configure/install', 'fra1/join/k3s']],
			['nuc/join/k3s', ['nuc/start/k3s']],
			['nuc/ready/node', ['nuc/join/k3s']],
			[
				'nuc/verify/node',
				['nuc/ready/node', 'fra1/ready/node', 'pi4/ready/node'],
			],
		],
	);
});

test('downloads wait for nothing, so that they run at once on all nodes', () => {
	for (const step of stepsOf(planOf(makeContext(ha3())))) {
		if (step.stage === 'download') {
			assert.deepEqual(step.needs, []);
		}
	}
});

test('further servers start one after another, agents with the first', () => {
	const plan = planOf(makeContext(ha3()));
	assertSound(plan);
	const start = (name: string) => before(plan, `${name}/start/k3s`);
	assert.ok(start('s2').has('s1/join/k3s'));
	assert.ok(start('s3').has('s2/join/k3s'));
	assert.ok(!start('s2').has('s3/start/k3s'));
	assert.ok(start('far').has('s1/join/k3s'));
	assert.ok(!start('far').has('s2/join/k3s'));
	assert.ok(![...start('s1')].some((id) => !id.startsWith('s1/')));
});

test('a first server further down in the file still comes first', () => {
	const cluster = ha3();
	const plan = planOf(
		makeContext(cluster, {
			s3: {
				k3s: {
					role: 'server',
					version,
					unitState: 'active',
					configFiles: [],
					caHash: 'ab',
				},
			},
		}),
	);
	assertSound(plan);
	assert.equal(plan.firstServer, 's3');
	assert.ok(before(plan, 's1/start/k3s').has('s3/join/k3s'));
	assert.ok(before(plan, 's2/start/k3s').has('s1/join/k3s'));
});

test('what agents and further servers dial is in their join step', () => {
	const plan = planOf(makeContext(ha3()));
	assert.deepEqual(
		plan.nodes.map(({node}) => actions(plan, node, 'await-join')[0]!.joinUrl),
		[
			undefined,
			'https://192.168.7.1:6443',
			'https://192.168.7.1:6443',
			'https://198.51.100.21:6443',
		],
	);
});

const architectures: ReadonlyArray<
	[HostFacts['architecture'] & string, string, string]
> = [
	['amd64', 'k3s', 'sha256sum-amd64.txt'],
	['arm64', 'k3s-arm64', 'sha256sum-arm64.txt'],
	['arm', 'k3s-armhf', 'sha256sum-arm.txt'],
	['s390x', 'k3s-s390x', 'sha256sum-s390x.txt'],
	['riscv64', 'k3s-riscv64', 'sha256sum-riscv64.txt'],
];
for (const [architecture, fileName, checksum] of architectures) {
	test(`K3s for ${architecture} is ${fileName}`, () => {
		const plan = planOf(makeContext(lan3(), {fra1: {architecture}}));
		assert.deepEqual(actions(plan, 'fra1', 'download'), [
			{
				kind: 'download',
				version,
				url: `https://github.com/k3s-io/k3s/releases/download/v1.36.3%2Bk3s1/${fileName}`,
				checksumUrl: `https://github.com/k3s-io/k3s/releases/download/v1.36.3%2Bk3s1/${checksum}`,
				fileName,
			},
		]);
	});
}

test('mirrors are used where they are named', () => {
	const cluster = makeCluster(
		lan3().nodes.map((node) => ({...node, ssh: node.ssh.host})),
		{
			mirrors: {
				releases: 'https://mirror.example.org/k3s/',
				installScript: 'https://mirror.example.org/install.sh',
			},
		},
	);
	const plan = planOf(makeContext(cluster));
	assert.equal(
		actions(plan, 'nuc', 'download')[0]!.url,
		'https://mirror.example.org/k3s/download/v1.36.3%2Bk3s1/k3s',
	);
	assert.equal(
		actions(plan, 'nuc', 'install')[0]!.scriptUrl,
		'https://mirror.example.org/install.sh',
	);
});

test('the config file is private, and is the only place of references', () => {
	const plan = planOf(makeContext(lan3()));
	const [file] = actions(plan, 'fra1', 'write-file');
	assert.equal(file!.path, '/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml');
	assert.equal(file!.mode, 0o600);
	assert.equal(
		file!.content
			.map((piece) =>
				typeof piece === 'string' ? piece : `<${piece.reference}>`,
			)
			.join(''),
		`# Written by k3s-mesh-tui for the cluster "home".
# Its next run puts back what is changed here: change the cluster file instead.
node-name: "fra1"
node-external-ip: "198.51.100.11"
token: <server-token>
agent-token: <agent-token>
cluster-cidr:
  - "10.42.0.0/16"
service-cidr:
  - "10.43.0.0/16"
tls-san:
  - "198.51.100.11"
flannel-backend: "wireguard-native"
flannel-external-ip: true
`,
	);
});

test("the user's keys reach the nodes that know them; ours win, lists are put together", () => {
	const cluster = makeCluster(
		lan3().nodes.map((node) => ({...node, ssh: node.ssh.host})),
		{
			k3s: {
				disable: ['traefik'],
				config: {
					'node-label': ['a=b'],
					'kube-apiserver-arg': ['v=2'],
					'disable-apiserver-lb': true,
					'tls-san': ['k8s.example.org', '198.51.100.11'],
					disable: 'servicelb',
					'flannel-backend': 'vxlan',
				},
			},
		},
	);
	const plan = planOf(makeContext(cluster));
	const text = (node: string) =>
		fill(actions(plan, node, 'write-file')[0]!.content, () => 'x');
	assert.match(text('fra1'), /node-label:\n {2}- "a=b"/);
	assert.match(text('fra1'), /kube-apiserver-arg/);
	assert.match(text('fra1'), /flannel-backend: "wireguard-native"/);
	assert.match(
		text('fra1'),
		/tls-san:\n {2}- "198\.51\.100\.11"\n {2}- "k8s\.example\.org"\n/,
	);
	assert.match(text('fra1'), /disable:\n {2}- "traefik"\n {2}- "servicelb"\n/);
	assert.doesNotMatch(text('fra1'), /disable-apiserver-lb/);
	assert.match(text('nuc'), /node-label/);
	assert.match(text('nuc'), /disable-apiserver-lb: true/);
	assert.doesNotMatch(text('nuc'), /kube-apiserver-arg|vxlan|tls-san/);
});

test('a measured smaller path writes a net-conf of flannel before K3s starts', () => {
	const plan = planOf({
		...makeContext(lan3()),
		measurements: {
			...noMeasurements,
			pathMtus: [
				{from: 'fra1', to: 'nuc', address: '198.51.100.12', bytes: 1400},
			],
		},
	});
	assertSound(plan);
	const [file] = actions(plan, 'fra1', 'write-file');
	assert.equal(file!.path, '/etc/rancher/k3s/k3s-mesh-flannel.json');
	assert.match(
		fill(file!.content, () => ''),
		/"MTU": 1400/,
	);
	assert.ok(
		before(plan, 'fra1/start/k3s').has('fra1/configure/k3s-mesh-flannel.json'),
	);
	assert.ok(
		actions(plan, 'fra1', 'start')[0]!.configFiles.includes(file!.path),
	);
	assert.equal(actions(plan, 'pi4', 'write-file').length, 1);
});

test('nodes that were not contacted are left out; without the first server there is no plan', () => {
	const context = makeContext(lan3());
	const without = (name: string): MeshContext => ({
		...context,
		facts: new Map([...context.facts].filter(([node]) => node !== name)),
	});
	const plan = planOf(without('nuc'));
	assertSound(plan);
	assert.deepEqual(
		plan.nodes.map(({node}) => node),
		['fra1', 'pi4'],
	);
	assert.throws(() => planOf(without('fra1')), /fra1 could not be contacted/);
	assert.throws(
		() =>
			planOf(makeContext(makeCluster([{name: 'a', role: 'agent', ssh: 'a'}]))),
		/has no server/,
	);
	assert.throws(
		() =>
			planOf(
				makeContext(lan3(), {
					nuc: {architecture: undefined, machine: 'mips64'},
				}),
			),
		/nuc is a mips64 machine/,
	);
});

/** Facts as they are after an install: what the plan wrote is there. */
const installed = (context: MeshContext): MeshContext => {
	const plan = planOf(context);
	return {
		...context,
		facts: new Map(
			[...context.facts].map(([name, facts]) => {
				const node = plan.nodes.find((one) => one.node === name)!;
				const files = actions(plan, name, 'write-file');
				const rules = actions(plan, name, 'firewall').flatMap(
					(action) => action.rules,
				);
				return [
					name,
					{
						...facts,
						firewall: {
							...facts.firewall,
							summary: rules
								.map(({add}) => add.join(' ').replace('--add-rich-rule=', ''))
								.join('\n'),
						},
						k3s: {
							role: node.role,
							version,
							unitState: 'active',
							caHash: 'ab',
							configFiles: files
								.filter(({path}) => path.endsWith('.yaml'))
								.map(({path, content}) => ({
									path,
									text: fill(content, () => 'S').replaceAll('"S"', '(secret)'),
								})),
						},
						manifest: {
							cluster: 'home',
							files: Object.fromEntries(files.map(({path}) => [path, 'hash'])),
							appliedHash: 'hash',
						},
					} satisfies HostFacts,
				];
			}),
		),
	};
};

for (const [title, context] of [
	['three public machines', makeContext(lan3())],
	['three servers', makeContext(ha3())],
	['a host with ufw', makeContext(lan3(), {nuc: denying('ufw')})],
	['a host with firewalld', makeContext(lan3(), {nuc: denying('firewalld')})],
] as const) {
	test(`after an install nothing is expected to change: ${title}`, () => {
		const fresh = stepsOf(planOf(context));
		assert.ok(fresh.some(({expectation}) => expectation === 'change'));
		const again = planOf(installed(context));
		assert.deepEqual(
			stepsOf(again)
				.filter(({expectation}) => expectation === 'change')
				.map(({id}) => id),
			[],
		);
	});
}

test('a second run that can not measure keeps what flannel was told, and restarts nothing', () => {
	const context = makeContext(lan3());
	const first = {
		...context,
		measurements: {
			...noMeasurements,
			pathMtus: [
				{from: 'fra1', to: 'nuc', address: '198.51.100.12', bytes: 1400},
			],
		},
	};
	const after = installed(first);
	const again = planOf({
		...after,
		measurements: noMeasurements,
		facts: new Map(
			[...after.facts].map(([name, facts]) => [
				name,
				name === 'pi4'
					? facts
					: {...facts, k3s: {...facts.k3s!, flannelMtu: 1400}},
			]),
		),
	});
	assert.equal(
		fill(actions(again, 'fra1', 'write-file')[0]!.content, () => ''),
		fill(actions(planOf(first), 'fra1', 'write-file')[0]!.content, () => ''),
	);
	assert.deepEqual(
		stepsOf(again)
			.filter(({expectation}) => expectation === 'change')
			.map(({id}) => id),
		[],
	);
});

test('a changed address is a changed file and a restart on that node only', () => {
	const context = installed(makeContext(lan3()));
	const moved = {
		...context,
		cluster: {
			...context.cluster,
			nodes: context.cluster.nodes.map((node) =>
				node.name === 'pi4' ? {...node, externalIp: '198.51.100.77'} : node,
			),
		},
	};
	assert.deepEqual(
		stepsOf(planOf(moved))
			.filter(({expectation}) => expectation === 'change')
			.map(({id}) => id),
		[
			'pi4/configure/10-k3s-mesh.yaml',
			'pi4/start/k3s',
			'pi4/join/k3s',
			'pi4/ready/node',
		],
	);
});

const clusters = fc
	.record({
		servers: fc.integer({min: 1, max: 4}),
		agents: fc.integer({min: 0, max: 5}),
		external: fc.boolean(),
		firewall: fc.constantFrom(
			'ufw',
			'firewalld',
			'nftables',
			'iptables',
			'none',
		),
		order: fc.boolean(),
		running: fc.integer({min: 0, max: 4}),
		unreachable: fc.integer({min: 0, max: 9}),
	})
	.map(({servers, agents, external, firewall, order, running, unreachable}) => {
		const nodes = Array.from({length: servers + agents}, (_, index) => ({
			name: `n${index}`,
			role: index < servers ? ('server' as const) : ('agent' as const),
			ssh: `root@198.51.100.${index + 1}`,
			externalIp: `198.51.100.${index + 1}`,
			internalIp: `192.168.0.${index + 1}`,
		}));
		const cluster = makeCluster(order ? nodes : nodes.toReversed(), {
			datastore: external ? {endpointFrom: 'env:E'} : 'embedded',
		});
		const context = makeContext(cluster, {
			...Object.fromEntries(
				nodes.map(({name}, index) => [
					name,
					index % 2 === 0 && firewall !== 'none' ? denying(firewall) : {},
				]),
			),
			[`n${running}`]: {
				k3s: {
					role: 'server',
					version,
					unitState: 'active',
					configFiles: [],
					caHash: 'ab',
				},
			},
		});
		const first = planOf(context).firstServer;
		return {
			...context,
			facts: new Map(
				[...context.facts].filter(
					([name]) => name === first || name !== `n${unreachable}`,
				),
			),
		};
	});

test('every plan is sound: unique ids, no circles, stages in order, verification last', () => {
	fc.assert(
		fc.property(clusters, (context) => {
			const plan = planOf(context);
			assertSound(plan);
			assert.deepEqual(planOf(context), plan, 'the same for the same input');
		}),
		{numRuns: 150},
	);
});

test('a release of this machine is sent, and nothing is asked of the internet', () => {
	const file = (fileName: string) => ({
		path: `/home/me/k3s/${fileName}`,
		fileName,
		bytes: 70_000_000,
		sha256: 'ab',
	});
	const release = {
		installScript: file('install.sh'),
		files: new Map([
			[
				'amd64' as const,
				{
					binary: file('k3s'),
					checksums: file('sha256sum-amd64.txt'),
					images: file('k3s-airgap-images-amd64.tar.zst'),
				},
			],
		]),
	};
	const context = makeContext(lan3());
	const plan = buildPlan({...context, version, release});
	assertSound(plan);
	assert.deepEqual(
		actions(plan, 'nuc', 'upload').map(({from, path}) => [from, path]),
		[
			['/home/me/k3s/k3s', '/var/lib/k3s-mesh/release/k3s'],
			[
				'/home/me/k3s/sha256sum-amd64.txt',
				'/var/lib/k3s-mesh/release/sha256sum-amd64.txt',
			],
			['/home/me/k3s/install.sh', '/var/lib/k3s-mesh/release/install.sh'],
			[
				'/home/me/k3s/k3s-airgap-images-amd64.tar.zst',
				'/var/lib/rancher/k3s/agent/images/k3s-airgap-images-amd64.tar.zst',
			],
		],
	);
	assert.deepEqual(
		actions(plan, 'nuc', 'download').map(({url, checksumUrl}) => [
			url,
			checksumUrl,
		]),
		[
			[
				'file:///var/lib/k3s-mesh/release/k3s',
				'file:///var/lib/k3s-mesh/release/sha256sum-amd64.txt',
			],
		],
	);
	assert.ok(!JSON.stringify(plan).includes('https://get.k3s.io'));
	assert.ok(!JSON.stringify(plan).includes('github.com'));

	const arm = makeContext(lan3(), {nuc: {architecture: 'arm64'}});
	assert.throws(
		() => buildPlan({...arm, version, release}),
		/no files for nuc, which is arm64/,
	);
});
