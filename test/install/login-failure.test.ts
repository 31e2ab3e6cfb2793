import assert from 'node:assert/strict';
import test from 'node:test';
import {freshTailscale} from '../../source/host/simulated/tailnet.js';
import {loginFailure} from '../../source/install/login-failure.js';

/** What `tailscale up` or the health of tailscaled says, and what people read. headscale's were seen with 0.29.2. */
const cases: ReadonlyArray<{
	readonly name: string;
	readonly said?: readonly string[];
	readonly health?: readonly string[];
	readonly reads: RegExp;
	readonly advises: RegExp;
}> = [
	{
		name: 'a tag that the key may not give',
		said: [
			'backend error: handling register with auth key: creating new node: requested tags [tag:k3s] are invalid or not permitted',
		],
		reads: /may not give a machine tag:k3s/,
		advises: /"tagOwners"/,
	},
	{
		name: 'a key that has expired',
		said: ['backend error: authkey expired'],
		reads: /the key has expired/,
		advises: /headscale preauthkeys create --reusable/,
	},
	{
		name: 'a key for one machine that was used',
		said: ['backend error: authkey already used'],
		reads: /for one machine only, and has been used/,
		advises: /--reusable/,
	},
	{
		name: 'an earlier login of a machine with tags, which has ended',
		said: ['timeout waiting for Tailscale service to enter a Running state'],
		health: [
			'You are logged out. The last login error was: weird: regen=true but server says NodeKeyExpired: nodekey:c60deb95',
		],
		reads: /holds an earlier login of nuc that has ended/,
		advises: /headscale nodes delete --identifier NUMBER/,
	},
	{
		name: 'a key that headscale does not know',
		said: ['backend error: invalid pre auth key'],
		reads: /hs\.example\.org does not know the key/,
		advises: /headscale preauthkeys create/,
	},
	{
		name: "a key that Tailscale's own server does not know",
		said: ['backend error: invalid key: API key does not exist'],
		reads: /does not know the key/,
		advises: /preauthkeys create/,
	},
	{
		name: 'a certificate of nobody',
		said: ['timeout waiting for Tailscale service to enter a Running state'],
		health: [
			'You are logged out. The last login error was: fetch control key: Get "https://hs.example.org/key?v=130": tls: failed to verify certificate: x509: certificate signed by unknown authority',
		],
		reads:
			/the certificate of https:\/\/hs\.example\.org is not trusted on nuc/,
		advises: /certificate of the authority/,
	},
	{
		name: 'a server that is not reached',
		said: ['timeout waiting for Tailscale service to enter a Running state'],
		health: [
			'You are logged out. The last login error was: fetch control key: Get "https://hs.example.org/key?v=130": dial tcp 203.0.113.9:443: connect: connection refused',
		],
		reads: /nuc does not reach https:\/\/hs\.example\.org .*connection refused/,
		advises: /TCP 443/,
	},
	{
		name: 'what nobody knows',
		said: ['something else'],
		reads: /in the state NeedsLogin \(something else\)/,
		advises: /journalctl -u tailscaled/,
	},
];

for (const {name, said = [], health = [], reads, advises} of cases) {
	test(`a login fails: ${name}`, () => {
		const error = loginFailure({
			node: 'nuc',
			said,
			status: {...freshTailscale, health},
			controlServer: 'https://hs.example.org',
			tags: ['tag:k3s'],
		});
		assert.match(error.message, reads);
		assert.match(error.tryNext.join('\n'), advises);
	});
}
