import assert from 'node:assert/strict';
import test from 'node:test';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import {
	commandLine,
	nodeFirewall,
} from '../../source/plan/firewall/node-firewall.js';
import {tailnet3, tailnetHa, type Rest} from '../mesh/tailnet-support.js';
import {denying, makeContext} from './fixtures.js';

const ip: Rest = {mesh: {kind: 'tailscale-ip'}};

const linesOf = (
	facts: Partial<HostFacts>,
	cluster = tailnet3(),
	name = 'nuc',
): readonly string[] => {
	const context = makeContext(cluster, {[name]: facts});
	return (
		nodeFirewall(
			context,
			meshOf(cluster),
			cluster.nodes.find((node) => node.name === name)!,
		)?.rules ?? []
	).map(({add}) => commandLine(add));
};

test('ufw: Tailscale from anybody, its interface and pods, and nothing of K3s to others', () => {
	const lines = linesOf(denying('ufw'));
	assert.deepEqual(lines.slice(0, 3), [
		"ufw prepend allow proto udp to any port 41641 comment 'k3s-mesh Tailscale from anybody'",
		"ufw prepend allow in on cni0 comment 'k3s-mesh pods of this node'",
		"ufw prepend allow in on tailscale0 comment 'k3s-mesh the tailnet'",
	]);
	assert.ok(
		lines.some((line) =>
			line.startsWith('ufw route prepend allow in on tailscale0'),
		),
	);
	assert.ok(!lines.some((line) => /port (?:6443|10250|51820)/.test(line)));
	assert.ok(
		linesOf(denying('ufw'), tailnet3(ip)).some((line) =>
			line.startsWith('ufw prepend allow in on flannel.1 '),
		),
	);
});

test('firewalld: its interface goes into the trusted zone, and Tailscale’s port is open', () => {
	const lines = linesOf(denying('firewalld'));
	assert.ok(
		lines.includes(
			'firewall-cmd --permanent --zone=trusted --add-interface=tailscale0',
		),
	);
	assert.ok(lines.includes('firewall-cmd --permanent --add-port=41641/udp'));
});

test('nftables and iptables open the port for every source', () => {
	assert.ok(
		linesOf(denying('nftables')).includes(
			'nft add rule inet filter k3s_mesh_input udp dport 41641 accept comment \'"k3s-mesh udp dport 41641"\'',
		),
	);
	assert.ok(
		linesOf(denying('iptables')).includes(
			"iptables -w 5 -I INPUT 1 -p udp --dport 41641 -m comment --comment 'k3s-mesh Tailscale from anybody' -j ACCEPT",
		),
	);
});

test('etcd on internal addresses is opened for the other servers only, and in the tailnet not at all', () => {
	const etcd = (rest: Rest) =>
		linesOf(denying('ufw'), tailnetHa(rest), 's1').filter((line) =>
			line.includes('port 2379'),
		);
	assert.deepEqual(
		etcd({}).map((line) => /from (\S+)/.exec(line)?.[1]),
		['192.168.7.2', '192.168.7.3'],
	);
	assert.deepEqual(etcd(ip), []);
});

test('pods that stay on the ordinary network: flannel’s port for the internal addresses of the others', () => {
	const lines = linesOf(
		denying('ufw'),
		tailnetHa({mesh: {kind: 'tailscale-ip', podTraffic: 'direct'}}),
		's1',
	);
	assert.deepEqual(
		lines
			.filter((line) => line.includes('port 8472'))
			.map((line) => /from (\S+)/.exec(line)?.[1]),
		['192.168.7.2', '192.168.7.3'],
	);
});
