import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {clusterSchema, type ClusterInput} from '../../source/cluster/schema.js';
import type {Requirement} from '../../source/mesh/mesh.js';
import {
	controller,
	pathKey,
	type Path,
} from '../../source/facts/measurements.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {
	listenPlaces,
	schedulePaths as scheduleAll,
} from '../../source/probe/schedule.js';
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

/** Without the paths that are there whatever is required. */
const schedulePaths = (
	cluster: Parameters<typeof scheduleAll>[0],
	requirements: readonly Requirement[],
	facts: ReadonlyMap<string, HostFacts> = new Map(),
): readonly Path[] => {
	const always = new Set(
		scheduleAll(cluster, [], facts).map((path) => pathKey(path)),
	);
	return scheduleAll(cluster, requirements, facts).filter(
		(path) => !always.has(pathKey(path)),
	);
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

	test('between the internal addresses of every pair one port is tried, whatever the sites are called', () => {
		const nodes = [
			fra1,
			{...nuc, site: 'home'},
			{...pi4, site: 'office', internalIp: nuc.internalIp},
		];
		assert.deepEqual(
			scheduleAll(clusterOf(nodes), [], new Map())
				.filter(({from}) => from !== controller)
				.map(
					({from, to, addressKind, address, protocol, port}) =>
						`${from}>${to} ${addressKind} ${address} ${protocol}/${port}`,
				),
			[
				'nuc>pi4 internal 192.168.1.4 tcp/10250',
				'pi4>nuc internal 192.168.1.4 tcp/10250',
			],
		);
	});

	test('this machine reaches every server, and the name of the API', () => {
		const cluster = clusterSchema.parse({
			version: 1,
			name: 'home',
			apiEndpoint: 'k8s.example.org',
			nodes: [fra1, {...nuc, role: 'server'}, pi4],
		});
		assert.deepEqual(
			scheduleAll(cluster, [], new Map())
				.filter(({from}) => from === controller)
				.map(({to, address, port}) => `${to} ${address} ${port}`),
			[
				'fra1 198.51.100.11 6443',
				'nuc 192.0.2.7 6443',
				'fra1 k8s.example.org 6443',
			],
		);
	});

	test('an API under the address of one server is asked of that server', () => {
		const servers = [fra1, {...nuc, role: 'server' as const}];
		const pathsUnder = (apiEndpoint: string, nodes: typeof servers) =>
			scheduleAll(
				clusterSchema.parse({version: 1, name: 'home', apiEndpoint, nodes}),
				[],
				new Map(),
			)
				.filter(({from}) => from === controller)
				.map(({to, address}) => `${to} ${address}`);
		assert.deepEqual(pathsUnder('192.0.2.7', servers), [
			'fra1 198.51.100.11',
			'nuc 192.0.2.7',
		]);
		assert.deepEqual(pathsUnder('192.168.1.4', servers), [
			'fra1 198.51.100.11',
			'nuc 192.0.2.7',
			'nuc 192.168.1.4',
		]);
	});

	describe('further addresses of the target', () => {
		const withAddresses = (
			...addresses: ReadonlyArray<readonly [device: string, address: string]>
		): HostFacts => ({
			...localFacts([], undefined),
			addresses: addresses.map(([device, address]) => ({
				device,
				address,
				prefix: 64,
				family: address.includes(':') ? (6 as const) : (4 as const),
				mtu: 1500,
			})),
		});
		const further = (
			from: HostFacts,
			to: HostFacts,
			target: typeof nuc = nuc,
		): readonly string[] =>
			schedulePaths(
				clusterOf([fra1, target]),
				[requirement('fra1', 'nuc')],
				new Map([
					['fra1', from],
					['nuc', to],
				]),
			)
				.slice(1)
				.map(({addressKind, address}) => `${addressKind} ${address}`);
		const one = withAddresses(
			['eth0', '2001:db8::1'],
			['tailscale0', '100.64.0.1'],
		);

		for (const [title, to, expected] of [
			[
				'public IPv6 and a tailnet',
				withAddresses(
					['eth0', 'fe80::2'],
					['eth0', '2001:db8::2'],
					['tailscale0', 'fd7a:115c:a1e0::2'],
					['tailscale0', '100.64.0.2'],
				),
				['external-ipv6 2001:db8::2', 'tailscale 100.64.0.2'],
			],
			[
				"a carrier's address is no tailnet, and private IPv6 is not public",
				withAddresses(['eth0', '100.64.0.2'], ['eth0', 'fd00::2']),
				[],
			],
			[
				'addresses of containers do not count',
				withAddresses(['docker0', '2001:db8:1::1']),
				[],
			],
		] as const) {
			test(title, () => {
				assert.deepEqual(further(one, to), expected);
			});
		}

		test('WireGuard has a port of its own under an address of IPv6', () => {
			const paths = schedulePaths(
				clusterOf([fra1, nuc]),
				[
					{...requirement('fra1', 'nuc'), protocol: 'udp', port: 51_820},
					{
						...requirement('fra1', 'nuc'),
						addressKind: 'external-ipv6',
						protocol: 'udp',
						port: 51_821,
					},
				],
				new Map([
					['fra1', one],
					['nuc', one],
				]),
			);
			assert.deepEqual(
				paths
					.filter(({protocol}) => protocol === 'udp')
					.map(({addressKind, port}) => `${addressKind} ${port}`),
				['external 51820', 'external-ipv6 51821', 'tailscale 51820'],
			);
		});

		test('a sender without the kind does not try it', () => {
			assert.deepEqual(further(withAddresses(['eth0', '192.0.2.3']), one), []);
		});

		test('beside an external address of IPv6 there is no further one', () => {
			assert.deepEqual(
				further(one, withAddresses(['eth0', '2001:db8::2']), {
					...nuc,
					externalIp: '2001:db8::9',
				}),
				[],
			);
		});
	});

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
