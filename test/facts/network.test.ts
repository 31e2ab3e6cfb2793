import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
	parseAddresses,
	parseDnsServers,
	parseListening,
	parseRoutes,
	parseSockets,
} from '../../source/facts/parse-network.js';

test('addresses of every form of ip -o', () => {
	const lines =
		String.raw`1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
2: eth0    inet 198.51.100.11/32 metric 100 scope global dynamic eth0\       valid_lft 80000sec preferred_lft 80000sec
2: eth0    inet6 2001:db8::11/64 scope global \       valid_lft forever preferred_lft forever
2: eth0    inet6 2001:db8::dead/64 scope global temporary dynamic \       valid_lft 600sec preferred_lft 60sec
2: eth0    inet6 2001:db8::beef/64 scope global deprecated \       valid_lft 600sec preferred_lft 0sec
3: veth1@if4    inet 10.0.0.5/24 brd 10.0.0.255 scope global veth1\       valid_lft forever preferred_lft forever
5: ppp0    inet 10.1.1.1 peer 10.1.1.2/32 scope global ppp0\       valid_lft forever preferred_lft forever
6: tun0    inet nonsense/24 scope global tun0`.split('\n');
	const addresses = parseAddresses(lines, [
		'eth0 1450',
		'lo 65536',
		'veth1 nonsense',
	]);
	assert.deepEqual(
		addresses.map(({device, address, prefix, family, mtu}) =>
			[device, `${address}/${prefix}`, family, mtu].join(' '),
		),
		[
			'lo 127.0.0.1/8 4 65536',
			'eth0 198.51.100.11/32 4 1450',
			'eth0 2001:db8::11/64 6 1450',
			'veth1 10.0.0.5/24 4 1500',
			'ppp0 10.1.1.1/32 4 1500',
		],
	);
});

test('routes: default, direct, single addresses, several ways, none', () => {
	const routes = parseRoutes([
		'default via 172.31.1.1 dev eth0 proto dhcp src 198.51.100.11 metric 100',
		'10.0.0.0/16 via 10.0.0.1 dev ens10',
		'10.0.0.1 dev ens10 scope link',
		'blackhole 192.168.77.0/24',
		'10.42.0.0/16 dev flannel-wg scope link',
		'default proto static metric 1024',
		'\tnexthop via 192.0.2.1 dev eth1 weight 1',
		'\tnexthop via 192.0.2.2 dev eth2 weight 1',
		'default via fe80::1 dev eth0 proto ra metric 1024 pref medium',
		'2001:db8::/64 dev eth0 proto kernel metric 256 pref medium',
		'default dev wg0 metric 9 pref medium',
		'10.9.0.0/24 via inet6 fe80::9 dev eth0',
		'',
		'garbage',
	]);
	assert.deepEqual(
		routes.map(({destination, via, device, source}) =>
			[destination, via ?? '-', device || '-', source ?? '-'].join(' '),
		),
		[
			'0.0.0.0/0 172.31.1.1 eth0 198.51.100.11',
			'10.0.0.0/16 10.0.0.1 ens10 -',
			'10.0.0.1/32 - ens10 -',
			'192.168.77.0/24 - - -',
			'10.42.0.0/16 - flannel-wg -',
			'0.0.0.0/0 192.0.2.1 eth1 -',
			'::/0 fe80::1 eth0 -',
			'2001:db8::/64 - eth0 -',
			'::/0 - wg0 -',
			'10.9.0.0/24 fe80::9 eth0 -',
		],
	);
	assert.deepEqual(
		routes
			.filter(({advertised}) => advertised)
			.map(({destination, via}) => `${destination} ${via}`),
		['::/0 fe80::1'],
	);
});

test('name servers are those that K3s would take', () => {
	const stub = ['# stub', 'nameserver 127.0.0.53', 'options edns0'];
	const real = ['nameserver 9.9.9.9', 'nameserver 192.168.1.1'];
	assert.deepEqual(parseDnsServers(real, stub), ['9.9.9.9', '192.168.1.1']);
	assert.deepEqual(parseDnsServers(stub, real), ['9.9.9.9', '192.168.1.1']);
	assert.deepEqual(parseDnsServers(stub, []), ['8.8.8.8']);
	// One server that pods can not reach spoils the whole file.
	assert.deepEqual(parseDnsServers(['nameserver 9.9.9.9', ...stub], []), [
		'8.8.8.8',
	]);
	assert.deepEqual(parseDnsServers(['nameserver fe80::1%eth0'], []), [
		'8.8.8.8',
	]);
});

test('listening ports of ss, with and without programs', () => {
	const lines =
		`Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
udp   UNCONN 0      0      127.0.0.53%lo:53     0.0.0.0:*    users:(("systemd-resolve",pid=500,fd=13))
udp   UNCONN 0      0            0.0.0.0:51820  0.0.0.0:*
tcp   LISTEN 0      128          0.0.0.0:22     0.0.0.0:*    users:(("sshd",pid=700,fd=3))
tcp   LISTEN 0      4096               *:6443         *:*    users:(("k3s-server",pid=900,fd=15),("x",pid=1,fd=1))
tcp   LISTEN 0      128             [::]:22        [::]:*    users:(("sshd",pid=700,fd=4))
udp   UNCONN 0      0      [fe80::1]%eth0:546      [::]:*`.split('\n');
	assert.deepEqual(
		parseListening(lines).map(({protocol, address, port, process}) =>
			[protocol, address, port, process ?? '-'].join(' '),
		),
		[
			'udp 127.0.0.53 53 systemd-resolve',
			'udp 0.0.0.0 51820 -',
			'tcp 0.0.0.0 22 sshd',
			'tcp :: 6443 k3s-server',
			'tcp :: 22 sshd',
			'udp fe80::1 546 -',
		],
	);
});

test('listening ports of the kernel’s tables', () => {
	const lines = [
		'tcp   sl  local_address rem_address   st tx_queue rx_queue',
		'tcp    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1',
		'tcp    1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1',
		'tcp    2: 0A00000A:0016 0B00000A:C001 01 00000000:00000000 00:00000000 00000000 0 0 1',
		'tcp6    0: 00000000000000000000000000000000:192B 00000000000000000000000000000000:0000 0A 0 0 0',
		'udp    0: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1',
	];
	assert.deepEqual(
		parseSockets(lines).map(({protocol, address, port}) =>
			[protocol, address, port].join(' '),
		),
		[
			'tcp 127.0.0.1 8080',
			'tcp 0.0.0.0 22',
			'tcp :: 6443',
			'udp 0.0.0.0 51820',
		],
	);
});
