import assert from 'node:assert/strict';
import test from 'node:test';
import {findRelays, relaysIn} from '../../source/control/relays.js';
import {fails} from './fails.js';
import {startDouble} from './http-double.js';

const options = () => ({signal: new AbortController().signal});

test('of a map of relays, one of each of the first regions is asked', () => {
	const node = (HostName: string, more: object = {}) => ({
		Name: '1a',
		HostName,
		IPv4: '198.51.100.1',
		...more,
	});
	const regions = {
		10: {RegionCode: 'sea', Nodes: [node('derp10.example.org')]},
		2: {RegionCode: 'sfo', NoMeasureNoHome: true, Nodes: [node('far')]},
		1: {
			RegionCode: 'nyc',
			Nodes: [
				node('stun.example.org', {STUNOnly: true}),
				node('derp1.example.org', {DERPPort: 8443, STUNPort: -1}),
			],
		},
		3: {RegionCode: 'sin', Nodes: []},
		4: {RegionCode: 'fra', Avoid: true, Nodes: [node('shy')]},
		12: {RegionCode: 'chi', Nodes: [node('derp12.example.org')]},
	};
	assert.deepEqual(relaysIn(JSON.stringify({Regions: regions})), [
		{host: 'derp1.example.org', port: 8443, stunPort: undefined},
		{host: 'derp10.example.org', port: 443, stunPort: 3478},
	]);
});

test('a headscale has a relay of its own when it answers like one', async () => {
	for (const [status, relays] of [
		[200, true],
		[404, false],
	] as const) {
		await using double = await startDouble(() => ({status, body: ''}));
		const found = await findRelays(
			{controlServer: `${double.url}/`, authority: undefined},
			options(),
		);
		const {port} = new URL(double.url);
		assert.deepEqual(
			found,
			relays ? [{host: '127.0.0.1', port: Number(port), stunPort: 3478}] : [],
		);
		assert.deepEqual(
			double.requests.map(({method, path}) => `${method} ${path}`),
			['GET /derp/probe'],
		);
	}
});

test('a server that does not answer is an error', async () => {
	await fails(
		findRelays(
			{controlServer: 'http://127.0.0.1:1', authority: undefined},
			options(),
		),
		'unreachable',
		/refused/,
	);
});
