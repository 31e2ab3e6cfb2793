import assert from 'node:assert/strict';
import test from 'node:test';
import {checkAll} from '../../source/checks/check.js';
import type {CheckContext} from '../../source/checks/rule.js';
import {
	controller,
	type Path,
	type Verdict,
} from '../../source/facts/measurements.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {denying, ha3, lan3, makeContext, measured} from '../plan/fixtures.js';

const check = (context: CheckContext) =>
	checkAll(context).filter(({id}) => /^(?:path|server)\./.test(id));

const blockedAt =
	(test: (path: Path) => boolean, verdict?: Verdict) =>
	(path: Path): Verdict | undefined =>
		test(path) ? (verdict ?? {kind: 'filtered'}) : undefined;

/** Is it the WireGuard path between two nodes, in either direction? */
const meshBetween =
	(one: string, other: string) =>
	({from, to, port}: Path): boolean =>
		[from, to].includes(one) && [from, to].includes(other) && port === 51_820;

test('a path that is blocked both ways is named with both nodes, port, address kind and verdict', () => {
	const cluster = lan3();
	const findings = check(
		makeContext(
			cluster,
			{},
			measured(cluster, blockedAt(meshBetween('nuc', 'pi4'))),
		),
	);
	assert.deepEqual(
		findings.map(({id, severity, nodes}) => [severity, id, ...nodes].join(' ')),
		['error path.blocked nuc pi4', 'error path.blocked pi4 nuc'],
	);
	const [finding] = findings;
	assert.match(
		finding!.message,
		/^nuc → pi4, UDP 51820 \(WireGuard\) on the external address 198\.51\.100\.13: filtered: no answer came\. Needed because pods on nuc and pi4/,
	);
	assert.doesNotMatch(finding!.message, /other direction/);
	assert.match(
		finding!.fixes.join('\n'),
		/No firewall was seen on pi4 itself\.\nIn the router or firewall in front of pi4: allow UDP 51820 \(WireGuard\) from 198\.51\.100\.12\/32\./,
	);
});

/** Is it the WireGuard path between a node and any other, in either direction? */
const meshOf =
	(name: string) =>
	({from, to, port}: Path): boolean =>
		[from, to].includes(name) && port === 51_820;

test('blocked paths to one port are told together, with the lines for all of them', () => {
	const cluster = lan3();
	const findings = check(
		makeContext(
			cluster,
			{pi4: denying('ufw')},
			measured(cluster, blockedAt(meshOf('pi4'))),
		),
	);
	assert.deepEqual(
		findings
			.map(({id, severity, nodes}) => [severity, id, ...nodes].join(' '))
			.toSorted(),
		[
			'error path.blocked fra1 nuc pi4',
			'error path.blocked pi4 fra1',
			'error path.blocked pi4 nuc',
		],
	);
	const {message, fixes} = findings.find(({nodes}) => nodes.at(-1) === 'pi4')!;
	assert.match(
		message,
		/^fra1 and nuc → pi4, UDP 51820 \(WireGuard\) on the external address 198\.51\.100\.13: filtered: no answer came\. Needed because pods on fra1 and pi4 .*; the same holds for the others\.$/,
	);
	for (const source of ['198.51.100.11', '198.51.100.12']) {
		assert.equal(
			fixes.filter((line) =>
				line.startsWith(`ufw prepend allow proto udp from ${source} to any`),
			).length,
			1,
			fixes.join('\n'),
		);
	}
});

test('blocked paths to one port are told apart by what became of them, and name who refused the first', () => {
	const cluster = lan3();
	const refused = (by: string): Verdict => ({
		kind: 'refused',
		by,
		reason: 'host-prohibited',
	});
	const messages = (verdictFrom: Readonly<Record<string, Verdict>>) =>
		check(
			makeContext(
				cluster,
				{},
				measured(cluster, (path) =>
					meshOf('pi4')(path)
						? (verdictFrom[path.from] ?? {kind: 'filtered'})
						: undefined,
				),
			),
		)
			.filter(({nodes}) => nodes.at(-1) === 'pi4')
			.map(({message}) => message.replace(/\. Needed .*/, ''));
	assert.deepEqual(messages({nuc: refused('198.51.100.13')}), [
		'fra1 → pi4, UDP 51820 (WireGuard) on the external address 198.51.100.13: filtered: no answer came',
		'nuc → pi4, UDP 51820 (WireGuard) on the external address 198.51.100.13: refused by 198.51.100.13 (host-prohibited)',
	]);
	assert.deepEqual(
		messages({fra1: refused('198.51.100.13'), nuc: refused('192.0.2.1')}),
		[
			'fra1 and nuc → pi4, UDP 51820 (WireGuard) on the external address 198.51.100.13: the first refused by 198.51.100.13 (host-prohibited)',
		],
	);
});

test('what the sender or a box on the way refused is not mended on the target', () => {
	const fixesFor = (
		verdictFrom: Readonly<Record<string, Verdict>>,
	): readonly string[] =>
		check(
			makeContext(
				lan3(),
				{pi4: denying('ufw')},
				measured(lan3(), (path) =>
					meshOf('pi4')(path) ? verdictFrom[path.from] : undefined,
				),
			),
		).find(({message}) => message.includes('→ pi4, UDP'))!.fixes;
	const refused = (by: string | undefined, reason: string): Verdict => ({
		kind: 'refused',
		by,
		reason,
	});
	const held = refused(undefined, "blocked by the sender's own firewall");
	const outOf = (names: string) =>
		`In the firewall on ${names} itself: let UDP 51820 to 198.51.100.13 out.`;
	assert.deepEqual(fixesFor({fra1: held, nuc: held}), [outOf('fra1 and nuc')]);

	const mixed = fixesFor({
		fra1: held,
		nuc: refused('198.51.100.13', 'host-prohibited'),
	});
	assert.equal(mixed[0], outOf('fra1'));
	assert.ok(mixed.some((line) => line.includes('from 198.51.100.12 to any')));
	assert.ok(!mixed.some((line) => line.includes('from 198.51.100.11 to any')));

	const before = fixesFor({nuc: refused('192.0.2.1', 'host-prohibited')});
	assert.equal(before[0], 'Something in front of pi4 refused it, not pi4.');
	assert.ok(!before.some((line) => line.startsWith('ufw ')));
});

/** pi4 on another address than its external one, as the others see it, and closed; its mesh port in both directions. */
const behindNat = (
	address: string,
	{
		facts = {},
		verdict = {kind: 'filtered'},
		sharing = false,
	}: {
		readonly facts?: Partial<HostFacts>;
		readonly verdict?: Verdict;
		readonly sharing?: boolean;
	} = {},
) => {
	const cluster = lan3();
	const whole = sharing
		? {
				...cluster,
				nodes: cluster.nodes.map((node) =>
					node.name === 'nuc' ? {...node, externalIp: '198.51.100.13'} : node,
				),
			}
		: cluster;
	return check(
		makeContext(
			whole,
			{
				...(sharing && {
					nuc: {addresses: [{...onEth0, address: '192.168.1.6'}]},
				}),
				pi4: {addresses: [{...onEth0, address}], ...facts},
			},
			{
				...measured(
					whole,
					blockedAt(
						(path) => path.to === 'pi4' || meshOf('pi4')(path),
						verdict,
					),
				),
				nat: ['fra1', 'nuc'].map((to, index) => ({
					from: 'pi4',
					to,
					address: `address of ${to}`,
					localPort: 51_820,
					observedAddress: '198.51.100.13',
					observedPort: 40_000 + index,
				})),
			},
		),
	).find(({id, nodes}) => id === 'path.blocked' && nodes.at(-1) === 'pi4')!;
};

const onEth0 = {
	device: 'eth0',
	address: '192.168.1.5',
	prefix: 24,
	family: 4,
	mtu: 1500,
} as const;

test('where NAT explains that nothing arrives, it is named, and the router is what must be opened', () => {
	const {message, fixes} = behindNat('192.168.1.5');
	assert.match(
		message,
		/no answer came\. pi4 is behind symmetric NAT, which lets in answers alone: that explains it without any firewall\. Needed because/,
	);
	assert.deepEqual(fixes, [
		'If the router of pi4 is yours: let it pass UDP 51820 of 198.51.100.13 on to pi4.',
	]);
});

test('a carrier opens nothing, and so nobody is told to open a firewall', () => {
	const {message, fixes} = behindNat('100.71.0.9');
	assert.match(message, /pi4 is behind carrier NAT/);
	assert.deepEqual(fixes, [
		'Nothing that is yours opens the NAT of a carrier: ask the provider of pi4 for a public address of its own.',
	]);
});

test('a NAT that is opened leads to the firewall of the machine, whose lines are told as well', () => {
	const {message, fixes} = behindNat('192.168.1.5', {facts: denying('ufw')});
	assert.match(message, /symmetric NAT, which lets in answers alone\. Needed/);
	assert.match(fixes[0]!, /^If the router of pi4 is yours/);
	assert.match(fixes[1]!, /^pi4 runs ufw, too\. To open it there/);
	assert.ok(
		fixes.some((line) =>
			line.startsWith(
				'ufw prepend allow proto udp from 198.51.100.11 to any port 51820',
			),
		),
	);
	assert.doesNotMatch(fixes.join('\n'), /in front of pi4/);
});

test('one address before several nodes carries one of them', () => {
	const {fixes} = behindNat('192.168.1.5', {sharing: true});
	assert.deepEqual(fixes, [
		'198.51.100.13 is the external address of nuc, too, and carries one node: give pi4 a public address of its own.',
	]);
});

test('what a firewall refuses is not explained by NAT', () => {
	const {message, fixes} = behindNat('192.168.1.5', {
		verdict: {kind: 'refused', by: '198.51.100.13', reason: 'host-prohibited'},
	});
	assert.doesNotMatch(message, /NAT/);
	assert.match(fixes.join('\n'), /in front of pi4: allow UDP 51820/);
});

test('a WireGuard path that is open one way is a warning on the closed way, with its fix', () => {
	const cluster = lan3();
	const [finding, ...others] = check(
		makeContext(
			cluster,
			{},
			measured(
				cluster,
				blockedAt(
					({from, to, port}) =>
						from === 'nuc' && to === 'pi4' && port === 51_820,
				),
			),
		),
	);
	assert.deepEqual(others, []);
	assert.equal(finding!.id, 'path.one-way');
	assert.equal(finding!.severity, 'warning');
	assert.deepEqual(finding!.nodes, ['pi4', 'nuc']);
	assert.match(
		finding!.message,
		/^nuc → pi4, UDP 51820 .*filtered: no answer came\. The other direction is open, so that the mesh comes up from pi4/,
	);
	assert.match(
		finding!.fixes.join('\n'),
		/in front of pi4: allow UDP 51820 \(WireGuard\) from 198\.51\.100\.12/,
	);
});

test('one-way paths to one node are told together, with the lines for all of them', () => {
	const cluster = lan3();
	const [finding, ...others] = check(
		makeContext(
			cluster,
			{pi4: denying('ufw')},
			measured(
				cluster,
				blockedAt(({to, port}) => to === 'pi4' && port === 51_820),
			),
		),
	);
	assert.deepEqual(others, []);
	assert.equal(finding!.id, 'path.one-way');
	assert.deepEqual(finding!.nodes, ['pi4', 'fra1', 'nuc']);
	assert.match(
		finding!.message,
		/^fra1 and nuc → pi4, UDP 51820 \(WireGuard\) .*: filtered: no answer came\. The/,
	);
	for (const source of ['198.51.100.11', '198.51.100.12']) {
		assert.ok(
			finding!.fixes.some((line) =>
				line.startsWith(`ufw prepend allow proto udp from ${source} to any`),
			),
			finding!.fixes.join('\n'),
		);
	}
});

test('what is said has the order of the cluster, and not that of the measurement', () => {
	const cluster = lan3();
	const measurements = measured(cluster, () => ({kind: 'filtered'}));
	assert.deepEqual(
		check(
			makeContext(
				cluster,
				{},
				{...measurements, cells: measurements.cells.toReversed()},
			),
		),
		check(makeContext(cluster, {}, measurements)),
	);
});

test('a running service that is none of K3s and shows itself is known', () => {
	const cluster = lan3();
	assert.deepEqual(
		check(
			makeContext(
				cluster,
				{},
				measured(
					cluster,
					blockedAt(({to, port}) => to === 'fra1' && port === 6443, {
						kind: 'in-use',
						process: 'haproxy',
						live: {arrives: true, evidence: 'TLS answered with its key'},
					}),
				),
			),
		),
		[],
	);
});

test('a way back that is not known does not make a closed path less closed', () => {
	const cluster = lan3();
	const findings = check(
		makeContext(
			cluster,
			{},
			measured(cluster, (path) => {
				if (!meshBetween('nuc', 'pi4')(path)) {
					return undefined;
				}

				return path.from === 'nuc'
					? {kind: 'filtered'}
					: {kind: 'unknown', reason: 'the probe on pi4 ended'};
			}),
		),
	);
	assert.deepEqual(
		findings.map(({id}) => id),
		['path.blocked', 'path.unknown'],
	);
});

test('a TCP path that is open one way is closed all the same', () => {
	const cluster = ha3();
	assert.deepEqual(
		check(
			makeContext(
				cluster,
				{},
				measured(
					cluster,
					blockedAt(
						({from, to, port}) => from === 's1' && to === 's2' && port === 2380,
					),
				),
			),
		).map(({id, severity}) => `${severity} ${id}`),
		['error path.blocked'],
	);
});

for (const [kind, command] of [
	[
		'ufw',
		"ufw prepend allow proto udp from 198.51.100.12 to any port 51820 comment 'k3s-mesh WireGuard from nuc'",
	],
	[
		'firewalld',
		`firewall-cmd --permanent '--add-rich-rule=rule family="ipv4" source address="198.51.100.12" port port="51820" protocol="udp" accept'`,
	],
	[
		'iptables',
		"iptables -w 5 -I INPUT 1 -s 198.51.100.12 -p udp --dport 51820 -m comment --comment 'k3s-mesh WireGuard from nuc' -j ACCEPT",
	],
	[
		'nftables',
		`nft add rule inet filter k3s_mesh_input ip saddr 198.51.100.12 udp dport 51820 accept comment '"k3s-mesh ip saddr 198.51.100.12 udp dport 51820"'`,
	],
] as const) {
	test(`a path that ${kind} of the target blocks has the line that opens it`, () => {
		const cluster = lan3();
		const [finding] = check(
			makeContext(
				cluster,
				{pi4: denying(kind)},
				measured(
					cluster,
					blockedAt(
						({from, to, port}) =>
							from === 'nuc' && to === 'pi4' && port === 51_820,
						{kind: 'refused', by: '198.51.100.13', reason: 'host-prohibited'},
					),
				),
			),
		);
		assert.match(
			finding!.message,
			/refused by 198\.51\.100\.13 \(host-prohibited\)/,
		);
		assert.ok(finding!.fixes.includes(command), finding!.fixes.join('\n'));
		assert.equal(
			finding!.fixes.filter(
				(line) => line.includes('51820 ') && line.includes('198.51.100.11'),
			).length,
			0,
			'nothing else is opened',
		);
	});
}

test('a machine behind NAT is told about the router', () => {
	const cluster = lan3();
	const [finding] = check(
		makeContext(
			cluster,
			{
				pi4: {
					addresses: [
						{
							device: 'eth0',
							address: '192.168.1.5',
							prefix: 24,
							family: 4,
							mtu: 1500,
						},
					],
				},
			},
			measured(
				cluster,
				blockedAt(
					({from, to, port}) =>
						from === 'nuc' && to === 'pi4' && port === 51_820,
				),
			),
		),
	);
	assert.match(
		finding!.fixes.join('\n'),
		/pi4 is behind NAT: the router must also pass UDP 51820 of 198\.51\.100\.13/,
	);
});

test('a machine of a cloud gets the words of its provider, and nothing of routers', () => {
	const cluster = lan3();
	const [finding] = check(
		makeContext(
			cluster,
			{
				pi4: {
					cloud: 'aws',
					// As on AWS: the public address is not on the machine.
					addresses: [
						{
							device: 'eth0',
							address: '192.168.1.5',
							prefix: 24,
							family: 4,
							mtu: 1500,
						},
					],
				},
			},
			measured(
				cluster,
				blockedAt(
					({from, to, port}) =>
						from === 'nuc' && to === 'pi4' && port === 51_820,
				),
			),
		),
	);
	const fixes = finding!.fixes.join('\n');
	assert.match(
		fixes,
		/^aws ec2 authorize-security-group-ingress .*CidrIp=198\.51\.100\.12\/32/m,
	);
	assert.doesNotMatch(fixes, /router/);
});

test('a path to an address of another node says whose it is, and nothing of routers', () => {
	const cluster = lan3();
	const swapped = {
		...cluster,
		nodes: cluster.nodes.map((node) =>
			node.name === 'pi4' ? {...node, externalIp: '198.51.100.12'} : node,
		),
	};
	const [finding] = check(
		makeContext(
			swapped,
			{pi4: {addresses: makeContext(cluster).facts.get('pi4')!.addresses}},
			measured(
				swapped,
				blockedAt(
					({from, to, port}) =>
						from === 'fra1' && to === 'pi4' && port === 51_820,
				),
			),
		),
	);
	assert.deepEqual(finding!.fixes, [
		'198.51.100.12 is on an interface of nuc: set externalIp of pi4 to its own address.',
	]);
});

test('a machine that others see under its own address is told that, and nothing of routers', () => {
	const cluster = lan3();
	const [finding] = check(
		makeContext(
			cluster,
			{pi4: {addresses: [{...onEth0, address: '198.51.100.99'}]}},
			{
				...measured(
					cluster,
					blockedAt(({to}) => to === 'pi4'),
				),
				nat: [
					{
						from: 'pi4',
						to: 'fra1',
						address: '198.51.100.11',
						localPort: 51_820,
						observedAddress: '198.51.100.99',
						observedPort: 51_820,
					},
				],
			},
		),
	);
	assert.deepEqual(finding!.fixes, [
		'pi4 is seen under its own address 198.51.100.99: set externalIp of pi4 to that.',
	]);
});

test('a server that does not reach itself is its own rule with a way out', () => {
	const cluster = lan3();
	const findings = check(
		makeContext(
			cluster,
			{},
			measured(
				cluster,
				blockedAt(({from, to}) => from === to),
			),
		),
	);
	assert.equal(findings.length, 1);
	assert.equal(findings[0]!.id, 'server.hairpin');
	assert.ok(
		findings[0]!.fixes.includes('ip address add 198.51.100.11/32 dev lo'),
	);
});

test('recommended paths to one port are told together, as a warning', () => {
	const cluster = lan3();
	const findings = check(
		makeContext(
			cluster,
			{},
			measured(
				cluster,
				blockedAt(({to, port}) => to === 'pi4' && port === 10_250),
			),
		),
	);
	assert.equal(findings.length, 1);
	assert.equal(findings[0]!.id, 'path.recommended');
	assert.equal(findings[0]!.severity, 'warning');
	assert.deepEqual(findings[0]!.nodes, ['pi4', 'fra1', 'nuc']);
});

test('what could not be tried is a warning, told once for each reason', () => {
	const cluster = lan3();
	const findings = check(
		makeContext(
			cluster,
			{},
			measured(
				cluster,
				blockedAt(({from}) => from === 'nuc', {
					kind: 'unknown',
					reason: 'the probe on nuc could not be started',
				}),
			),
		),
	);
	assert.deepEqual(
		findings.map(({id, severity}) => `${severity} ${id}`),
		['warning path.unknown'],
	);
	assert.match(
		findings[0]!.message,
		/^3 paths .*the probe on nuc could not be started\.$/,
	);
});

test('a port that K3s itself holds is fine, one that another program holds is not known', () => {
	const cluster = lan3();
	const measurements = measured(
		cluster,
		blockedAt(({to, port}) => to === 'fra1' && port === 6443, {
			kind: 'in-use',
			process: 'k3s-server',
		}),
	);
	assert.deepEqual(check(makeContext(cluster, {}, measurements)), []);
	const other = measured(
		cluster,
		blockedAt(({to, port}) => to === 'fra1' && port === 6443, {
			kind: 'in-use',
			process: 'haproxy',
		}),
	);
	assert.deepEqual(
		check(makeContext(cluster, {}, other)).map(({id}) => id),
		['path.unknown'],
	);
	assert.deepEqual(
		check(
			makeContext(
				cluster,
				{
					fra1: {
						k3s: {
							role: 'server',
							version: 'v1.36.3+k3s1',
							unitState: 'active',
							configFiles: [],
							caHash: 'ab',
						},
					},
				},
				other,
			),
		),
		[],
	);
});

test('another machine that answers is blocked, with a word on the address', () => {
	const cluster = lan3();
	const [finding] = check(
		makeContext(
			cluster,
			{},
			measured(
				cluster,
				blockedAt(
					({from, to, port}) =>
						from === 'fra1' && to === 'nuc' && port === 51_820,
					{
						kind: 'wrong-host',
						answeredBy: 'pi4',
					},
				),
			),
		),
	);
	assert.match(finding!.message, /answered by another machine \(pi4\)/);
	assert.match(finding!.fixes[0]!, /really the external address of nuc/);
});

test("another machine that answers on the mesh's port stays an error where the other direction is open", () => {
	const cluster = lan3();
	assert.deepEqual(
		check(
			makeContext(
				cluster,
				{},
				measured(
					cluster,
					blockedAt(
						({from, to, port}) =>
							from === 'fra1' && to === 'nuc' && port === 51_820,
						{kind: 'wrong-host', answeredBy: 'pi4'},
					),
				),
			),
		).map(({id, severity, nodes}) => [severity, id, ...nodes].join(' ')),
		['error path.blocked fra1 nuc'],
	);
});

const landsOn = (to: string, answeredBy: string | undefined) =>
	blockedAt((path) => path.to === to && path.port !== 51_820, {
		kind: 'wrong-host',
		answeredBy,
	});

for (const [title, id, verdictOf] of [
	['a recommended path', 'path.recommended', landsOn('nuc', 'pi4')],
	[
		'the own address of a server',
		'server.hairpin',
		blockedAt(({from, to}) => from === to, {
			kind: 'wrong-host',
			answeredBy: 'pi4',
		}),
	],
] as const) {
	test(`${title} under which another machine answers has to do with the address or a router, and not with a firewall`, () => {
		const cluster = lan3();
		const [finding, ...others] = check(
			makeContext(cluster, {nuc: denying('ufw')}, measured(cluster, verdictOf)),
		);
		assert.deepEqual(others, []);
		assert.equal(finding!.id, id);
		const [to] = finding!.nodes;
		assert.match(
			finding!.fixes.join('\n'),
			new RegExp(
				String.raw`really the external address of ${to!}, .*pass.* TCP \d+ on to ${to!}: now it lands on pi4\.$`,
			),
		);
		assert.doesNotMatch(
			finding!.fixes.join('\n'),
			/firewall|allow|ufw|ip address/i,
		);
	});
}

test('another machine that has the internal address of a node is elsewhere, and no router lands on it', () => {
	const cluster = lan3();
	const near = {
		...cluster,
		nodes: cluster.nodes.map((node, index) => ({
			...node,
			site: 'home',
			internalIp: `192.168.7.${index + 1}`,
		})),
	};
	const finding = check(
		makeContext(
			near,
			{},
			measured(
				near,
				blockedAt(
					({from, to, addressKind, port}) =>
						from === 'fra1' &&
						to === 'nuc' &&
						addressKind === 'internal' &&
						port === 10_250,
					{kind: 'wrong-host', answeredBy: undefined},
				),
			),
		),
	).find(({id}) => id === 'path.recommended');
	assert.deepEqual(finding!.fixes, [
		'See whether 192.168.7.2 is really the internal address of nuc, and whether fra1 and nuc are in one network: another machine has it where fra1 looks.',
	]);
});

test('etcd that is blocked between servers speaks of etcd, too', () => {
	const cluster = ha3();
	const ids = check(
		makeContext(
			cluster,
			{},
			measured(
				cluster,
				blockedAt(
					({from, to, port}) => from === 's1' && to === 's2' && port === 2380,
				),
			),
		),
	).map(({id}) => id);
	assert.deepEqual(ids, ['path.blocked']);
	assert.ok(
		checkAll(
			makeContext(
				cluster,
				{},
				measured(
					cluster,
					blockedAt(
						({from, to, port}) => from === 's1' && to === 's2' && port === 2380,
					),
				),
			),
		).some(
			({id, nodes}) =>
				id === 'etcd.private-network' && nodes.join(' ') === 's1 s2',
		),
	);
});

test('a hundred nodes with everything blocked: each path is told once, together with all others to its port', () => {
	const cluster = {
		...lan3(),
		nodes: Array.from({length: 100}, (_, index) => ({
			name: `n${index}`,
			role: index === 0 ? ('server' as const) : ('agent' as const),
			ssh: {host: 'x'},
			externalIp: `198.51.${100 + Math.floor(index / 200)}.${1 + (index % 200)}`,
		})),
	};
	const findings = check(
		makeContext(
			cluster,
			Object.fromEntries(cluster.nodes.map(({name}) => [name, denying('ufw')])),
			measured(cluster, () => ({kind: 'filtered'})),
		),
	);
	const blocked = findings.filter(({id}) => id === 'path.blocked');
	// The mesh's port of each, and the API of the server.
	assert.equal(blocked.length, 100 + 1);
	assert.equal(
		blocked.reduce((sum, {nodes}) => sum + nodes.length - 1, 0),
		100 * 99 + 99,
	);
});

/** What this machine sees of the API of the server, beside a cluster without a fault. */
const fromHere = (...verdicts: readonly Verdict[]): CheckContext => {
	const cluster = lan3();
	const measurements = measured(cluster);
	return makeContext(
		cluster,
		{},
		{
			...measurements,
			cells: [
				...measurements.cells,
				...verdicts.map((verdict, index) => ({
					path: {
						from: controller,
						to: 'fra1',
						addressKind: 'external' as const,
						address: `198.51.100.${11 + index}`,
						protocol: 'tcp' as const,
						port: 6443,
					},
					verdict,
					sent: 1,
					answered: 0,
					observedSource: undefined,
				})),
			],
		},
	);
};

for (const [title, verdicts, expected] of [
	['reached', [{kind: 'open', rttMs: 20}], []],
	['not tried', [{kind: 'unknown', reason: 'a proxy is in the way'}], []],
	['filtered', [{kind: 'filtered'}], ['warning path.controller']],
	[
		'filtered at one address and reached at another',
		[{kind: 'filtered'}, {kind: 'open', rttMs: 20}],
		['info path.controller'],
	],
	[
		'held by K3s, whose certificate is that of another machine',
		[
			{
				kind: 'in-use',
				process: 'k3s-server',
				live: {arrives: false, evidence: 'another certificate answered'},
			},
		],
		['warning path.controller'],
	],
] as ReadonlyArray<readonly [string, readonly Verdict[], readonly string[]]>) {
	test(`the API from this machine: ${title}`, () => {
		assert.deepEqual(
			check(fromHere(...verdicts)).map(({id, severity}) => `${severity} ${id}`),
			expected,
		);
	});
}

test('another machine that answers at the address of the API is no matter of firewalls, and a tunnel helps all the same', () => {
	const [finding] = check(
		fromHere({kind: 'wrong-host', answeredBy: undefined}),
	);
	assert.equal(finding!.id, 'path.controller');
	assert.match(
		finding!.fixes[0]!,
		/really the external address of fra1, .* TCP 6443 on to fra1: now it lands on another machine\.$/,
	);
	assert.doesNotMatch(finding!.fixes.join('\n'), /firewall|Allow/);
	assert.ok(finding!.fixes.some((line) => line.startsWith('ssh -N -L 6443:')));
});

test('a running service counts by what it showed: arriving is open, not arriving is blocked with its evidence', () => {
	const cluster = lan3();
	const live = (arrives: boolean, evidence: string) =>
		check(
			makeContext(
				cluster,
				{},
				measured(
					cluster,
					blockedAt(({from, port}) => from === 'nuc' && port === 6443, {
						kind: 'in-use',
						process: 'k3s-server',
						live: {arrives, evidence},
					}),
				),
			),
		);
	assert.deepEqual(live(true, 'TLS answered with its certificate'), []);
	const [finding, ...others] = live(false, 'no TLS answer came');
	assert.deepEqual(others, []);
	assert.equal(finding!.id, 'path.blocked');
	assert.match(
		finding!.message,
		/held by k3s-server: no TLS answer came\. Needed because/,
	);
});
