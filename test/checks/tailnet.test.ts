import assert from 'node:assert/strict';
import test from 'node:test';
import {tailnetRules} from '../../source/checks/tailnet.js';
import type {CheckContext} from '../../source/checks/rule.js';
import type {Cluster} from '../../source/cluster/schema.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import type {
	KeyState,
	PolicyLook,
	TailnetLook,
} from '../../source/facts/tailnet-look.js';
import {loggedIn} from '../mesh/tailnet-support.js';
import {lan3, makeContext} from '../plan/fixtures.js';

const tailscale: Cluster['mesh'] = {
	kind: 'tailscale',
	controlServer: 'https://hs.example.org',
	tags: ['tag:k3s'],
};

const contextOf = (
	look: Partial<TailnetLook>,
	mesh: Cluster['mesh'] = tailscale,
): CheckContext => ({
	...makeContext({...lan3(), mesh}),
	measurements: {
		...noMeasurements,
		tailnet: {
			key: {kind: 'not-named'},
			api: {kind: 'asked', policy: undefined, devices: []},
			...look,
		},
	},
});

const told = (context: CheckContext): readonly string[] =>
	tailnetRules.flatMap((rule) =>
		rule
			.check(context)
			.map(({severity, id, message}) => `${severity} ${id}: ${message}`),
	);

const state = (rest: Partial<KeyState>): Partial<TailnetLook> => ({
	key: {
		kind: 'named',
		state: {
			state: 'usable',
			isReusable: true,
			isEphemeral: false,
			isPreApproved: true,
			tags: ['tag:k3s'],
			...rest,
		},
	},
});

const yes = {answer: 'yes', reason: 'a rule says so'} as const;
const policyOf = (rest: Partial<PolicyLook>): Partial<TailnetLook> => ({
	api: {
		kind: 'asked',
		devices: [],
		policy: {
			autoApproval: [],
			tagDefined: yes,
			nodesToNodes: yes,
			nodesToPods: yes,
			podsToPods: yes,
			...rest,
		},
	},
});
const no = {answer: 'no', reason: 'no rule lets pods reach pods'} as const;

test('nothing is said of a mesh without a tailnet, nor of a tailnet where all is well', () => {
	assert.deepEqual(
		told(contextOf(state({state: 'expired'}), {kind: 'wireguard-native'})),
		[],
	);
	assert.deepEqual(told(contextOf(state({}))), []);
	assert.deepEqual(told(contextOf(policyOf({}))), []);
	assert.deepEqual(told({...contextOf({}), measurements: noMeasurements}), []);
});

for (const [title, look, expected] of [
	[
		'a key that is none',
		{
			key: {
				kind: 'unusable',
				obstacle: {message: 'That is an API token.', tryNext: []},
			},
		},
		/^error tailscale\.key-kind: That is an API token\.$/,
	],
	['an expired key', state({state: 'expired'}), /^error .*has expired/],
	['a revoked key', state({state: 'revoked'}), /^error .*was revoked/],
	['a key that was used', state({state: 'spent'}), /^error .*was used/],
	[
		'a key that the control server does not know',
		{key: {kind: 'unknown-there'}},
		/^error tailscale\.key-state: .*does not know the key/,
	],
	[
		'a certificate that a node does not trust',
		{distrust: [{node: 'nuc', said: 'curl: (60) SSL certificate problem'}]},
		/^error tailscale\.certificate: nuc does not trust the certificate of https:\/\/hs\.example\.org \(curl: \(60\) SSL/,
	],
	['an ephemeral key', state({isEphemeral: true}), /^error .*is ephemeral/],
	['a key for one node', state({isReusable: false}), /^error .*once only/],
	[
		'a key without approval',
		state({isPreApproved: false}),
		/^warning .*not pre-approved/,
	],
	[
		'a key with other tags',
		state({tags: ['tag:web']}),
		/^error .*gives them tag:web, and the cluster file asks for tag:k3s/,
	],
	[
		'an API that says no',
		{
			api: {
				kind: 'unusable',
				obstacle: {message: 'The credentials are not taken.', tryNext: []},
			},
		},
		/^error tailscale\.api: The credentials are not taken\.$/,
	],
	[
		'a policy that denies',
		policyOf({podsToPods: no}),
		/^error tailscale\.policy: no rule lets pods reach pods$/,
	],
	[
		'no way to ask about routes',
		{api: {kind: 'not-named'}},
		/^info tailscale\.routes-approved: /,
	],
] as const satisfies ReadonlyArray<
	readonly [string, Partial<TailnetLook>, RegExp]
>) {
	test(title, () => {
		const lines = told(contextOf(look));
		assert.equal(lines.length, 1, lines.join('\n'));
		assert.match(lines[0]!, expected);
	});
}

test('pods that do not travel through the tailnet need no rule of its policy', () => {
	assert.deepEqual(
		told(
			contextOf(policyOf({podsToPods: no}), {
				kind: 'tailscale-ip',
				tags: ['tag:k3s'],
				podTraffic: 'direct',
			}),
		),
		[],
	);
});

test('nodes that are logged in need no key', () => {
	const context = contextOf(state({state: 'expired'}));
	const facts = new Map(
		[...context.facts].map(([name, host]) => [
			name,
			{...host, tailscale: loggedIn(1)},
		]),
	);
	assert.deepEqual(told({...context, facts}), []);
});

test('a node that is in the tailnet as an ephemeral machine is told, by its address there', () => {
	const device = {name: 'nuc', isEphemeral: true, routes: []};
	const context = contextOf({
		api: {
			kind: 'asked',
			policy: undefined,
			devices: [
				{...device, addresses: ['100.64.0.2']},
				{...device, addresses: ['100.64.0.9']},
				{...device, addresses: ['100.64.0.1'], isEphemeral: undefined},
			],
		},
	});
	const facts = new Map(
		[...context.facts].map(([name, host], index) => [
			name,
			{...host, tailscale: loggedIn(index + 1)},
		]),
	);
	const [, second] = [...facts.keys()];
	const lines = told({...context, facts});
	assert.equal(lines.length, 1, lines.join('\n'));
	assert.ok(
		lines[0]!.startsWith(
			`error tailscale.ephemeral: ${second!} is in the tailnet as an ephemeral machine`,
		),
		lines[0],
	);
});
