import assert from 'node:assert/strict';
import test from 'node:test';
import {checkAll, judge} from '../../source/checks/check.js';
import {blockers} from '../../source/checks/finding.js';
import {ruleTexts} from '../../source/checks/rules.js';
import {sameSite} from '../../source/cluster/sites.js';
import {
	makeCluster,
	makeContext,
	lan3,
	ha3,
	measured,
} from '../plan/fixtures.js';
import type {CheckContext} from '../../source/checks/rule.js';
import type {HostFacts, Route} from '../../source/facts/host-facts.js';
import {
	noMeasurements,
	type Cell,
	type Latency,
	type Measurements,
	type Outbound,
	type Verdict,
} from '../../source/facts/measurements.js';
import type {Cluster} from '../../source/cluster/schema.js';

const summary = (context: CheckContext): readonly string[] =>
	checkAll(context).map(
		({severity, id, nodes}) =>
			`${severity} ${id}${nodes.length === 0 ? '' : ` ${nodes.join(',')}`}`,
	);

const k3s = (
	rest: Partial<NonNullable<HostFacts['k3s']>> = {},
): NonNullable<HostFacts['k3s']> => ({
	role: 'agent',
	version: 'v1.36.3+k3s1',
	unitState: 'active',
	configFiles: [],
	caHash: undefined,
	...rest,
});

const manifest = (cluster: string): HostFacts['manifest'] => ({
	cluster,
	files: {},
	appliedHash: 'x',
});

const latency = (
	from: string,
	to: string,
	medianMs: number,
	rest: Partial<Latency> = {},
): Measurements => ({
	...noMeasurements,
	latencies: [
		{
			from,
			to,
			addressKind: 'internal',
			address: '192.168.7.2',
			minMs: medianMs,
			medianMs,
			p95Ms: medianMs,
			jitterMs: 0,
			loss: 0,
			samples: 20,
			...rest,
		},
	],
});

const changed = (cluster: Cluster, change: Partial<Cluster>): Cluster => ({
	...cluster,
	...change,
});

const withConfig = (config: Cluster['k3s']['config']): Cluster =>
	changed(lan3(), {k3s: {...lan3().k3s, config}});

const onNuc = (facts: Partial<HostFacts>): CheckContext =>
	makeContext(lan3(), {nuc: facts});

const configFile = (path: string, text: string): Partial<HostFacts> => ({
	manifest: manifest('home'),
	k3s: k3s({unitState: 'absent', configFiles: [{path, text}]}),
});

const good = lan3();

const dualStack: Cluster['network'] = {
	podCidr: ['10.42.0.0/16', 'fd00:42::/56'],
	serviceCidr: ['10.43.0.0/16', 'fd00:43::/112'],
};

/** Pods of both families on nodes that have both, and the default route of one of them. */
const onDualStack = (rest: Pick<Route, 'advertised'>): CheckContext => {
	const addressesOf = (name: string) => [
		...makeContext(good).facts.get(name)!.addresses,
		{
			device: 'eth0',
			address: '2001:db8::12',
			prefix: 64,
			family: 6 as const,
			mtu: 1500,
		},
	];
	return makeContext(changed(good, {network: dualStack}), {
		fra1: {addresses: addressesOf('fra1')},
		pi4: {addresses: addressesOf('pi4')},
		nuc: {
			addresses: addressesOf('nuc'),
			routes: [
				...makeContext(good).facts.get('nuc')!.routes,
				{
					destination: '::/0',
					via: 'fe80::1',
					device: 'eth0',
					source: undefined,
					...rest,
				},
			],
		},
	});
};

/** Both agents with addresses of one private network, the sites that the file names, and what their kubelets showed there. */
const neighbours = (
	sites: Readonly<Record<string, string>>,
	verdict: Verdict,
): CheckContext => {
	const cluster = changed(good, {
		nodes: good.nodes.map((node, index) =>
			node.role === 'agent'
				? {...node, site: sites[node.name], internalIp: `192.168.7.${index}`}
				: node,
		),
	});
	const kubelet = (from: string, to: string): Cell => ({
		path: {
			from,
			to,
			addressKind: 'internal',
			address: cluster.nodes.find(({name}) => name === to)!.internalIp!,
			protocol: 'tcp',
			port: 10_250,
		},
		verdict,
		sent: 1,
		answered: 0,
		observedSource: undefined,
	});
	return makeContext(
		cluster,
		{},
		{
			...noMeasurements,
			cells: [kubelet('nuc', 'pi4'), kubelet('pi4', 'nuc')],
		},
	);
};

/** What both agents found when they asked for something outside. */
const outside = (
	{
		cluster = good,
		...facts
	}: {readonly cluster?: Cluster; readonly nuc?: Partial<HostFacts>},
	...answers: ReadonlyArray<readonly [Outbound['need'], Outbound['result']]>
): CheckContext =>
	makeContext(cluster, facts, {
		...noMeasurements,
		outbound: answers.flatMap(([need, result]) =>
			['nuc', 'pi4'].map((from) => ({
				from,
				need,
				target: `the service for ${need}`,
				result,
			})),
		),
	});

/** Each rule broken once, and what all rules together then say. */
const table: ReadonlyArray<
	readonly [title: string, context: CheckContext, expected: readonly string[]]
> = [
	['three good machines', makeContext(good), []],
	['three good machines, measured', makeContext(good, {}, measured(good)), []],
	[
		'three servers at one place, measured',
		makeContext(ha3(), {}, measured(ha3())),
		[],
	],
	['an empty cluster', makeContext(makeCluster([])), []],
	[
		'nothing known about any node',
		{...makeContext(good), facts: new Map()},
		[],
	],
	[
		'a name twice',
		makeContext(
			changed(good, {
				nodes: good.nodes.map((node) =>
					node.name === 'pi4' ? {...node, name: 'nuc'} : node,
				),
			}),
		),
		['error name.unique nuc'],
	],
	[
		'one machine under two names',
		makeContext(good, {
			nuc: {machineId: 'm', hostname: 'h'},
			pi4: {machineId: 'm', hostname: 'h'},
		}),
		['error host.same-machine nuc,pi4'],
	],
	[
		'copies of an image with hostnames of their own',
		makeContext(good, {nuc: {machineId: 'm'}, pi4: {machineId: 'm'}}),
		[],
	],
	[
		"another node's external address",
		makeContext(good, {
			fra1: {
				addresses: [
					{
						device: 'eth0',
						address: '198.51.100.11',
						prefix: 24,
						family: 4,
						mtu: 1500,
					},
					{
						device: 'eth0',
						address: '198.51.100.12',
						prefix: 24,
						family: 4,
						mtu: 1500,
					},
				],
			},
			nuc: {
				addresses: [
					{
						device: 'eth0',
						address: '192.168.5.5',
						prefix: 24,
						family: 4,
						mtu: 1500,
					},
				],
			},
		}),
		['error address.other-node nuc,fra1'],
	],
	...(['198.51.100.12', '198.51.100.99', '192.168.5.5'] as const).map(
		(own): (typeof table)[number] => [
			`an external address at which nothing arrives, and others see ${own}`,
			makeContext(
				good,
				{
					nuc: {
						addresses: [
							{
								device: 'eth0',
								address: own,
								prefix: 24,
								family: 4,
								mtu: 1500,
							},
						],
					},
				},
				{
					...measured(good, ({to}) =>
						to === 'nuc' ? {kind: 'filtered'} : undefined,
					),
					nat: [
						{
							from: 'nuc',
							to: 'fra1',
							address: '198.51.100.11',
							localPort: 51_820,
							observedAddress: own,
							observedPort: 51_820,
						},
					],
				},
			),
			[
				...(own === '198.51.100.99'
					? ['warning address.external-elsewhere nuc']
					: []),
				'warning path.one-way nuc,fra1,pi4',
				'warning path.recommended nuc,fra1,pi4',
			],
		],
	),
	[
		'an internal address that is not there',
		makeContext(
			changed(good, {
				nodes: good.nodes.map((node) =>
					node.name === 'nuc' ? {...node, internalIp: '10.0.0.5'} : node,
				),
			}),
			{
				nuc: {
					addresses: [
						{
							device: 'eth0',
							address: '10.0.0.4',
							prefix: 24,
							family: 4,
							mtu: 1500,
						},
					],
				},
			},
		),
		['error address.internal-not-here nuc'],
	],
	[
		'one internal address twice at one site',
		makeContext(
			changed(good, {
				nodes: good.nodes.map((node) =>
					node.role === 'agent'
						? {...node, internalIp: '10.0.0.5', site: 'x'}
						: node,
				),
			}),
		),
		['error address.internal-unique nuc,pi4'],
	],
	[
		'one internal address twice, where what was measured says that the networks are two',
		(() => {
			const {cluster, ...rest} = neighbours(
				{},
				{kind: 'wrong-host', answeredBy: undefined},
			);
			return {
				...rest,
				cluster: changed(cluster, {
					nodes: cluster.nodes.map((node) =>
						node.role === 'agent' ? {...node, internalIp: '192.168.7.1'} : node,
					),
				}),
				facts: new Map(
					[...rest.facts].map(([name, host]) => [
						name,
						name === 'fra1'
							? host
							: {
									...host,
									addresses: [
										...host.addresses,
										{
											device: 'eth1',
											address: '192.168.7.1',
											prefix: 24,
											family: 4 as const,
											mtu: 1500,
										},
									],
								},
					]),
				),
			};
		})(),
		[],
	],
	[
		'no server',
		makeContext(
			changed(good, {nodes: good.nodes.filter(({role}) => role === 'agent')}),
		),
		['error servers.none'],
	],
	[
		'two servers',
		makeContext(
			changed(ha3(), {nodes: ha3().nodes.filter(({name}) => name !== 's3')}),
		),
		['warning etcd.even-servers s1,s2'],
	],
	[
		'servers without internal addresses',
		makeContext(
			changed(good, {
				nodes: good.nodes.map((node) => ({...node, role: 'server'})),
			}),
		),
		['error etcd.private-network fra1,nuc,pi4'],
	],
	[
		'servers at two places',
		makeContext(
			changed(ha3(), {
				nodes: ha3().nodes.map((node) =>
					node.name === 's3' ? {...node, site: 'other'} : node,
				),
			}),
		),
		['warning etcd.private-network s1,s2,s3'],
	],
	[
		'servers of one site, one of which the others do not reach',
		makeContext(
			ha3(),
			{},
			measured(ha3(), ({from, to, port}) =>
				port === 2380 && from !== 's3' && to === 's3'
					? {kind: 'filtered'}
					: undefined,
			),
		),
		['error etcd.private-network s1,s3,s2', 'error path.blocked s1,s2,s3'],
	],
	[
		'neighbours of a named site that do not reach each other there',
		neighbours({nuc: 'home', pi4: 'home'}, {kind: 'filtered'}),
		[
			'warning site.mismatch nuc,pi4',
			'warning path.recommended pi4,nuc',
			'warning path.recommended nuc,pi4',
		],
	],
	[
		'neighbours by their addresses alone that do not reach each other there',
		neighbours({}, {kind: 'filtered'}),
		[],
	],
	[
		'another machine that answers under the internal address',
		neighbours({}, {kind: 'wrong-host', answeredBy: undefined}),
		[],
	],
	[
		'nodes that reach each other on internal addresses across the sites of the file',
		neighbours({nuc: 'home', pi4: 'office'}, {kind: 'open', rttMs: 1}),
		['info site.mismatch nuc,pi4'],
	],
	[
		'servers far from each other',
		makeContext(ha3(), {}, latency('s1', 's2', 80)),
		['error latency.server-server s1,s2'],
	],
	[
		'servers not near to each other',
		makeContext(ha3(), {}, latency('s1', 's2', 20)),
		['warning latency.server-server s1,s2'],
	],
	[
		'an agent far away',
		makeContext(
			ha3(),
			{},
			latency('far', 's2', 250, {addressKind: 'external'}),
		),
		['warning latency.agent-server far,s2'],
	],
	[
		'lost packets',
		makeContext(ha3(), {}, latency('far', 's2', 20, {loss: 0.2})),
		['warning path.loss far,s2'],
	],
	[
		'a pod network that a route uses',
		onNuc({
			routes: [
				{
					destination: '0.0.0.0/0',
					via: '198.51.100.254',
					device: 'eth0',
					source: undefined,
				},
				{
					destination: '10.42.8.0/24',
					via: undefined,
					device: 'eth1',
					source: undefined,
				},
			],
		}),
		['error cidr.overlap nuc'],
	],
	[
		'a route of K3s itself',
		onNuc({
			routes: [
				{
					destination: '0.0.0.0/0',
					via: '198.51.100.254',
					device: 'eth0',
					source: undefined,
				},
				{
					destination: '10.42.8.0/24',
					via: undefined,
					device: 'cni0',
					source: undefined,
				},
				{
					destination: '10.42.0.0/16',
					via: undefined,
					device: 'flannel-wg',
					source: undefined,
				},
			],
		}),
		[],
	],
	[
		'a name server in the service network',
		onNuc({dnsServers: ['10.43.0.53']}),
		['error cidr.overlap nuc'],
	],
	[
		'pod and service networks that overlap',
		makeContext(
			changed(good, {
				network: {podCidr: ['10.0.0.0/8'], serviceCidr: ['10.43.0.0/16']},
			}),
		),
		['error cidr.overlap'],
	],
	[
		'families that differ',
		makeContext(
			changed(good, {
				network: {
					podCidr: ['10.42.0.0/16', 'fd00:42::/56'],
					serviceCidr: ['10.43.0.0/16'],
				},
			}),
		),
		['error cidr.family'],
	],
	[
		'pods of both families on nodes with one',
		makeContext(changed(good, {network: dualStack}), {
			nuc: {
				addresses: [
					...makeContext(good).facts.get('nuc')!.addresses,
					{
						device: 'eth0',
						address: '2001:db8::12',
						prefix: 64,
						family: 6,
						mtu: 1500,
					},
				],
			},
		}),
		['error cidr.node-family fra1', 'error cidr.node-family pi4'],
	],
	[
		'pods of IPv6 alone, and an internal address of IPv4',
		makeContext(
			changed(good, {
				network: {podCidr: ['fd00:42::/56'], serviceCidr: ['fd00:43::/112']},
				nodes: good.nodes.map((node) => ({
					...node,
					internalIp: node.externalIp,
				})),
			}),
			Object.fromEntries(
				good.nodes.map(({name, externalIp}) => [
					name,
					{
						addresses: [
							...makeContext(good).facts.get(name)!.addresses,
							{
								device: 'eth0',
								address: `2001:db8::${externalIp!.split('.').at(-1)!}`,
								prefix: 64,
								family: 6 as const,
								mtu: 1500,
							},
						],
					},
				]),
			),
		),
		[
			'error cidr.node-family fra1',
			'error cidr.node-family nuc',
			'error cidr.node-family pi4',
		],
	],
	[
		'pods of both families, and an IPv6 default route from router advertisements',
		onDualStack({advertised: true}),
		['warning forwarding.ipv6 nuc'],
	],
	[
		'pods of both families, and an IPv6 default route of the machine itself',
		onDualStack({}),
		[],
	],
	[
		'forwarding that drops',
		onNuc({forwarding: {ipv4: true, policy: 'drop', blockingRules: []}}),
		['warning forwarding.blocked nuc'],
	],
	[
		'forwarding that rejects',
		onNuc({
			forwarding: {
				ipv4: true,
				policy: 'accept',
				blockingRules: [
					'-A FORWARD -j REJECT --reject-with icmp-host-prohibited',
				],
			},
		}),
		['warning forwarding.blocked nuc'],
	],
	[
		'rules that the host took back by itself',
		onNuc({
			firewall: {
				kind: 'none',
				active: false,
				defaultDeny: false,
				summary: '',
				unconfirmed: {outcome: 'rolled-back', left: []},
			},
		}),
		['info firewall.unconfirmed nuc'],
	],
	[
		'rules that the host could not take back',
		onNuc({
			firewall: {
				kind: 'none',
				active: false,
				defaultDeny: false,
				summary: '',
				unconfirmed: {
					outcome: 'stuck',
					left: [['ufw', 'delete', 'allow', 'from', '192.0.2.1']],
				},
			},
		}),
		['warning firewall.unconfirmed nuc'],
	],
	[
		'forwarding that drops, and our rules before it',
		onNuc({
			forwarding: {ipv4: true, policy: 'drop', blockingRules: []},
			firewall: {
				kind: 'none',
				active: false,
				defaultDeny: false,
				summary: ['cni0', 'flannel-wg']
					.map(
						(device) =>
							`-A FORWARD -i ${device} -m comment --comment "k3s-mesh forwarding from and to ${device}" -j ACCEPT`,
					)
					.join('\n'),
			},
		}),
		[],
	],
	[
		'a very small path',
		makeContext(
			good,
			{},
			{
				...noMeasurements,
				pathMtus: [
					{from: 'fra1', to: 'nuc', address: '198.51.100.12', bytes: 1300},
				],
			},
		),
		['warning mtu.path fra1', 'warning mtu.path nuc'],
	],
	[
		'a smaller path',
		makeContext(
			good,
			{},
			{
				...noMeasurements,
				pathMtus: [
					{from: 'fra1', to: 'nuc', address: '198.51.100.12', bytes: 1400},
				],
			},
		),
		['info mtu.path fra1', 'info mtu.path nuc'],
	],
	[
		'no default route',
		onNuc({
			routes: [
				{
					destination: '198.51.100.0/24',
					via: undefined,
					device: 'eth0',
					source: undefined,
				},
			],
		}),
		['warning route.default nuc'],
	],
	['no name server', onNuc({dnsServers: []}), ['warning dns.none nuc']],
	[
		'an architecture without K3s',
		onNuc({architecture: undefined, machine: 'mips64'}),
		['error arch.supported nuc'],
	],
	[
		'an architecture that K3s builds for of late',
		onNuc({architecture: 'riscv64', machine: 'riscv64'}),
		['warning arch.supported nuc'],
	],
	['OpenRC', onNuc({init: 'openrc'}), ['error init.supported nuc']],
	['no root', onNuc({privilege: 'none'}), ['error privilege.root nuc']],
	[
		'no curl and no wget',
		onNuc({
			tools: {
				...makeContext(good).facts.get('nuc')!.tools,
				curl: false,
				wget: false,
			},
		}),
		['error tool.missing nuc'],
	],
	[
		'no ping',
		onNuc({
			tools: {...makeContext(good).facts.get('nuc')!.tools, ping: false},
		}),
		['warning tool.missing nuc'],
	],
	['no Python but Perl', onNuc({python: undefined}), []],
	[
		'neither Python nor Perl, but bash',
		onNuc({python: undefined, probeTools: {bash: '/bin/bash'}}),
		['warning tool.probe nuc'],
	],
	[
		'nothing to measure with',
		onNuc({python: undefined, probeTools: {socat: '/usr/bin/socat'}}),
		['error tool.probe nuc'],
	],
	[
		'nothing to measure with, and nothing measured because of it',
		{
			...onNuc({python: undefined, probeTools: {}}),
			measurements: measured(good, ({from, to}) =>
				from === 'nuc' || to === 'nuc'
					? {kind: 'unknown', reason: 'nuc has nothing to measure with'}
					: undefined,
			),
		},
		['error tool.probe nuc'],
	],
	[
		'a machine that was not reached, and nothing measured because of it',
		{
			...makeContext(good),
			facts: new Map(
				[...makeContext(good).facts].filter(([name]) => name !== 'nuc'),
			),
			measurements: measured(good, ({from, to}) =>
				from === 'nuc' || to === 'nuc'
					? {kind: 'unknown', reason: 'nuc could not be contacted'}
					: undefined,
			),
		},
		[],
	],
	[
		'little memory',
		onNuc({memoryBytes: 400_000_000}),
		['warning memory.minimum nuc'],
	],
	[
		'no memory',
		onNuc({memoryBytes: 100_000_000}),
		['error memory.minimum nuc'],
	],
	[
		'memory of a 2 GB server',
		makeContext(good, {fra1: {memoryBytes: 1_950_000_000}}),
		[],
	],
	[
		'a server with one CPU',
		makeContext(good, {fra1: {cpuCount: 1}}),
		['info cpu.minimum fra1'],
	],
	[
		'a full disk and one that is read-only',
		onNuc({
			disks: [
				{path: '/usr/local/bin', freeBytes: 12_000_000, readOnly: false},
				{path: '/etc', freeBytes: 5_000_000_000, readOnly: true},
			],
		}),
		['error disk.minimum nuc', 'error disk.minimum nuc'],
	],
	[
		'no memory cgroup',
		onNuc({cgroup: {version: 2, memory: false}}),
		['error cgroup.memory nuc'],
	],
	[
		'control groups of version 1',
		onNuc({cgroup: {version: 1, memory: true}}),
		['error cgroup.version nuc'],
	],
	[
		'control groups of version 1, with a release that takes them',
		makeContext(changed(good, {k3s: {...good.k3s, version: 'v1.34.9+k3s1'}}), {
			nuc: {cgroup: {version: 1, memory: true}},
		}),
		[],
	],
	[
		'control groups of version 1, with a channel that takes them',
		makeContext(changed(good, {k3s: {...good.k3s, channel: 'v1.33'}}), {
			nuc: {cgroup: {version: 1, memory: true}},
		}),
		[],
	],
	[
		'control groups of version 1, and a kubelet that is told to take them',
		makeContext(withConfig({'kubelet-arg+': ['fail-cgroupv1=false']}), {
			nuc: {cgroup: {version: 1, memory: true}},
		}),
		[],
	],
	[
		'a clock that is 5 s off',
		onNuc({clock: {unixMs: 0, offsetMs: -5000, synchronized: true}}),
		['warning clock.skew nuc'],
	],
	[
		'a clock that is a minute off',
		onNuc({clock: {unixMs: 0, offsetMs: 60_000, synchronized: undefined}}),
		['error clock.skew nuc'],
	],
	[
		'two clocks that differ, of which none can be called wrong',
		makeContext(
			changed(good, {nodes: good.nodes.filter(({name}) => name !== 'pi4')}),
			{nuc: {clock: {unixMs: 0, offsetMs: -3000, synchronized: true}}},
		),
		['warning clock.skew fra1,nuc'],
	],
	[
		'a clock in 1970, which does not blame the others',
		onNuc({
			clock: {unixMs: 0, offsetMs: -1_800_000_000_000, synchronized: true},
		}),
		['error clock.skew nuc'],
	],
	[
		'a clock that nobody keeps',
		onNuc({clock: {unixMs: 0, offsetMs: 0, synchronized: false}}),
		['warning time.ntp nuc'],
	],
	['SELinux', onNuc({selinux: 'enforcing'}), ['warning selinux.policy nuc']],
	[
		'RHEL 10',
		onNuc({os: {id: 'rhel', versionId: '10.1', prettyName: 'RHEL 10.1'}}),
		['info kernel.modules-extra nuc'],
	],
	[
		'RHEL 8.3 in a cloud',
		onNuc({
			cloud: 'aws',
			os: {id: 'rhel', versionId: '8.3', prettyName: 'RHEL 8.3'},
		}),
		['warning nm-cloud-setup nuc'],
	],
	[
		'RHEL 8.10 in a cloud',
		onNuc({
			cloud: 'aws',
			os: {id: 'rhel', versionId: '8.10', prettyName: 'RHEL 8.10'},
		}),
		[],
	],
	[
		'K3s in the other role',
		onNuc({k3s: k3s({role: 'server'}), manifest: manifest('home')}),
		['error k3s.already-installed nuc'],
	],
	[
		'K3s of somebody else',
		onNuc({k3s: k3s()}),
		['error k3s.already-installed nuc'],
	],
	[
		'K3s of a run of ours that was cut off before its manifest',
		onNuc({
			k3s: k3s({
				configFiles: [
					{
						path: '/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml',
						text: '{}',
					},
				],
			}),
		}),
		[],
	],
	['K3s of ours', onNuc({k3s: k3s(), manifest: manifest('home')}), []],
	[
		'K3s of another cluster of ours',
		onNuc({k3s: k3s(), manifest: manifest('work')}),
		['error k3s.other-cluster nuc'],
	],
	[
		'nodes of two clusters',
		makeContext(good, {
			nuc: {k3s: k3s({caHash: 'aa'}), manifest: manifest('home')},
			pi4: {k3s: k3s({caHash: 'bb'}), manifest: manifest('home')},
		}),
		['error k3s.other-cluster nuc,pi4'],
	],
	[
		'a downgrade',
		makeContext(changed(good, {k3s: {...good.k3s, version: 'v1.35.6+k3s1'}}), {
			nuc: {k3s: k3s(), manifest: manifest('home')},
		}),
		['error k3s.downgrade nuc'],
	],
	[
		'a release without external addresses in flannel',
		makeContext(changed(good, {k3s: {...good.k3s, version: 'v1.24.3+k3s1'}})),
		['error k3s.version'],
	],
	[
		'a key of the cluster file against ours',
		makeContext(
			withConfig({'flannel-backend': 'vxlan', 'node-label': ['a=b']}),
		),
		['error k3s.config-conflict'],
	],
	[
		'a key of the cluster file that says the same, and lists that are put together',
		makeContext(
			withConfig({
				'flannel-backend': 'wireguard-native',
				'tls-san': ['x.example.org'],
				disable: ['traefik'],
			}),
		),
		[],
	],
	[
		'a key that K3s does not know',
		makeContext(withConfig({'flanel-backend': 'vxlan'})),
		['warning k3s.config-unknown'],
	],
	[
		"the machine's own config against ours",
		onNuc(
			configFile(
				'/etc/rancher/k3s/config.yaml',
				'server: https://192.0.2.1:6443\nnode-label: [a=b]\n',
			),
		),
		['error k3s.config-conflict nuc'],
	],
	[
		'a later drop-in with the same value in other words',
		onNuc(
			configFile(
				'/etc/rancher/k3s/config.yaml.d/99-mine.yaml',
				"node-external-ip: ['198.51.100.12']\n",
			),
		),
		[],
	],
	[
		'a later drop-in with a token',
		onNuc(
			configFile(
				'/etc/rancher/k3s/config.yaml.d/99-mine.yaml',
				'token: (secret)\n',
			),
		),
		['error k3s.config-conflict nuc'],
	],
	[
		'a later drop-in that appends',
		makeContext(good, {
			fra1: configFile(
				'/etc/rancher/k3s/config.yaml.d/99-mine.yaml',
				'tls-san+: [x.example.org]\n',
			),
		}),
		[],
	],
	[
		"the machine's own config that moves K3s's data",
		onNuc(
			configFile(
				'/etc/rancher/k3s/config.yaml',
				'data-dir: /srv/k3s\nhttps-listen-port: 7443\n',
			),
		),
		// A port of the API means nothing to an agent.
		['error k3s.config-moved nuc'],
	],
	[
		"a server's own config that moves the API",
		makeContext(good, {
			fra1: configFile(
				'/etc/rancher/k3s/config.yaml.d/99-mine.yaml',
				'https-listen-port: 7443\nbind-address: 198.51.100.11\n',
			),
		}),
		['error k3s.config-moved fra1', 'error k3s.config-moved fra1'],
	],
	[
		'places named as they are anyway',
		makeContext(good, {
			fra1: configFile(
				'/etc/rancher/k3s/config.yaml',
				'data-dir: /var/lib/rancher/k3s\nhttps-listen-port: 6443\nbind-address: 0.0.0.0\n',
			),
		}),
		[],
	],
	[
		'our own file',
		onNuc(
			configFile(
				'/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml',
				'server: https://192.0.2.1:6443\n',
			),
		),
		[],
	],
	[
		'a port held by another program',
		onNuc({
			listening: [
				{
					protocol: 'tcp',
					address: '127.0.0.1',
					port: 10_250,
					process: 'kubelet',
				},
				{protocol: 'tcp', address: '0.0.0.0', port: 6443, process: 'haproxy'},
			],
		}),
		['error port.in-use nuc'],
	],
	[
		'a port of a server held by another program',
		makeContext(good, {
			fra1: {
				listening: [
					{protocol: 'tcp', address: '0.0.0.0', port: 6443, process: 'haproxy'},
				],
			},
		}),
		['error port.in-use fra1'],
	],
	[
		'ports held by K3s',
		onNuc({
			k3s: k3s(),
			manifest: manifest('home'),
			listening: [
				{protocol: 'tcp', address: '0.0.0.0', port: 10_250, process: undefined},
			],
		}),
		[],
	],
	[
		'everything outside answers',
		outside({}, ['k3s-download', {kind: 'answered', ms: 20}]),
		[],
	],
	[
		"a machine's own proxy that spares the cluster",
		onNuc({
			proxy: {
				ofMachine: true,
				noProxy: [
					'127.0.0.0/8',
					'::1',
					'10.0.0.0/8',
					'100.0.0.0/8',
					'.svc',
					'cluster.local',
					'localhost',
					'*',
				],
			},
		}),
		[],
	],
	[
		"a machine's own proxy that would be asked for nodes",
		onNuc({proxy: {ofMachine: true, noProxy: ['localhost', '127.0.0.1']}}),
		['info proxy.no-proxy nuc'],
	],
	[
		"no proxy of the machine's own",
		onNuc({proxy: {ofMachine: false, noProxy: [], written: []}}),
		[],
	],
	[
		'a proxy of which nothing is known',
		outside(
			{},
			['k3s-download', {kind: 'unknown', reason: 'a proxy is in the way'}],
			['registry', {kind: 'unknown', reason: 'a proxy is in the way'}],
		),
		[],
	],
	[
		'no download',
		outside({}, ['k3s-download', {kind: 'silent'}]),
		['error outbound.k3s-download nuc,pi4'],
	],
	[
		'no download, where one node has the very release',
		outside(
			{
				cluster: changed(good, {k3s: {...good.k3s, version: 'v1.36.3+k3s1'}}),
				nuc: {k3s: k3s(), manifest: manifest('home')},
			},
			['k3s-download', {kind: 'refused', reason: 'connection refused'}],
		),
		['error outbound.k3s-download pi4'],
	],
	[
		'no download, where one node has a release of the channel',
		outside({nuc: {k3s: k3s(), manifest: manifest('home')}}, [
			'k3s-download',
			{kind: 'unresolved'},
		]),
		['error outbound.k3s-download pi4', 'warning outbound.k3s-download nuc'],
	],
	[
		'no registry',
		outside({}, ['registry', {kind: 'silent'}]),
		['warning outbound.registry nuc,pi4'],
	],
	[
		'no registry, and another one is named',
		outside({cluster: withConfig({'system-default-registry': 'r.lan'})}, [
			'registry',
			{kind: 'silent'},
		]),
		[],
	],
	[
		'no names',
		outside({}, ['dns', {kind: 'silent'}]),
		['warning outbound.dns nuc,pi4'],
	],
	[
		'no time from outside, and another service keeps the clock of one',
		outside({nuc: {clock: {unixMs: 0, offsetMs: 0, synchronized: undefined}}}, [
			'ntp',
			{kind: 'silent'},
		]),
		['info outbound.ntp nuc'],
	],
	[
		'no control server of Tailscale, where it was asked about',
		outside({}, ['tailscale-control', {kind: 'silent'}]),
		['info outbound.tailscale nuc,pi4'],
	],
	[
		'no relay of a tailnet, by HTTPS and by UDP',
		outside(
			{},
			['tailscale-relay', {kind: 'silent'}],
			['tailscale-stun', {kind: 'silent'}],
		),
		[
			'warning outbound.tailscale-relay nuc,pi4',
			'warning outbound.tailscale-udp nuc,pi4',
		],
	],
	[
		'a web server',
		onNuc({
			listening: [
				{protocol: 'tcp', address: '0.0.0.0', port: 443, process: 'nginx'},
			],
		}),
		['info port.web nuc'],
	],
];

for (const [title, context, expected] of table) {
	test(`checks: ${title}`, () => {
		assert.deepEqual(summary(context), expected);
	});
}

test('every rule that speaks is in the list, with a source and a sentence', () => {
	const known = new Map(ruleTexts.map((rule) => [rule.id, rule]));
	assert.equal(known.size, ruleTexts.length, 'ids are unique');
	const severities = ['info', 'warning', 'error'];
	const spoken = new Set<string>();
	for (const [, context] of table) {
		for (const {id, severity, source, message} of checkAll(context)) {
			spoken.add(id);
			const text = known.get(id);
			assert.ok(text, id);
			assert.equal(text.source, source);
			assert.ok(
				severities.indexOf(severity) <= severities.indexOf(text.severity),
			);
			assert.match(message, /[.)]$/);
		}
	}

	for (const {sentence} of ruleTexts) {
		assert.match(sentence, /^[A-Z].*\.$/);
	}

	const silent = ruleTexts
		.map(({id}) => id)
		.filter(
			(id) =>
				!spoken.has(id) &&
				!/^(?:wireguard|tailscale|ssh|path|server)\./.test(id),
		);
	assert.deepEqual(silent, [], 'every rule is broken once in the table');
});

test('an overridden error is no blocker, and is still told', () => {
	const findings = checkAll(
		makeContext(
			makeCluster([
				{name: 'a', role: 'agent', ssh: 'a', externalIp: '192.0.2.1'},
			]),
		),
	);
	assert.equal(blockers(judge(findings, [])).length, 1);
	const judged = judge(findings, ['servers.none']);
	assert.equal(blockers(judged).length, 0);
	assert.equal(judged[0]!.ignored, true);
});

test('places: a site decides, and without any neighbours in one network', () => {
	const node = (site?: string, internalIp?: string) => ({
		name: `n${site}${internalIp}`,
		role: 'agent' as const,
		ssh: {host: 'x'},
		site,
		internalIp,
	});
	assert.ok(sameSite(node('a'), node('a', '10.0.0.1')));
	assert.ok(!sameSite(node('a', '10.0.0.2'), node('b', '10.0.0.1')));
	assert.ok(!sameSite(node('a', '10.0.0.2'), node(undefined, '10.0.0.1')));
	assert.ok(sameSite(node(undefined, '10.0.0.2'), node(undefined, '10.0.0.1')));
	assert.ok(
		!sameSite(node(undefined, '10.0.1.2'), node(undefined, '10.0.0.1')),
	);
	assert.ok(!sameSite(node(undefined, '10.0.1.2'), node(undefined)));
});
