import type {Topology} from '../topology.js';
import {publicHost} from './public-host.js';

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

/** Hosts with firewalls of their own. */
export const firewallTopologies: readonly Topology[] = [
	firewalls,
	firewallKinds,
];
