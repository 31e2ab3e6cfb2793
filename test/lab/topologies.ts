import type {HostSpec, Topology} from './topology.js';

const publicHost = (
	name: string,
	role: HostSpec['role'],
	externalIp: string,
	rest: Partial<HostSpec> = {},
): HostSpec => ({name, role, externalIp, ...rest});

const lan3: Topology = {
	name: 'lan3',
	about: 'three public hosts: one server, two agents',
	sites: [],
	hosts: [
		publicHost('fra1', 'server', '198.51.100.11'),
		publicHost('fra2', 'agent', '198.51.100.12', {sshUser: 'me'}),
		publicHost('ams1', 'agent', '203.0.113.21', {sshUser: 'me'}),
	],
};

const twoSites = (name: string, hairpin: boolean): Topology => ({
	name,
	about: `site home: a server and an agent behind 1:1 NAT ${hairpin ? 'with' : 'without'} hairpin; site cloud: an agent with a public address`,
	sites: [
		{
			name: 'home',
			prefix: '192.168.10',
			routerAddress: '203.0.113.10',
			hairpin,
		},
	],
	hosts: [
		{
			name: 'home1',
			role: 'server',
			site: 'home',
			externalIp: '203.0.113.11',
			internalIp: '192.168.10.11',
		},
		{
			name: 'home2',
			role: 'agent',
			site: 'home',
			externalIp: '203.0.113.12',
			internalIp: '192.168.10.12',
			sshUser: 'me',
		},
		publicHost('cloud1', 'agent', '198.51.100.31', {site: 'cloud'}),
	],
});

const ha3: Topology = {
	name: 'ha3',
	about:
		'three servers in one private network with 1:1 NAT, and an agent elsewhere with a public address',
	sites: [
		{
			name: 'rack',
			prefix: '192.168.20',
			routerAddress: '203.0.113.20',
			hairpin: true,
		},
	],
	hosts: [
		...[1, 2, 3].map((number): HostSpec => ({
			name: `rack${number}`,
			role: 'server',
			site: 'rack',
			externalIp: `203.0.113.2${number}`,
			internalIp: `192.168.20.2${number}`,
		})),
		publicHost('edge1', 'agent', '198.51.100.41', {site: 'edge'}),
	],
};

const dropApiServer = `
cat >/etc/nftables.conf <<'CONF'
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		tcp dport 6443 drop
	}
}
CONF
systemctl enable --now nftables.service
`;

const denyWireguard = `
ufw default deny incoming
ufw allow 22/tcp
ufw allow 6443/tcp
ufw allow 10250/tcp
ufw deny 51820/udp
ufw --force enable
`;

const firewalls: Topology = {
	name: 'fw',
	about:
		'three public hosts: the server drops 6443/tcp by nftables, an agent denies 51820/udp by ufw, an agent is clean',
	sites: [],
	hosts: [
		publicHost('gate', 'server', '198.51.100.51', {setup: dropApiServer}),
		publicHost('wall', 'agent', '198.51.100.52', {setup: denyWireguard}),
		publicHost('open', 'agent', '203.0.113.53'),
	],
};

/** As Oracle's Ubuntu images have it: all but SSH rejected at the end, loaded at boot by netfilter-persistent. */
const rejectByIptables = `
mkdir -p /etc/iptables
cat >/etc/iptables/rules.v4 <<'RULES'
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
RULES
cat >/etc/systemd/system/netfilter-persistent.service <<'UNIT'
[Unit]
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=systemd-modules-load.service local-fs.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables-restore /etc/iptables/rules.v4
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --now netfilter-persistent.service
`;

const dropByNftables = `
cat >/etc/nftables.conf <<'CONF'
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname "lo" accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
CONF
systemctl enable --now nftables.service
`;

const denyByUfw = `
ufw default deny incoming
ufw allow 22/tcp
ufw --force enable
`;

const denyByFirewalld = `
systemctl enable --now firewalld.service
firewall-cmd --permanent --zone=public --add-interface=eth0
firewall-cmd --reload
`;

const firewallKinds: Topology = {
	name: 'fw-kinds',
	about:
		'four public hosts that let in SSH only, each by another firewall: iptables (the server), nftables, ufw, firewalld',
	sites: [],
	hosts: [
		publicHost('tables', 'server', '198.51.100.81', {setup: rejectByIptables}),
		publicHost('chains', 'agent', '198.51.100.82', {setup: dropByNftables}),
		publicHost('simple', 'agent', '203.0.113.83', {setup: denyByUfw}),
		publicHost('zones', 'agent', '203.0.113.84', {setup: denyByFirewalld}),
	],
};

const bad: Topology = {
	name: 'bad',
	about:
		'one good host, one without python3, one without sudo, one whose own K3s config contradicts',
	sites: [],
	hosts: [
		publicHost('good', 'server', '198.51.100.61'),
		publicHost('nopython', 'agent', '198.51.100.62', {
			setup: 'rm -f /usr/bin/python3 /usr/bin/python3.[0-9]*',
		}),
		publicHost('nosudo', 'agent', '198.51.100.63', {
			sshUser: 'nosudo',
			setup: 'rm -f /usr/bin/sudo',
		}),
		publicHost('contrary', 'agent', '198.51.100.64', {
			setup: String.raw`
mkdir -p /etc/rancher/k3s/config.yaml.d
printf 'node-external-ip: 203.0.113.99\n' >/etc/rancher/k3s/config.yaml.d/90-mine.yaml
`,
		}),
	],
};

const wg3: Topology = {
	name: 'wg3',
	about:
		'three public hosts, meant for --vm, where the kernel has WireGuard: one server, two agents',
	sites: [],
	hosts: [
		publicHost('vm1', 'server', '198.51.100.71'),
		publicHost('vm2', 'agent', '198.51.100.72'),
		publicHost('vm3', 'agent', '203.0.113.73'),
	],
};

/** Every topology that `up` knows. */
export const topologies: readonly Topology[] = [
	lan3,
	twoSites('two-sites', true),
	twoSites('no-hairpin', false),
	ha3,
	firewalls,
	firewallKinds,
	bad,
	wg3,
];
