import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {parseTailscale} from '../../source/facts/parse-tailscale.js';
import {prefsJson, statusJson} from './tailscale-output.js';

test('a machine that is logged in', () => {
	assert.deepEqual(parseTailscale(statusJson(), prefsJson(), ''), {
		version: '1.92.3',
		state: 'Running',
		tun: true,
		id: 'n1',
		addresses: ['100.64.0.1', 'fd7a:115c:a1e0::1'],
		tailnet: 'example.org',
		controlServer: 'https://head.example.org',
		dnsName: 'fra1.tail1234.ts.net',
		tags: ['tag:k3s'],
		keyExpiresAt: Date.UTC(2027, 4, 1),
		advertisedRoutes: ['10.42.0.0/24', '10.9.0.0/16'],
		approvedRoutes: ['10.42.0.0/24'],
		acceptsRoutes: true,
		acceptsDns: false,
		usesExitNode: false,
		ownPreferences: ['ssh'],
		peers: [
			{
				name: 'nuc.tail1234.ts.net',
				addresses: ['100.64.0.2'],
				allowedIps: ['100.64.0.2/32', '10.42.1.0/24'],
				online: true,
				directAddress: '198.51.100.12:41641',
				peerRelay: undefined,
				relay: 'fra',
			},
			{
				name: 'phone[2J',
				addresses: [],
				allowedIps: [],
				online: false,
				directAddress: undefined,
				peerRelay: undefined,
				relay: undefined,
			},
		],
		health: ['some trouble'],
	});
});

test('what Tailscale does not say is unknown', () => {
	const silent = parseTailscale('', '', '1.80.0\n  tailscale commit: abc\n');
	assert.equal(silent.version, '1.80.0');
	assert.equal(silent.state, 'unreachable');
	assert.equal(silent.controlServer, undefined);
	assert.deepEqual(silent.addresses, []);

	const fresh = parseTailscale(
		'{"Version":"1.92.3","TUN":true,"BackendState":"NeedsLogin","Self":null,"Peer":null,"TailscaleIPs":null}',
		'{"ControlURL":"","AdvertiseRoutes":null,"NetfilterMode":2}',
		'',
	);
	assert.equal(fresh.state, 'NeedsLogin');
	assert.equal(fresh.controlServer, 'https://controlplane.tailscale.com');
	assert.deepEqual(fresh.ownPreferences, []);
	assert.equal(fresh.keyExpiresAt, undefined);
});

test('a state of another version, and values of other types, are no reason to fail', () => {
	const facts = parseTailscale(
		'{"BackendState":"Dreaming","TUN":"no","Self":{"TailscaleIPs":"x","Tags":[1],"KeyExpiry":"0001-01-01T00:00:00Z"},"Peer":{"a":3}}',
		'{"RouteAll":1,"AdvertiseRoutes":{}}',
		'nonsense',
	);
	assert.equal(facts.state, 'unreachable');
	assert.equal(facts.version, undefined);
	assert.equal(facts.keyExpiresAt, undefined);
	assert.deepEqual(facts.peers, []);
	assert.equal(facts.acceptsRoutes, false);
	fc.assert(
		fc.property(fc.json(), fc.json(), (status, prefs) => {
			parseTailscale(status, prefs, '');
		}),
	);
});

test('what somebody set is named as the options are', () => {
	const own = (prefs: object) =>
		parseTailscale('{}', JSON.stringify(prefs), '').ownPreferences;
	const table: ReadonlyArray<readonly [object, readonly string[]]> = [
		[{RunSSH: true}, ['ssh']],
		[{ExitNodeID: 'n1'}, ['exit-node']],
		[{ExitNodeIP: '100.64.0.9'}, ['exit-node']],
		[{AdvertiseRoutes: ['0.0.0.0/0', '::/0']}, ['advertise-exit-node']],
		[{AdvertiseRoutes: ['10.9.0.0/16']}, []],
		[{AppConnector: {Advertise: true}}, ['advertise-connector']],
		[{ShieldsUp: true, NoSNAT: true}, ['shields-up', 'snat-subnet-routes']],
		[{NetfilterMode: 0}, ['netfilter-mode']],
		[{NetfilterMode: 2}, []],
		[{OperatorUser: 'me'}, ['operator']],
	];
	for (const [prefs, expected] of table) {
		assert.deepEqual(own(prefs), expected, JSON.stringify(prefs));
	}
});
