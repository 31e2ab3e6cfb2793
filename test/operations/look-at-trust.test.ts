import assert from 'node:assert/strict';
import test from 'node:test';
import {clusterSchema} from '../../source/cluster/schema.js';
import type {Host} from '../../source/host/host.js';
import {nodesWithoutTrust} from '../../source/operations/look-at-trust.js';
import {loggedIn} from '../mesh/tailnet-support.js';
import {makeFacts} from '../plan/fixtures.js';

const url = 'https://hs.example.org';

const hostThat = (answer: () => string | undefined): Host =>
	({run: async () => answer()}) as unknown as Host;

const ask = async (controlServer: string | undefined) =>
	nodesWithoutTrust({
		cluster: clusterSchema.parse({
			version: 1,
			name: 'home',
			mesh: {kind: 'tailscale', ...(controlServer && {controlServer})},
		}),
		facts: new Map([
			['fra1', makeFacts('fra1', '198.51.100.11')],
			[
				'nuc',
				{
					...makeFacts('nuc', '192.0.2.7'),
					tailscale: loggedIn(2, {controlServer: url}),
				},
			],
			['pi4', makeFacts('pi4', '192.0.2.8')],
			['nyc1', makeFacts('nyc1', '203.0.113.31')],
		]),
		hosts: new Map([
			['fra1', hostThat(() => 'curl: (60) SSL certificate problem')],
			['nuc', hostThat(() => 'would not be asked')],
			['pi4', hostThat(() => undefined)],
			[
				'nyc1',
				hostThat(() => {
					throw new Error('lost');
				}),
			],
		]),
		signal: new AbortController().signal,
	});

test('nodes that have yet to log in are asked, and one that can not tell is left out', async () => {
	assert.deepEqual(await ask(url), [
		{node: 'fra1', said: 'curl: (60) SSL certificate problem'},
	]);
});

test("Tailscale's own server, and one without TLS, are not asked about", async () => {
	assert.deepEqual(await ask(undefined), []);
	assert.deepEqual(await ask('http://192.168.7.2:8080'), []);
});
