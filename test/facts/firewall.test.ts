import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
	parseFirewall,
	parseForwarding,
} from '../../source/facts/parse-firewall.js';
import {parseNft, rejectsAll} from '../../source/facts/parse-nft.js';
import {parseSections} from '../../source/facts/sections.js';

/** Sections as the script prints them. */
const sections = (contents: Readonly<Record<string, string>>) =>
	parseSections(
		Object.entries(contents)
			.map(
				([name, text]) =>
					`= ${name}\n${text
						.split('\n')
						.map((line) => `|${line}`)
						.join('\n')}\n\n`,
			)
			.join(''),
	);

const iptablesOpen = '-P INPUT ACCEPT\n-P FORWARD ACCEPT';

const ufwActive = `Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), deny (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere`;

const nftFilter = `table inet filter {
	set allowed {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}

	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		tcp dport { 22, 80 } accept
		counter packets 12 bytes 800 log prefix "no: " reject with icmpx admin-prohibited
	}

	chain forward {
		type filter hook forward priority filter; policy drop;
	}

	chain output {
		type filter hook output priority filter; policy accept;
	}
}
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
	}
}`;

const nftOfIptables = `# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}

	chain FORWARD {
		type filter hook forward priority filter; policy accept;
		counter packets 0 bytes 0 reject
	}
}`;

/** As a machine has it whose owner closed one port only. */
const nftOnePort = `table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		tcp dport 6443 drop
	}
}`;

const nftCalling = `table inet mine {
	chain closed {
		log prefix "accept: " counter packets 0 bytes 0 drop
	}
	chain web {
		tcp dport { 80, 443 } jump closed
		jump web
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		CALL
	}
}`;

const firewalldTables = `table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		reject with icmpx admin-prohibited
	}
}`;

const table: ReadonlyArray<{
	readonly name: string;
	readonly given: Readonly<Record<string, string>>;
	readonly firewall: string;
	readonly forwarding: string;
}> = [
	{
		name: 'nothing at all',
		given: {},
		firewall: 'none off open',
		forwarding: 'accept',
	},
	{
		name: 'open tables',
		given: {iptables: iptablesOpen, nft: '', ip_forward: '1'},
		firewall: 'none off open',
		forwarding: 'accept',
	},
	{
		name: 'ufw that is on',
		given: {ufw: ufwActive, iptables: '-P INPUT DROP\n-P FORWARD DROP'},
		firewall: 'ufw on deny',
		forwarding: 'drop',
	},
	{
		name: 'ufw that is off',
		given: {ufw: 'Status: inactive', iptables: iptablesOpen},
		firewall: 'ufw off open',
		forwarding: 'accept',
	},
	{
		name: 'ufw that lets all in',
		given: {
			ufw: ufwActive.replace('deny (incoming)', 'allow (incoming)'),
		},
		firewall: 'ufw on open',
		forwarding: 'drop',
	},
	{
		name: 'ufw without root, by its files',
		given: {ufw_config: 'ENABLED=yes\nDEFAULT_INPUT_POLICY="DROP"'},
		firewall: 'ufw on deny',
		forwarding: 'accept',
	},
	{
		name: 'ufw that is off beside rules of nft',
		given: {ufw: 'Status: inactive', nft: nftFilter},
		firewall: 'nftables on deny',
		forwarding: 'drop',
	},
	{
		name: 'firewalld',
		given: {
			firewalld: 'running',
			firewalld_zone: 'public (active)\n  target: default\n  services: ssh',
			nft: firewalldTables,
		},
		firewall: 'firewalld on deny',
		forwarding:
			'accept inet firewalld filter_FORWARD: reject with icmpx admin-prohibited',
	},
	{
		name: 'firewalld with a zone that lets all in',
		given: {
			firewalld: 'running',
			firewalld_zone: 'trusted (active)\n  target: ACCEPT',
		},
		firewall: 'firewalld on open',
		forwarding: 'accept',
	},
	{
		name: 'firewalld that is off',
		given: {firewalld: 'not running'},
		firewall: 'none off open',
		forwarding: 'accept',
	},
	{
		name: 'nft: a last rule that rejects',
		given: {nft: nftFilter},
		firewall: 'nftables on deny',
		forwarding: 'drop',
	},
	{
		name: 'nft that closes one port',
		given: {nft: nftOnePort, iptables: iptablesOpen},
		firewall: 'nftables on open',
		forwarding: 'accept',
	},
	{
		name: 'nft that calls a chain which drops everything',
		given: {nft: nftCalling.replace('CALL', 'jump closed')},
		firewall: 'nftables on deny',
		forwarding: 'accept',
	},
	{
		name: 'nft that calls a chain which drops some',
		given: {nft: nftCalling.replace('CALL', 'jump web')},
		firewall: 'nftables on open',
		forwarding: 'accept',
	},
	{
		name: 'nft that only accepts, whatever its comments say',
		given: {
			nft: nftOnePort.replace(
				'tcp dport 6443 drop',
				'tcp dport 22 accept comment "else drop"',
			),
		},
		firewall: 'none off open',
		forwarding: 'accept',
	},
	{
		name: 'nft that drops only what is passed on',
		given: {
			nft: nftOnePort
				.replace('hook input', 'hook forward')
				.replace('policy accept', 'policy drop'),
			iptables: iptablesOpen,
		},
		firewall: 'nftables on open',
		forwarding: 'drop',
	},
	{
		name: 'nft in the tables of iptables, which can not read them any more',
		given: {nft: nftOfIptables},
		firewall: 'nftables on deny',
		forwarding: 'accept ip filter FORWARD: counter packets 0 bytes 0 reject',
	},
	{
		name: 'tables of other programs',
		given: {
			nft: nftOnePort.replace('inet filter', 'inet f2b-table'),
			iptables: iptablesOpen,
		},
		firewall: 'none off open',
		forwarding: 'accept',
	},
	{
		name: 'nft that shows what iptables wrote',
		given: {nft: nftOfIptables, iptables: '-P INPUT DROP\n-P FORWARD ACCEPT'},
		firewall: 'iptables on deny',
		forwarding: 'accept',
	},
	{
		name: 'iptables as Oracle’s Ubuntu images have it',
		given: {
			iptables: `-P INPUT ACCEPT
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-P FORWARD ACCEPT
-A FORWARD -j REJECT --reject-with icmp-host-prohibited`,
		},
		firewall: 'iptables on deny',
		forwarding:
			'accept -A FORWARD -j REJECT --reject-with icmp-host-prohibited',
	},
	{
		name: 'iptables that drops some',
		given: {iptables: `${iptablesOpen}\n-A INPUT -s 192.0.2.9/32 -j DROP`},
		firewall: 'iptables on open',
		forwarding: 'accept',
	},
	{
		name: 'iptables that drops some in a chain of its owner',
		given: {
			iptables: `${iptablesOpen}\n-N MINE\n-A INPUT -p tcp -j MINE\n-A MINE -p tcp -m tcp --dport 6443 -j DROP`,
		},
		firewall: 'iptables on open',
		forwarding: 'accept',
	},
	{
		name: 'iptables with a chain of fail2ban',
		given: {
			iptables: `${iptablesOpen}\n-A INPUT -p tcp -j f2b-sshd\n-A f2b-sshd -s 192.0.2.9/32 -j REJECT --reject-with icmp-port-unreachable`,
		},
		firewall: 'none off open',
		forwarding: 'accept',
	},
	{
		name: 'iptables of Docker and of a running K3s',
		given: {
			iptables: `-P INPUT ACCEPT
-A INPUT -m comment --comment "kubernetes health check" -j KUBE-NODEPORTS
-A INPUT -j KUBE-FIREWALL
-P FORWARD DROP
-A FORWARD -j DOCKER-USER`,
		},
		firewall: 'none off open',
		forwarding: 'drop',
	},
	{
		name: 'the old tables',
		given: {iptables: iptablesOpen, iptables_legacy: '-P INPUT DROP'},
		firewall: 'iptables on deny',
		forwarding: 'accept',
	},
];

for (const {name, given, firewall, forwarding} of table) {
	test(name, () => {
		const seen = parseFirewall(sections(given));
		assert.equal(
			`${seen.kind} ${seen.active ? 'on' : 'off'} ${seen.defaultDeny ? 'deny' : 'open'}`,
			firewall,
		);
		const {policy, blockingRules} = parseForwarding(sections(given));
		assert.equal([policy, ...blockingRules].join(' '), forwarding);
	});
}

test('the summary of a long list of rules is bounded', () => {
	const rules = Array.from(
		{length: 2000},
		(_, index) => `-A INPUT -s 10.0.0.${index % 256}/32 -j DROP`,
	).join('\n');
	const {summary} = parseFirewall(
		sections({iptables: `-P INPUT DROP\n${rules}`}),
	);
	assert.ok(summary.length < 5000);
	assert.match(summary, /…$/);
});

test('rules of ours are in the summary, however long the list is', () => {
	const many = Array.from(
		{length: 200},
		(_, index) => `\t\tip saddr 10.0.0.${index} tcp dport 22 accept`,
	).join('\n');
	const {summary} = parseFirewall(
		sections({
			iptables: iptablesOpen,
			nft: `${nftOfIptables}\n${nftOnePort.replace('\t\ttcp', `${many}\n\t\tcounter jump k3s_mesh_input comment "k3s-mesh"\n\t\ttcp`)}`,
		}),
	);
	assert.ok(summary.length < 5000);
	assert.match(summary, /k3s_mesh_input comment "k3s-mesh"$/);
	assert.doesNotMatch(summary, /table ip filter/);
});

test('a rule of ours is seen where no firewall is, or one that is off', () => {
	const iptables = `-P INPUT ACCEPT\n-P FORWARD DROP\n-A FORWARD -i cni0 -m comment --comment "k3s-mesh forwarding" -j ACCEPT\n-A FORWARD -j DOCKER-USER`;
	for (const ufw of ['', 'Status: inactive']) {
		const {active, summary} = parseFirewall(sections({iptables, ufw}));
		assert.equal(active, false);
		assert.match(summary, /k3s-mesh forwarding/);
		assert.doesNotMatch(summary, /DOCKER/);
	}
});

test('the chains that drop are told, those of other programs are not', () => {
	const of = (nft: string) =>
		parseFirewall(sections({iptables: iptablesOpen, nft})).dropping;
	assert.deepEqual(of(`${nftFilter}\n${nftOfIptables}\n${firewalldTables}`), [
		{table: 'inet filter', chain: 'input', hook: 'input'},
		{table: 'inet filter', chain: 'forward', hook: 'forward'},
	]);
	// Our own chain in front changes nothing.
	assert.deepEqual(
		of(
			nftOnePort.replace(
				'\t\tiifname',
				'\t\tjump k3s_mesh_input comment "k3s-mesh"\n\t\tiifname',
			),
		),
		[{table: 'inet filter', chain: 'input', hook: 'input'}],
	);
});

test('base chains are found among sets and regular chains', () => {
	assert.deepEqual(
		parseNft(nftFilter.split('\n')).map(
			({table: name, hook, policy, rules}) =>
				`${name} ${hook} ${policy} ${rules.length}`,
		),
		[
			'inet filter input accept 3',
			'inet filter forward drop 0',
			'inet filter output accept 0',
		],
	);
});

test('only a rule without a condition stops everything', () => {
	for (const rule of [
		'drop',
		'reject',
		'counter drop',
		'counter packets 1 bytes 2 drop comment "all else"',
		'log prefix "x" level info reject with tcp reset',
		'drop # handle 12',
	]) {
		assert.equal(rejectsAll(rule), true, rule);
	}

	for (const rule of [
		'tcp dport 22 drop',
		'ct state invalid drop',
		'ip saddr 192.0.2.1 counter reject',
		'accept',
		'jump drop_all',
		'comment "drop" accept',
	]) {
		assert.equal(rejectsAll(rule), false, rule);
	}
});
