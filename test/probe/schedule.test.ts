import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema, type ClusterInput} from '../../source/cluster/schema.js';
import type {Requirement} from '../../source/mesh/mesh.js';
import {listenPlaces, schedulePaths} from '../../source/probe/schedule.js';
import {localFacts} from './local-host.js';

const clusterOf = (nodes: ClusterInput['nodes']) =>
	clusterSchema.parse({version: 1, name: 'home', nodes});

const fra1 = {
	name: 'fra1',
	role: 'server' as const,
	ssh: 'root@198.51.100.11',
	externalIp: '198.51.100.11',
};
const nuc = {
	name: 'nuc',
	role: 'agent' as const,
	ssh: 'me@nuc.lan',
	externalIp: '192.0.2.7',
	internalIp: '192.168.1.4',
};
const pi4 = {
	name: 'pi4',
	role: 'agent' as const,
	ssh: 'me@pi4.lan',
	externalIp: '192.0.2.8',
	internalIp: '192.168.1.5',
};

const requirement = (
	from: string,
	to: string,
	changes: Partial<Requirement> = {},
): Requirement => ({
	from,
	to,
	addressKind: 'external',
	scope: 'all',
	protocol: 'udp',
	port: 51_820,
	severity: 'required',
	why: 'pods reach each other',
	...changes,
});

const internal = {addressKind: 'internal', scope: 'same-site'} as const;

describe('the schedule of paths', () => {
	test('one path a requirement, with the address of its kind', () => {
		assert.deepEqual(
			schedulePaths(clusterOf([fra1, nuc]), [
				requirement('fra1', 'nuc'),
				requirement('nuc', 'fra1', {protocol: 'tcp', port: 6443}),
			]),
			[
				{
					from: 'fra1',
					to: 'nuc',
					addressKind: 'external',
					address: '192.0.2.7',
					protocol: 'udp',
					port: 51_820,
				},
				{
					from: 'nuc',
					to: 'fra1',
					addressKind: 'external',
					address: '198.51.100.11',
					protocol: 'tcp',
					port: 6443,
				},
			],
		);
	});

	test('the same question is asked once', () => {
		const twice = [requirement('fra1', 'nuc'), requirement('fra1', 'nuc')];
		assert.equal(schedulePaths(clusterOf([fra1, nuc]), twice).length, 1);
	});

	test('a node to itself is its hairpin path', () => {
		const [path] = schedulePaths(clusterOf([fra1]), [
			requirement('fra1', 'fra1', {protocol: 'tcp', port: 6443}),
		]);
		assert.equal(path?.address, '198.51.100.11');
	});

	for (const [title, nodes, expected] of [
		['in one private network', [nuc, pi4], 1],
		[
			'at two named sites, although the networks look alike',
			[
				{...nuc, site: 'home'},
				{...pi4, site: 'office'},
			],
			0,
		],
		[
			'at one named site, although the networks differ',
			[
				{...nuc, site: 'home'},
				{...pi4, site: 'home', internalIp: '10.9.0.5'},
			],
			1,
		],
		[
			'with different networks and no site',
			[nuc, {...pi4, internalIp: '10.9.0.5'}],
			0,
		],
		['without an internal address', [nuc, {...pi4, internalIp: undefined}], 0],
	] as const) {
		test(`internal addresses: ${title}`, () => {
			const cluster = clusterOf(structuredClone([...nodes]));
			const paths = schedulePaths(cluster, [
				requirement('nuc', 'pi4', internal),
			]);
			assert.equal(paths.length, expected);
		});
	}

	test('what names an unknown node or has no address is left out', () => {
		const {externalIp: _, ...noAddress} = nuc;
		assert.deepEqual(
			schedulePaths(clusterOf([fra1, noAddress]), [
				requirement('fra1', 'nuc'),
				requirement('fra1', 'gone'),
				requirement('gone', 'fra1'),
			]),
			[],
		);
	});
});

test('a node listens on the ports that somebody wants of it, on each of its addresses', () => {
	const paths = schedulePaths(clusterOf([fra1, nuc]), [
		requirement('fra1', 'nuc'),
		requirement('nuc', 'fra1', {protocol: 'tcp', port: 6443}),
	]);
	assert.deepEqual(
		listenPlaces(
			'fra1',
			paths,
			localFacts(['198.51.100.11', 'fe80::1', '2001:db8::1'], undefined),
		),
		[
			{protocol: 'tcp', address: '198.51.100.11', port: 6443},
			{protocol: 'tcp', address: '2001:db8::1', port: 6443},
		],
	);
});
