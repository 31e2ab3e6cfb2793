import assert from 'node:assert/strict';
import test from 'node:test';
import {servicesNeeded} from '../../source/probe/outbound.js';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {makeCluster} from '../plan/fixtures.js';

const needed = (rest: Omit<ClusterInput, 'version' | 'name' | 'nodes'>) =>
	servicesNeeded(makeCluster([], rest), new Map()).map(
		({need, host, port}) => `${need} ${host}:${port}`,
	);

for (const [title, rest, services] of [
	[
		'without a proxy nodes get out by themselves',
		{},
		[
			'k3s-download get.k3s.io:443',
			'k3s-download github.com:443',
			'registry registry-1.docker.io:443',
			'dns get.k3s.io:53',
			'ntp :123',
		],
	],
	[
		'a proxy is what must be reached, and it finds the names',
		{proxy: {http: 'http://proxy.lan:3128'}},
		['k3s-download proxy.lan:3128', 'registry proxy.lan:3128', 'ntp :123'],
	],
	[
		'a mirror that needs no proxy is reached itself',
		{
			proxy: {http: 'http://p:1', https: 'https://q', noProxy: ['.lan']},
			mirrors: {releases: 'http://mirror.lan/k3s'},
		},
		[
			'k3s-download q:443',
			'k3s-download mirror.lan:80',
			'registry q:443',
			'dns mirror.lan:53',
			'ntp :123',
		],
	],
	[
		'a control server is reached by the proxy, as tailscaled does',
		{
			proxy: {http: 'http://p:1'},
			mesh: {kind: 'tailscale', controlServer: 'https://head.example.org'},
			mirrors: {installScript: 'http://m.lan/x', releases: 'http://m.lan'},
		},
		['k3s-download p:1', 'registry p:1', 'tailscale-control p:1', 'ntp :123'],
	],
	[
		'a control server at home is reached without the proxy',
		{
			proxy: {http: 'http://p:1', noProxy: ['.lan']},
			mesh: {kind: 'tailscale', controlServer: 'https://head.lan:8443'},
			airgap: {folder: '/k3s'},
			k3s: {version: 'v1.36.3+k3s1'},
		},
		['tailscale-control head.lan:8443', 'ntp :123'],
	],
	[
		'of a proxy that is not in the file nothing is asked',
		{proxy: {httpFrom: 'env:P'}},
		['ntp :123'],
	],
] as const) {
	test(title, () => {
		assert.deepEqual(needed(rest as never), services);
	});
}
