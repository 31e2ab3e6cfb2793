import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {addressFamily} from '../../source/cluster/addresses.js';
import {sameSite} from '../../source/cluster/sites.js';
import type {
	FirewallFacts,
	HostFacts,
	NftChain,
} from '../../source/facts/host-facts.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {
	byHand,
	commandLine,
	nodeFirewall,
} from '../../source/plan/firewall/node-firewall.js';
import {
	denying,
	ha3,
	lan3,
	makeCluster,
	makeContext,
	measured,
} from './fixtures.js';

const actionOf = (context: MeshContext, name: string) =>
	nodeFirewall(
		context,
		meshOf(context.cluster),
		context.cluster.nodes.find((node) => node.name === name)!,
	);

const linesOf = (context: MeshContext, name: string): readonly string[] =>
	(actionOf(context, name)?.rules ?? []).map(({add}) => commandLine(add));

const nftChains: readonly NftChain[] = [
	{table: 'inet filter', chain: 'input', hook: 'input'},
	{table: 'inet filter', chain: 'forward', hook: 'forward'},
];

/** A firewall that denies: by nftables in the given chains. */
const denyingNft = (
	dropping: readonly NftChain[] = nftChains,
	summary = '',
): Partial<HostFacts> => ({
	...denying('nftables'),
	firewall: {...denying('nftables', summary).firewall!, dropping},
});

test('nothing is touched where no firewall denies and forwarding works', () => {
	assert.equal(actionOf(makeContext(lan3()), 'nuc'), undefined);
	const installedOnly: Partial<HostFacts> = {
		firewall: {kind: 'ufw', active: false, defaultDeny: false, summary: ''},
	};
	assert.equal(
		actionOf(makeContext(lan3(), {nuc: installedOnly}), 'nuc'),
		undefined,
	);
	const accepting: Partial<HostFacts> = {
		firewall: {kind: 'nftables', active: true, defaultDeny: false, summary: ''},
	};
	assert.equal(
		actionOf(makeContext(lan3(), {nuc: accepting}), 'nuc'),
		undefined,
	);
});

test('ufw: peers reach our ports, pods are let in and passed on', () => {
	const context = makeContext(lan3(), {fra1: denying('ufw')});
	assert.deepEqual(linesOf(context, 'fra1'), [
		"ufw prepend allow proto tcp from 198.51.100.11 to any port 6443 comment 'k3s-mesh Kubernetes API from this node itself'",
		"ufw prepend allow proto tcp from 198.51.100.12 to any port 6443 comment 'k3s-mesh Kubernetes API from nuc'",
		"ufw prepend allow proto tcp from 198.51.100.13 to any port 6443 comment 'k3s-mesh Kubernetes API from pi4'",
		"ufw prepend allow proto tcp from 198.51.100.12 to any port 10250 comment 'k3s-mesh kubelet from nuc'",
		"ufw prepend allow proto tcp from 198.51.100.13 to any port 10250 comment 'k3s-mesh kubelet from pi4'",
		"ufw prepend allow proto udp from 198.51.100.12 to any port 51820 comment 'k3s-mesh WireGuard from nuc'",
		"ufw prepend allow proto udp from 198.51.100.13 to any port 51820 comment 'k3s-mesh WireGuard from pi4'",
		"ufw prepend allow in on cni0 comment 'k3s-mesh pods of this node'",
		"ufw prepend allow in on flannel-wg comment 'k3s-mesh pods of other nodes'",
		"ufw prepend allow from 10.42.0.0/16 to any comment 'k3s-mesh pod network'",
		"ufw prepend allow from 10.43.0.0/16 to any comment 'k3s-mesh service network'",
		"ufw route prepend allow in on cni0 comment 'k3s-mesh forwarding from and to cni0'",
		"ufw route prepend allow out on cni0 comment 'k3s-mesh forwarding from and to cni0'",
		"ufw route prepend allow in on flannel-wg comment 'k3s-mesh forwarding from and to flannel-wg'",
		"ufw route prepend allow out on flannel-wg comment 'k3s-mesh forwarding from and to flannel-wg'",
	]);
	assert.deepEqual(actionOf(context, 'fra1')!.rules[5]!.remove, [
		'ufw',
		'delete',
		'allow',
		'proto',
		'udp',
		'from',
		'198.51.100.12',
		'to',
		'any',
		'port',
		'51820',
	]);
});

test('firewalld: rich rules in the zone of the interface, no peer moves to another zone', () => {
	const summary =
		'public (active)\n  target: default\n  interfaces: eth0\ndocker\n  interfaces: docker0\n';
	const context = makeContext(lan3(), {nuc: denying('firewalld', summary)});
	const lines = linesOf(context, 'nuc');
	assert.ok(
		lines.includes(
			`firewall-cmd --permanent --zone=public '--add-rich-rule=rule family="ipv4" source address="198.51.100.11" port port="51820" protocol="udp" accept'`,
		),
		lines.join('\n'),
	);
	assert.ok(
		lines.includes(
			'firewall-cmd --permanent --zone=trusted --add-interface=cni0',
		),
	);
	assert.ok(lines.every((line) => !line.includes('--add-source')));
	assert.equal(new Set(lines).size, lines.length);
	// Without a word about zones the default one is meant.
	assert.ok(
		linesOf(makeContext(lan3(), {nuc: denying('firewalld')}), 'nuc').some(
			(line) => line.startsWith("firewall-cmd --permanent '--add-rich-rule="),
		),
	);
});

test('nftables: a chain of ours in the table that drops, in front of what drops', () => {
	const context = makeContext(lan3(), {nuc: denyingNft()});
	const lines = linesOf(context, 'nuc');
	assert.deepEqual(lines.slice(0, 3), [
		'nft add chain inet filter k3s_mesh_input',
		`nft insert rule inet filter input jump k3s_mesh_input comment '"k3s-mesh"'`,
		`nft add rule inet filter k3s_mesh_input ip saddr 198.51.100.11 tcp dport 10250 accept comment '"k3s-mesh ip saddr 198.51.100.11 tcp dport 10250"'`,
	]);
	assert.ok(
		lines.includes(
			`nft add rule inet filter k3s_mesh_forward oifname '"flannel-wg"' accept comment '"k3s-mesh oifname flannel-wg"'`,
		),
		lines.join('\n'),
	);
	assert.equal(new Set(lines).size, lines.length);
});

test('nftables: the names of distributions where the host did not tell, and nothing where nothing drops', () => {
	assert.deepEqual(
		linesOf(makeContext(lan3(), {nuc: denying('nftables')}), 'nuc'),
		linesOf(makeContext(lan3(), {nuc: denyingNft()}), 'nuc'),
	);
	assert.deepEqual(
		linesOf(
			makeContext(lan3(), {nuc: denyingNft([nftChains[1]!])}),
			'nuc',
		).filter((line) => line.startsWith('nft insert')),
		[
			`nft insert rule inet filter forward jump k3s_mesh_forward comment '"k3s-mesh"'`,
		],
	);
});

test('a nftables table of one family holds rules of that family only', () => {
	const cluster = makeCluster([
		{
			name: 'a',
			role: 'server',
			ssh: 'a',
			externalIp: '2001:db8::1',
			internalIp: '192.168.1.1',
		},
		{
			name: 'b',
			role: 'agent',
			ssh: 'b',
			externalIp: '2001:db8::2',
			internalIp: '192.168.1.2',
		},
	]);
	const lines = linesOf(
		makeContext(cluster, {
			a: denyingNft([{table: 'ip filter', chain: 'INPUT', hook: 'input'}]),
		}),
		'a',
	);
	assert.ok(lines.length > 3);
	assert.ok(lines.every((line) => !line.includes('2001:db8')));
});

test('iptables: in front of a REJECT at the end, each family by its own program', () => {
	const lines = linesOf(makeContext(lan3(), {nuc: denying('iptables')}), 'nuc');
	assert.equal(
		lines[1],
		"iptables -w 5 -I INPUT 1 -s 198.51.100.13 -p tcp --dport 10250 -m comment --comment 'k3s-mesh kubelet from pi4' -j ACCEPT",
	);
	assert.ok(
		lines.some((line) =>
			line.startsWith('iptables -w 5 -I FORWARD 1 -o cni0 '),
		),
	);
	assert.ok(lines.every((line) => !line.startsWith('ip6tables')));
	// K3s's killall script drops every saved line with this word in it.
	assert.ok(
		lines
			.filter((line) => line.includes(' INPUT 1 -s '))
			.every((line) => !/flannel|KUBE-|CNI-/i.test(line)),
	);
});

for (const [title, site, internal, isOpen] of [
	['neighbours by their addresses', undefined, undefined, true],
	[
		'neighbours by their addresses, at whose internal ones another machine answers',
		undefined,
		{kind: 'wrong-host', answeredBy: undefined},
		false,
	],
	[
		'nodes of one named site, between which a firewall stands',
		'home',
		{kind: 'filtered'},
		true,
	],
] as const) {
	test(`external ports are opened for the internal address of a peer that is near: ${title}`, () => {
		const near = makeCluster(
			['one', 'two'].map((name, index) => ({
				name,
				role: index === 0 ? ('server' as const) : ('agent' as const),
				ssh: name,
				externalIp: `198.51.100.${31 + index}`,
				internalIp: `192.168.1.${1 + index}`,
				...(site !== undefined && {site}),
			})),
		);
		const lines = linesOf(
			makeContext(
				near,
				{one: denying('ufw')},
				internal === undefined
					? noMeasurements
					: measured(near, ({addressKind}) =>
							addressKind === 'internal' ? internal : undefined,
						),
			),
			'one',
		);
		const from = (source: string) =>
			lines.some(
				(line) =>
					line.includes(` from ${source} `) && line.includes('port 51820'),
			);
		assert.ok(from('198.51.100.32'));
		assert.equal(from('192.168.1.2'), isOpen, lines.join('\n'));
	});
}

test('forwarding that is off is opened without a firewall, too, and nothing else', () => {
	const context = makeContext(lan3(), {
		nuc: {forwarding: {ipv4: true, policy: 'drop', blockingRules: []}},
	});
	const action = actionOf(context, 'nuc');
	assert.equal(action?.firewall, 'iptables');
	assert.ok(
		action.rules.every(({add}) => add.includes('FORWARD')),
		'only forwarding',
	);
	assert.equal(
		actionOf(
			makeContext(lan3(), {
				nuc: {
					forwarding: {
						ipv4: true,
						policy: 'accept',
						blockingRules: ['-A FORWARD -j REJECT'],
					},
				},
			}),
			'nuc',
		)?.rules.length,
		4,
	);
});

test('a firewall that accepts by default is opened where a path was seen blocked', () => {
	const overrides = {
		nuc: {
			firewall: {
				kind: 'nftables',
				active: true,
				defaultDeny: false,
				summary: '',
				dropping: nftChains,
			} satisfies FirewallFacts,
		},
	};
	const cluster = lan3();
	assert.equal(
		actionOf(makeContext(cluster, overrides, measured(cluster)), 'nuc'),
		undefined,
	);
	assert.ok(
		actionOf(
			makeContext(
				cluster,
				overrides,
				measured(cluster, ({to, protocol}) =>
					to === 'nuc' && protocol === 'udp' ? {kind: 'filtered'} : undefined,
				),
			),
			'nuc',
		),
	);
});

test('what was opened once stays in the plan, also when nothing is blocked any more', () => {
	const cluster = lan3();
	const planned = (kind: 'nftables' | 'iptables', summary: string) =>
		actionOf(
			makeContext(
				cluster,
				{
					nuc: {
						firewall: {
							kind,
							active: true,
							defaultDeny: false,
							summary,
							...(kind === 'nftables' && {dropping: nftChains}),
						},
					},
				},
				measured(cluster),
			),
			'nuc',
		);
	assert.ok(planned('nftables', 'jump k3s_mesh_input comment "k3s-mesh"'));
	assert.ok(
		planned(
			'iptables',
			'-A INPUT -i cni0 -m comment --comment "k3s-mesh pods of this node" -j ACCEPT',
		),
	);
	// Forwarding alone was opened.
	assert.equal(planned('nftables', 'jump k3s_mesh_forward'), undefined);
	assert.equal(
		planned(
			'iptables',
			'-A FORWARD -i cni0 -m comment --comment "k3s-mesh forwarding" -j ACCEPT',
		),
		undefined,
	);
});

test('by hand, a person learns what makes the rules last', () => {
	const rules = [{why: '', add: ['x', 'y z'], remove: []}];
	const last = (kind: (typeof kinds)[number]) => byHand(kind, rules).at(-1)!;
	assert.equal(byHand('ufw', rules).join('\n'), "x 'y z'");
	assert.deepEqual(
		byHand('firewalld', [
			{
				why: '',
				add: ['firewall-cmd', '--permanent', '--add-interface=cni0'],
				remove: [],
			},
		]),
		[
			'firewall-cmd --permanent --add-interface=cni0',
			'firewall-cmd --add-interface=cni0',
		],
	);
	assert.match(last('nftables'), /nftables\.conf/);
	assert.match(last('iptables'), /rules\.v4/);
});

test('the source that was seen when measuring is let in as well', () => {
	const cluster = lan3();
	const measurements = measured(cluster);
	const context = makeContext(
		cluster,
		{nuc: denying('ufw')},
		{
			...measurements,
			cells: measurements.cells.map((cell) =>
				cell.path.from === 'pi4' && cell.path.to === 'nuc'
					? {...cell, observedSource: '203.0.113.77:40001'}
					: cell,
			),
		},
	);
	const lines = linesOf(context, 'nuc').join('\n');
	assert.match(lines, /udp from 203\.0\.113\.77 to any port 51820/);
	assert.match(lines, /udp from 198\.51\.100\.13 to any port 51820/);
});

const kinds = ['ufw', 'firewalld', 'nftables', 'iptables'] as const;

test('where a firewall denies, every requirement has a rule for every address of the peer', () => {
	fc.assert(
		fc.property(
			fc.constantFrom(...kinds),
			fc.constantFrom(lan3(), ha3()),
			(kind, cluster) => {
				const overrides = Object.fromEntries(
					cluster.nodes.map(({name}) => [
						name,
						kind === 'nftables' ? denyingNft() : denying(kind),
					]),
				);
				const context = makeContext(cluster, overrides);
				for (const requirement of meshOf(cluster).requirements(context)) {
					const lines = linesOf(context, requirement.to);
					const peer = cluster.nodes.find(
						({name}) => name === requirement.from,
					)!;
					const target = cluster.nodes.find(
						({name}) => name === requirement.to,
					)!;
					const sources =
						requirement.addressKind === 'internal'
							? [peer.internalIp]
							: [
									peer.externalIp,
									sameSite(peer, target) ? peer.internalIp : undefined,
								];
					for (const source of sources) {
						assert.ok(
							source === undefined ||
								lines.some(
									(line) =>
										line.includes(source) &&
										line.includes(requirement.protocol) &&
										line.includes(String(requirement.port)),
								),
							`${kind}: ${JSON.stringify(requirement)} from ${source}`,
						);
					}
				}
			},
		),
		{numRuns: 40},
	);
});

test('no port of K3s is opened to an address that is no peer', () => {
	for (const kind of kinds) {
		const cluster = ha3();
		const addresses = new Set(
			cluster.nodes.flatMap(({externalIp, internalIp}) => [
				externalIp,
				internalIp,
			]),
		);
		for (const {name} of cluster.nodes) {
			const action = actionOf(
				makeContext(cluster, {
					[name]: kind === 'nftables' ? denyingNft() : denying(kind),
				}),
				name,
			)!;
			for (const {add} of action.rules) {
				const text = add.join(' ');
				const addressesInIt = text.match(/\b(?:\d+\.){3}\d+(?!\/)\b/g) ?? [];
				assert.ok(
					addressesInIt.every(
						(one) => addresses.has(one) || /^10\.4[23]\./.test(one),
					),
					text,
				);
				if (/\b(?:6443|10250|51820|2379|2380)\b/.test(text)) {
					assert.ok(addressesInIt.length > 0, text);
					assert.equal(addressFamily(addressesInIt[0]!), 4);
				}
			}
		}
	}
});

test('words that a shell would take apart are quoted for people', () => {
	assert.equal(
		commandLine(['a', 'b c', "it's", '-x=1', '$y']),
		String.raw`a 'b c' 'it'\''s' -x=1 '$y'`,
	);
});
