import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {parse} from 'yaml';
import {
	fill,
	maskedText,
	references,
	yamlTemplate,
} from '../../source/plan/template.js';

test('references are listed once and shown by name', () => {
	const template = yamlTemplate({
		token: {reference: 'server-token'},
		'agent-token': {reference: 'agent-token'},
		again: {reference: 'server-token'},
	});
	assert.deepEqual(references(template), [
		{reference: 'server-token'},
		{reference: 'agent-token'},
	]);
	assert.equal(
		maskedText(template),
		'token: ‹server-token›\nagent-token: ‹agent-token›\nagain: ‹server-token›\n',
	);
});

test('two addresses of a kind are two references, and are shown with their nodes', () => {
	const address = (node: string, family: 4 | 6) =>
		({reference: 'tailscale-address', node, family}) as const;
	const template = yamlTemplate({
		'node-ip': [address('a', 4), address('a', 6)],
		'tls-san': [address('b', 4), address('a', 4)],
		server: {reference: 'tailscale-api-url', node: 'b'},
	});
	assert.deepEqual(references(template), [
		address('a', 4),
		address('a', 6),
		address('b', 4),
		{reference: 'tailscale-api-url', node: 'b'},
	]);
	assert.match(maskedText(template), /^server: ‹tailscale-api-url of b›$/m);
});

test('a plain template takes values as they are', () => {
	assert.equal(
		fill(
			['name=tailscale,joinKey=', {reference: 'tailnet-key'}, '\n'],
			({reference}) => `a "${reference}"`,
			'plain',
		),
		'name=tailscale,joinKey=a "tailnet-key"\n',
	);
});

const scalar = fc.oneof(
	fc
		.string({unit: 'binary', maxLength: 20})
		.filter((text) => !/\uFFFE|\uFFFF|[\uD800-\uDFFF]/.test(text)),
	fc.constantFrom(
		'yes',
		'null',
		'0600',
		'1e3',
		'# x',
		'a: b',
		'- a',
		'{}',
		"'",
		'"',
		'\\',
		'*a',
		'!t',
		'%',
		'@',
		'`',
		'a\nb',
		'\t',
	),
	fc.boolean(),
	fc.integer(),
);
const config = fc.dictionary(
	fc.stringMatching(/^[a-z][a-z-]{0,10}\+?$/),
	fc.oneof(
		scalar,
		fc.array(scalar, {maxLength: 3}),
		fc.constantFrom(
			{reference: 'server-token' as const},
			{reference: 'datastore-endpoint' as const},
		),
	),
	{maxKeys: 6},
);

test('a filled template reads back as what it was made from, whatever the values hold', () => {
	fc.assert(
		fc.property(config, fc.string(), (values, secret) => {
			const text = fill(yamlTemplate(values, ['a comment']), () => secret);
			const expected = Object.fromEntries(
				Object.entries(values).map(([key, value]) => [
					key,
					typeof value === 'object' && 'reference' in value ? secret : value,
				]),
			);
			assert.deepEqual({...parse(text)}, {...expected}, text);
		}),
		{numRuns: 500},
	);
});

test('a value cannot become another key', () => {
	const text = fill(
		yamlTemplate({token: {reference: 'server-token'}}),
		({reference}) => `${reference}\nserver: https://evil.example.org`,
	);
	assert.deepEqual(Object.keys(parse(text) as object), ['token']);
});
