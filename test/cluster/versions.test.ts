import assert from 'node:assert/strict';
import test from 'node:test';
import {
	compareK3sVersions,
	meetsMinimum,
	parseK3sVersion,
} from '../../source/cluster/versions.js';
import {clusterJsonSchema} from '../../source/cluster/json-schema.js';
import {nearest} from '../../source/cluster/nearest.js';

test('releases are taken apart', () => {
	assert.deepEqual(parseK3sVersion('v1.36.3-rc2+k3s1'), {
		major: 1,
		minor: 36,
		patch: 3,
		candidate: 'rc2',
		revision: 1,
	});
	assert.equal(parseK3sVersion('stable'), undefined);
});

test('releases sort by age', () => {
	const sorted = [
		'v1.9.9+k3s1',
		'v1.24.7+k3s1',
		'v1.36.3-rc2+k3s1',
		'v1.36.3-rc10+k3s1',
		'v1.36.3+k3s1',
		'v1.36.3+k3s2',
		'v1.36.10+k3s1',
	];
	assert.deepEqual(
		sorted
			.toReversed()
			.toSorted((one, other) => compareK3sVersions(one, other)),
		sorted,
	);
});

for (const [version, expected] of [
	['v1.24.6+k3s1', false],
	['v1.24.7+k3s1', true],
	['v1.25.2+k3s1', false],
	['v1.25.3+k3s1', true],
	['v1.26.0+k3s1', true],
	['v1.23.99+k3s1', false],
	['main', false],
] as const) {
	test(`${version} ${expected ? 'has' : 'does not have'} what came with v1.24.7 and v1.25.3`, () => {
		assert.equal(
			meetsMinimum(version, ['v1.24.7+k3s1', 'v1.25.3+k3s1']),
			expected,
		);
	});
}

test('the JSON schema describes what may be written', () => {
	const schema = clusterJsonSchema();
	assert.deepEqual(schema.required, ['version', 'name']);
	assert.equal(schema.additionalProperties, false);
	assert.ok(schema.properties?.nodes?.items?.properties?.ssh?.anyOf);
	const meshes = schema.properties?.mesh?.oneOf?.map(({properties}) =>
		Object.keys(properties ?? {}),
	);
	assert.deepEqual(meshes?.[0], ['kind']);
	assert.ok(meshes?.[1]?.includes('controlServer'));
	assert.ok(meshes?.[2]?.includes('podTraffic'));
});

for (const [word, expected] of [
	['chanel', 'channel'],
	['extrenalIp', 'externalIp'],
	['external-ip', 'externalIp'],
	['frobnicate', undefined],
] as const) {
	test(`near to ${word} is ${expected ?? 'nothing'}`, () => {
		assert.equal(nearest(word, ['channel', 'externalIp', 'nodes']), expected);
	});
}
