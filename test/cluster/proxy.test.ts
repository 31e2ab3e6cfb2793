import assert from 'node:assert/strict';
import test from 'node:test';
import {parseClusterText} from '../../source/cluster/file.js';
import {goesDirect, proxyFor} from '../../source/cluster/proxy.js';

const parse = (proxy: string) =>
	parseClusterText(`version: 1\nname: home\nproxy: ${proxy}\n`);

for (const [proxy, field, message] of [
	['{}', 'proxy', /must name a proxy: http or https/],
	['proxy.lan:3128', 'proxy', /must be a mapping/],
	['{http: "proxy.lan:3128"}', 'proxy.http', /must be an http:\/\/ or https/],
	['{http: "socks5://proxy.lan"}', 'proxy.http', /must be an http:\/\/ or/],
	['{http: "http://proxy.lan/a b"}', 'proxy.http', /must be an http:\/\/ or/],
	['{https: "http://proxy.lan/x"}', 'proxy.https', /nothing behind its port/],
	[
		'{http: "http://proxy.lan", httpFrom: "env:P"}',
		'proxy.httpFrom',
		/must not stand beside http/,
	],
	['{httpsFrom: P}', 'proxy.httpsFrom', /must be env:NAME or file:PATH/],
	[
		'{http: "http://p", noProxy: ["a,b"]}',
		'proxy.noProxy[0]',
		/one address, network or domain/,
	],
	['{htp: "http://p"}', 'proxy.htp', /did you mean "http"/],
] as const) {
	test(`proxy: ${proxy} is refused`, () => {
		const parsed = parse(proxy);
		assert.ok(!parsed.ok);
		const problem = parsed.problems.find((one) => one.field === field);
		assert.match(
			problem?.message ?? '',
			message,
			JSON.stringify(parsed.problems),
		);
	});
}

for (const url of [
	'http://me:hunter2@proxy.lan:3128',
	'http://hunter2@proxy.lan',
	'me:hunter2@proxy.lan:3128',
]) {
	test(`a login in a URL is refused and not repeated: ${url}`, () => {
		const parsed = parse(`{https: "${url}"}`);
		assert.ok(!parsed.ok);
		assert.match(parsed.problems[0]!.message, /httpsFrom with env:NAME/);
		assert.ok(!JSON.stringify(parsed).includes('hunter2'));
	});
}

test('one proxy stands for both schemes, two for their own', () => {
	const sources = (proxy: string) => {
		const parsed = parse(proxy);
		assert.ok(parsed.ok, proxy);
		return [
			proxyFor(parsed.cluster, 'http'),
			proxyFor(parsed.cluster, 'https'),
		];
	};

	const url = 'http://p:3128';
	assert.deepEqual(sources(`{http: "${url}"}`), [{url}, {url}]);
	assert.deepEqual(sources(`{httpsFrom: "env:P"}`), [
		{from: 'env:P'},
		{from: 'env:P'},
	]);
	assert.deepEqual(sources(`{http: "${url}", httpsFrom: "file:/p"}`), [
		{url},
		{from: 'file:/p'},
	]);
	assert.equal(proxyFor({}, 'http'), undefined);
});

for (const [entries, host, direct] of [
	[['192.168.0.0/16'], '192.168.4.5', true],
	[['192.168.0.0/16'], '192.169.4.5', false],
	[['fd00::/8'], 'fd00::1', true],
	[['fd00:0::1'], 'fd00::1', true],
	[['lan'], 'mirror.lan', true],
	[['lan'], 'LAN', true],
	[['.lan'], 'mirror.lan', true],
	[['.lan'], 'lan', false],
	[['*.lan'], 'mirror.lan', true],
	[['an'], 'mirror.lan', false],
	[['*'], 'anything.example', true],
	[['192.168.0.0/16'], 'mirror.lan', false],
	[[], 'mirror.lan', false],
] as const) {
	test(`${host} is ${direct ? '' : 'not '}reached past ${entries.join(' ')}`, () => {
		assert.equal(goesDirect(entries, host), direct);
	});
}
