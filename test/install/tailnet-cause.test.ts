import assert from 'node:assert/strict';
import test from 'node:test';
import {tailnetCause} from '../../source/install/tailnet-cause.js';
import {loggedIn} from '../mesh/tailnet-support.js';

const known = {text: 'waits for it', tryNext: ['Open it.']};

const server = (rest: {readonly online?: boolean} = {}) => ({
	name: 'hub',
	addresses: ['100.64.0.1', 'fd7a:115c:a1e0::1'],
	allowedIps: [],
	online: true,
	directAddress: undefined,
	relay: undefined,
	...rest,
});

for (const [title, endpoint, status, text, advice] of [
	[
		'a server that the policy hides',
		'100.64.0.1:6443',
		loggedIn(2),
		/^waits for 100\.64\.0\.1:6443: the tailnet does not show it that machine/,
		/"k3s-mesh-tui policy" prints it/,
	],
	[
		'a server that is seen, and does not answer',
		'[fd7a:115c:a1e0::1]:6443',
		loggedIn(2, {peers: [server()]}),
		/^waits for it$/,
		/policy[^]*drops what is sent to \[fd7a:115c:a1e0::1]:6443[^]*Open it/,
	],
	[
		'a server that is away',
		'100.64.0.1:6443',
		loggedIn(2, {peers: [server({online: false})]}),
		/is not connected to the tailnet now/,
		/tailscale status/,
	],
	[
		'a server outside of the tailnet',
		'198.51.100.11:6443',
		loggedIn(2),
		/^waits for it$/,
		/^Open it\.$/,
	],
	[
		'a name',
		'k8s.example.org:6443',
		loggedIn(2),
		/^waits for it$/,
		/^Open it\.$/,
	],
	[
		'a node that is not in the tailnet itself',
		'100.64.0.1:6443',
		loggedIn(2, {state: 'NeedsLogin'}),
		/^waits for it$/,
		/^Open it\.$/,
	],
] as const) {
	test(title, () => {
		const cause = tailnetCause(endpoint, status, known);
		assert.match(cause.text, text);
		assert.match(cause.tryNext.join('\n'), advice);
	});
}
