import assert from 'node:assert/strict';
import test from 'node:test';
import {noMeasurements} from '../../source/facts/measurements.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import type {Requirement} from '../../source/mesh/mesh.js';
import {ha3, lan3, makeCluster, makeContext} from '../plan/fixtures.js';

const requirementsOf = (cluster: ReturnType<typeof lan3>) =>
	meshOf(cluster).requirements(makeContext(cluster));

const short = (one: Requirement): string =>
	`${one.from}>${one.to} ${one.addressKind} ${one.protocol}/${one.port} ${one.severity}`;

test('a server and two agents need the API, WireGuard and the kubelet on external addresses', () => {
	assert.deepEqual(
		requirementsOf(lan3())
			.map((one) => short(one))
			.toSorted(),
		[
			'fra1>fra1 external tcp/6443 required',
			'fra1>nuc external tcp/10250 recommended',
			'fra1>nuc external udp/51820 required',
			'fra1>pi4 external tcp/10250 recommended',
			'fra1>pi4 external udp/51820 required',
			'nuc>fra1 external tcp/10250 recommended',
			'nuc>fra1 external tcp/6443 required',
			'nuc>fra1 external udp/51820 required',
			'nuc>pi4 external tcp/10250 recommended',
			'nuc>pi4 external udp/51820 required',
			'pi4>fra1 external tcp/10250 recommended',
			'pi4>fra1 external tcp/6443 required',
			'pi4>fra1 external udp/51820 required',
			'pi4>nuc external tcp/10250 recommended',
			'pi4>nuc external udp/51820 required',
		],
	);
});

test('servers with embedded etcd need it on internal addresses, wherever they are', () => {
	const found = requirementsOf(ha3()).filter(
		({addressKind, severity}) =>
			addressKind === 'internal' && severity === 'required',
	);
	assert.equal(found.length, 3 * 2 * 3);
	assert.deepEqual(
		[...new Set(found.map(({port, scope}) => `${port} ${scope}`))],
		['2379 all', '2380 all', '6443 all'],
	);
	assert.ok(found.every(({from, to}) => from !== 'far' && to !== 'far'));
});

test('no etcd port is asked for with one server or an external datastore', () => {
	const external = makeCluster(
		ha3().nodes.map((node) => ({...node, ssh: node.ssh.host})),
		{datastore: {endpointFrom: 'env:ENDPOINT'}},
	);
	for (const cluster of [lan3(), external]) {
		assert.ok(
			requirementsOf(cluster).every(({port}) => port !== 2379 && port !== 2380),
		);
	}
});

test('internal addresses are only asked for inside one site', () => {
	const cluster = makeCluster([
		{
			name: 'a',
			role: 'server',
			ssh: 'a',
			externalIp: '198.51.100.1',
			internalIp: '192.168.1.1',
			site: 'x',
		},
		{
			name: 'b',
			role: 'agent',
			ssh: 'b',
			externalIp: '198.51.100.2',
			internalIp: '192.168.1.2',
			site: 'x',
		},
		{
			name: 'c',
			role: 'agent',
			ssh: 'c',
			externalIp: '198.51.100.3',
			internalIp: '192.168.1.3',
			site: 'y',
		},
	]);
	const internal = requirementsOf(cluster).filter(
		({addressKind}) => addressKind === 'internal',
	);
	assert.ok(internal.length > 0);
	assert.ok(internal.every(({from, to}) => from !== 'c' && to !== 'c'));
	assert.ok(internal.every(({scope}) => scope === 'same-site'));
});

test('IPv6 external addresses use the port of flannel-wg-v6', () => {
	const cluster = makeCluster([
		{name: 'a', role: 'server', ssh: 'a', externalIp: '2001:db8::1'},
		{name: 'b', role: 'agent', ssh: 'b', externalIp: '2001:db8::2'},
	]);
	assert.deepEqual(
		[
			...new Set(
				requirementsOf(cluster)
					.filter(({protocol}) => protocol === 'udp')
					.map(({port}) => port),
			),
		],
		[51_821],
	);
});

test('pods of both families need WireGuard over IPv6 as well, those of IPv6 alone nothing else', () => {
	const asked = (podCidr: readonly string[], second: string) =>
		requirementsOf(
			makeCluster(
				[
					{name: 'a', role: 'server', ssh: 'a', externalIp: '198.51.100.1'},
					{name: 'b', role: 'agent', ssh: 'b', externalIp: second},
				],
				{network: {podCidr: [...podCidr], serviceCidr: ['10.43.0.0/16']}},
			),
		)
			.filter(({protocol, to}) => protocol === 'udp' && to === 'b')
			.map((one) => short(one));
	const ipv4 = 'a>b external udp/51820 required';
	const ipv6 = 'a>b external-ipv6 udp/51821 required';
	assert.deepEqual(asked(['10.42.0.0/16'], '198.51.100.2'), [ipv4]);
	assert.deepEqual(asked(['10.42.0.0/16', 'fd00:42::/56'], '198.51.100.2'), [
		ipv4,
		ipv6,
	]);
	assert.deepEqual(asked(['fd00:42::/56'], '198.51.100.2'), [ipv6]);
	assert.deepEqual(asked(['fd00:42::/56'], '2001:db8::2'), [
		'a>b external udp/51821 required',
	]);
});

test('no path is asked for twice', () => {
	for (const cluster of [lan3(), ha3()]) {
		const keys = requirementsOf(cluster).map(
			({from, to, addressKind, protocol, port}) =>
				`${from} ${to} ${addressKind} ${protocol} ${port}`,
		);
		assert.equal(new Set(keys).size, keys.length);
	}
});

test('an empty cluster needs nothing', () => {
	const cluster = makeCluster([]);
	assert.deepEqual(
		meshOf(cluster).requirements({
			cluster,
			facts: new Map(),
			measurements: noMeasurements,
		}),
		[],
	);
});
