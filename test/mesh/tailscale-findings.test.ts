import assert from 'node:assert/strict';
import test from 'node:test';
import {noMeasurements} from '../../source/facts/measurements.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {tailscaleRules} from '../../source/mesh/tailscale-finding.js';
import {denying, makeContext} from '../plan/fixtures.js';
import {
	loggedIn,
	onNuc,
	tailnet3,
	tailnetHa,
	type Rest,
} from './tailnet-support.js';

const summary = ({cluster, ...rest}: MeshContext): readonly string[] =>
	meshOf(cluster)
		.findings({cluster, ...rest})
		.map(
			({severity, id, nodes}) =>
				`${severity} ${id}${nodes.length === 0 ? '' : ` ${nodes.join(',')}`}`,
		);

const tagged = (last: number, rest: Parameters<typeof loggedIn>[1] = {}) =>
	loggedIn(last, {tags: ['tag:k3s'], ...rest});

const release = (version: string) => ({k3s: {version}});

const ip: Rest = {mesh: {kind: 'tailscale-ip', tags: ['tag:k3s']}};

const direct: Rest = {
	mesh: {kind: 'tailscale-ip', tags: ['tag:k3s'], podTraffic: 'direct'},
};

const dualStack = {
	network: {
		podCidr: ['10.42.0.0/16', 'fd00:42::/56'],
		serviceCidr: ['10.43.0.0/16', 'fd00:43::/112'],
	},
};

const {tools} = onNuc({}).facts.get('nuc')!;

const peer = {
	name: 'router.example.org',
	addresses: ['100.64.0.99'],
	allowedIps: ['100.64.0.99/32', '10.42.3.0/24'],
	online: true,
	directAddress: undefined,
	relay: undefined,
};

const table: ReadonlyArray<
	readonly [title: string, context: MeshContext, expected: readonly string[]]
> = [
	['three good machines', onNuc({}), []],
	['three that are logged in', onNuc({tailscale: tagged(2)}), []],
	[
		'a release from before the integration',
		makeContext(tailnet3(release('v1.26.5+k3s1'))),
		['error tailscale.min-version'],
	],
	[
		'a release that knows no control server of one’s own',
		makeContext(
			tailnet3({
				...release('v1.26.6+k3s1'),
				mesh: {kind: 'tailscale', controlServer: 'https://head.example.org'},
			}),
		),
		['error tailscale.min-version'],
	],
	[
		'a release that logs in by itself',
		makeContext(tailnet3(release('v1.33.6+k3s1'))),
		['warning tailscale.key-on-host'],
	],
	[
		'a release that logs in by itself, and a key that does not stay',
		makeContext(
			tailnet3({
				...release('v1.33.6+k3s1'),
				mesh: {kind: 'tailscale', tags: ['tag:k3s'], apiKeyFrom: 'env:API'},
			}),
		),
		['error tailscale.key-on-host'],
	],
	[
		'a release whose kubelet misses the address',
		makeContext(tailnet3(release('v1.34.4+k3s1'))),
		['error tailscale.broken-version'],
	],
	[
		'a release whose certificates come late',
		makeContext(tailnet3(release('v1.36.0+k3s1'))),
		['warning tailscale.broken-version'],
	],
	[
		'etcd on the tailnet',
		makeContext(tailnetHa(release('v1.36.2+k3s1'))),
		['error tailscale.broken-version'],
	],
	[
		'a release nothing is known of, and etcd',
		makeContext(tailnetHa(release('v1.38.0+k3s1'))),
		['warning tailscale.broken-version'],
	],
	[
		'a channel, and etcd',
		makeContext(tailnetHa({k3s: {}})),
		['warning tailscale.broken-version'],
	],
	['a channel, and one server', makeContext(tailnet3({k3s: {}})), []],
	[
		'K3s on the addresses, with a release of today',
		makeContext(tailnet3({...ip, ...release('v1.34.9+k3s1')})),
		[],
	],
	[
		'K3s on the addresses, with a release whose tunnel is lost',
		makeContext(tailnet3({...ip, ...release('v1.34.4+k3s1')})),
		['warning tailscale.lost-tunnel'],
	],
	[
		'a release whose tunnel is lost, and pods out of the tailnet',
		makeContext(
			tailnet3({
				...release('v1.34.4+k3s1'),
				mesh: {
					kind: 'tailscale-ip',
					tags: ['tag:k3s'],
					podTraffic: 'direct',
				},
			}),
		),
		['error tailscale.direct-pods fra1,nuc,pi4'],
	],
	[
		'a URL that K3s cuts off',
		makeContext(
			tailnet3({
				mesh: {kind: 'tailscale', controlServer: 'https://h.example.org/?a=b'},
			}),
		),
		['error tailscale.control-server'],
	],
	[
		'a system that describes itself',
		onNuc({os: {id: 'nixos', versionId: '', prettyName: 'NixOS'}}),
		['error tailscale.install nuc'],
	],
	[
		'no way to the internet',
		makeContext(
			tailnet3({airgap: {folder: '/k3s'}}),
			Object.fromEntries(
				['fra1', 'pi4'].map((name, index) => [
					name,
					{tailscale: tagged(index + 1)},
				]),
			),
		),
		['error tailscale.install nuc'],
	],
	[
		'an old client',
		onNuc({tailscale: tagged(2, {version: '1.32.0'})}),
		['error tailscale.client nuc'],
	],
	[
		'no interface in the kernel',
		onNuc({tailscale: tagged(2, {tun: false})}),
		['error tailscale.tun nuc'],
	],
	[
		'one that waits for approval',
		onNuc({tailscale: tagged(2, {state: 'NeedsMachineAuth'})}),
		['error tailscale.approval nuc'],
	],
	[
		'another control server',
		onNuc({
			tailscale: tagged(2, {controlServer: 'https://head.example.org'}),
		}),
		['error tailscale.other-tailnet nuc'],
	],
	[
		'the same control server by its older name',
		onNuc({
			tailscale: tagged(2, {controlServer: 'https://login.tailscale.com'}),
		}),
		[],
	],
	[
		'two tailnets',
		makeContext(tailnet3(), {
			fra1: {tailscale: tagged(1)},
			nuc: {tailscale: tagged(2, {tailnet: 'other.org'})},
			pi4: {tailscale: tagged(3)},
		}),
		['error tailscale.other-tailnet nuc'],
	],
	[
		'a login without the tag',
		onNuc({tailscale: loggedIn(2)}),
		['error tailscale.tags nuc'],
	],
	[
		'another name in the tailnet',
		onNuc({tailscale: tagged(2, {dnsName: 'nuc-1.tail.ts.net'})}),
		['info tailscale.hostname nuc'],
	],
	[
		'a login that ends',
		onNuc({tailscale: tagged(2, {keyExpiresAt: 1_800_864_000_000})}),
		['warning tailscale.key-expiry nuc'],
	],
	[
		'logins that will end',
		makeContext(tailnet3({mesh: {kind: 'tailscale'}})),
		['info tailscale.key-expiry fra1,nuc,pi4'],
	],
	[
		'an exit node',
		onNuc({tailscale: tagged(2, {usesExitNode: true})}),
		['error tailscale.exit-node nuc'],
	],
	[
		'MagicDNS',
		onNuc({dnsServers: ['100.100.100.100'], tailscale: tagged(2)}),
		['warning tailscale.dns nuc'],
	],
	[
		'own preferences and routes',
		onNuc({
			tailscale: tagged(2, {
				ownPreferences: ['ssh'],
				advertisedRoutes: ['10.42.1.0/24', '10.9.0.0/16'],
			}),
		}),
		['info tailscale.own-preferences nuc'],
	],
	[
		'own preferences that K3s resets',
		onNuc(
			{tailscale: tagged(2, {ownPreferences: ['ssh']})},
			release('v1.33.6+k3s1'),
		),
		['warning tailscale.key-on-host', 'error tailscale.own-preferences nuc'],
	],
	[
		'nobody let in',
		onNuc({tailscale: tagged(2, {ownPreferences: ['shields-up']})}),
		['error tailscale.own-preferences nuc'],
	],
	[
		'a name server in the range',
		onNuc({dnsServers: ['100.100.2.136']}),
		['error tailscale.cgnat-collision nuc'],
	],
	[
		'an address of a carrier',
		onNuc({
			addresses: [
				{
					device: 'wwan0',
					address: '100.71.0.9',
					prefix: 24,
					family: 4,
					mtu: 1500,
				},
			],
		}),
		['info tailscale.cgnat-collision nuc'],
	],
	[
		'another cluster in the tailnet',
		onNuc({tailscale: tagged(2, {peers: [peer]})}),
		['error tailscale.routes-conflict nuc'],
	],
	[
		'another cluster in the tailnet, which only the control server tells of',
		{
			...onNuc({tailscale: tagged(2)}),
			measurements: {
				...noMeasurements,
				tailnet: {
					key: {kind: 'not-named'},
					api: {
						kind: 'asked',
						policy: undefined,
						devices: [
							{
								name: 'nuc',
								addresses: ['100.64.0.2'],
								isEphemeral: undefined,
								routes: ['10.42.1.0/24'],
							},
							{
								name: 'other',
								addresses: ['100.64.0.99'],
								isEphemeral: undefined,
								routes: ['10.42.3.0/24', '10.42.4.0/24', '10.9.0.0/16'],
							},
						],
					},
				},
			},
		},
		['error tailscale.routes-conflict'],
	],
	[
		'routes that nobody takes',
		onNuc({tailscale: tagged(2, {peers: [peer], acceptsRoutes: false})}, ip),
		[],
	],
	[
		'routes of our own nodes',
		makeContext(tailnet3(), {
			fra1: {tailscale: tagged(99)},
			nuc: {tailscale: tagged(2, {peers: [peer]})},
		}),
		[],
	],
	[
		'both families, and one in the tailnet',
		onNuc(
			{tailscale: tagged(2, {addresses: ['100.64.0.2']})},
			{
				...ip,
				...dualStack,
			},
		),
		['error tailscale.dual-stack nuc', 'error tailscale.dual-stack'],
	],
	[
		'both families in a tunnel inside of the tailnet, which is too narrow for IPv6',
		makeContext(tailnet3({...ip, ...dualStack})),
		['error tailscale.dual-stack'],
	],
	[
		'both families, in a release that is told of',
		makeContext(tailnet3({...dualStack, ...release('v1.33.6+k3s1')})),
		['warning tailscale.key-on-host', 'error tailscale.dual-stack'],
	],
	[
		'both families, in a newer one',
		makeContext(tailnet3(dualStack)),
		['warning tailscale.dual-stack'],
	],
	[
		'pods on a network that not all have',
		makeContext(tailnet3(direct)),
		['error tailscale.direct-pods fra1,nuc,pi4'],
	],
	[
		'no way to close ports',
		onNuc({tools: {...tools, nft: false}}, ip),
		['error tailscale.close-ports nuc'],
	],
	[
		'a firewall that keeps out',
		onNuc({...denying('ufw'), tools: {...tools, nft: false}}, ip),
		['info tailscale.firewall nuc'],
	],
	[
		'SSH through the tailnet',
		onNuc({
			tailscale: tagged(2),
			sshConnection: {
				clientAddress: '100.64.0.50',
				clientPort: 4000,
				serverAddress: '100.64.0.2',
				serverPort: 22,
			},
		}),
		['warning ssh.over-tailnet nuc'],
	],
];

for (const [title, context, expected] of table) {
	test(`Tailscale: ${title}`, () => {
		assert.deepEqual(summary(context), expected);
	});
}

test('every rule of these meshes is broken once, with its own source and no worse than it says', () => {
	const ranks = ['info', 'warning', 'error'];
	const spoken = new Set<string>();
	for (const [, {cluster, ...rest}] of table) {
		for (const {id, severity, source, message} of meshOf(cluster).findings({
			cluster,
			...rest,
		})) {
			spoken.add(id);
			const rule = tailscaleRules[id as keyof typeof tailscaleRules];
			assert.equal(rule.source, source);
			assert.ok(ranks.indexOf(severity) <= ranks.indexOf(rule.severity), id);
			assert.match(message, /[.)]$/);
		}
	}

	assert.deepEqual(
		[...spoken].toSorted(),
		Object.keys(tailscaleRules).toSorted(),
	);
});
