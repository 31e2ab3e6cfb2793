import assert from 'node:assert/strict';
import test from 'node:test';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {parseProxy} from '../../source/facts/parse-proxy.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {buildPlan} from '../../source/plan/build.js';
import {environmentPath} from '../../source/plan/paths.js';
import type {Step} from '../../source/plan/plan.js';
import {maskedText} from '../../source/plan/template.js';
import {lan3, makeCluster, makeContext} from './fixtures.js';

const version = 'v1.36.3+k3s1';

const stepsOf = (
	proxy: ClusterInput['proxy'],
	nuc: Partial<HostFacts> = {},
	rest: Partial<ClusterInput> = {},
): readonly Step[] => {
	const cluster = makeCluster(lan3().nodes as ClusterInput['nodes'], {
		...rest,
		...(proxy && {proxy}),
	});
	return buildPlan({...makeContext(cluster, {nuc}), version}).nodes.find(
		({node}) => node === 'nuc',
	)!.steps;
};

const written = (steps: readonly Step[], path: string): Step | undefined =>
	steps.find(
		({action}) => action.kind === 'write-file' && action.path === path,
	);

const linesOf = (step: Step | undefined): readonly string[] => {
	assert.ok(step?.action.kind === 'write-file');
	assert.equal(step.action.mode, 0o600);
	return maskedText(step.action.content)
		.split('\n')
		.filter((line) => line !== '' && !line.startsWith('#'));
};

const noProxy =
	'localhost,127.0.0.0/8,::1,.svc,100.64.0.0/10,.cluster.local,10.42.0.0/16,10.43.0.0/16,fra1,198.51.100.11,nuc,198.51.100.12,pi4,198.51.100.13';

test('K3s and the download get the proxy, and what it is not asked for', () => {
	const steps = stepsOf({http: 'http://p:3128', noProxy: ['.lan']});
	const environment = written(steps, environmentPath);
	assert.deepEqual(linesOf(environment), [
		'HTTP_PROXY="http://p:3128"',
		'HTTPS_PROXY="http://p:3128"',
		`NO_PROXY="${noProxy},.lan"`,
	]);
	assert.equal(environment!.expectation, 'change');
	const download = steps.find(({action}) => action.kind === 'download')!;
	assert.ok(download.needs.includes(environment!.id));
	const dropIn = written(
		steps,
		'/etc/systemd/system/k3s-agent.service.d/10-k3s-mesh.conf',
	);
	const install = steps.find(({action}) => action.kind === 'install')!;
	assert.ok(install.needs.includes(dropIn!.id));
	const start = steps.find(({action}) => action.kind === 'start')!;
	assert.ok(start.action.kind === 'start');
	assert.ok(start.action.configFiles.includes(environmentPath));
});

test('a URL with a password is a reference until it is written', () => {
	assert.deepEqual(
		linesOf(
			written(
				stepsOf({httpFrom: 'env:A', https: 'http://q:1'}),
				environmentPath,
			),
		).slice(0, 2),
		['HTTP_PROXY=‹http-proxy›', 'HTTPS_PROXY="http://q:1"'],
	);
});

test('the API endpoint and another cluster domain are not asked of the proxy', () => {
	const line = linesOf(
		written(
			stepsOf({http: 'http://p'}, undefined, {
				apiEndpoint: 'k8s.example.org',
				k3s: {config: {'cluster-domain': 'home.arpa'}},
			}),
			environmentPath,
		),
	).at(-1)!;
	assert.match(line, /,\.home\.arpa,/);
	assert.match(line, /,k8s\.example\.org,/);
	assert.doesNotMatch(line, /cluster\.local/);
});

test('a machine with a proxy of its own gets a NO_PROXY that has the cluster', () => {
	const steps = stepsOf(undefined, {
		proxy: {ofMachine: true, noProxy: ['.corp', 'localhost']},
	});
	assert.deepEqual(linesOf(written(steps, environmentPath)), [
		`NO_PROXY="${noProxy},.corp"`,
	]);
});

test('without a proxy nothing is written; what an earlier run wrote is emptied', () => {
	assert.equal(written(stepsOf(undefined), environmentPath), undefined);
	const steps = stepsOf(undefined, {
		manifest: {
			cluster: 'home',
			files: {[environmentPath]: 'aa'},
			appliedHash: 'bb',
		},
		proxy: {ofMachine: false, noProxy: [], written: ['HTTP_PROXY="http://p"']},
	});
	assert.deepEqual(linesOf(written(steps, environmentPath)), []);
	assert.equal(written(steps, environmentPath)!.expectation, 'change');
});

test('what is written already is not announced', () => {
	const lines = (url: string) => [
		`HTTP_PROXY="${url}"`,
		'HTTPS_PROXY="(secret)"',
		`NO_PROXY="${noProxy}"`,
	];
	const expected = (present: readonly string[]) =>
		written(
			stepsOf(
				{http: 'http://p', httpsFrom: 'env:A'},
				{proxy: {ofMachine: false, noProxy: [], written: present}},
			),
			environmentPath,
		)!.expectation;
	assert.equal(expected(lines('http://p')), 'unchanged');
	assert.equal(expected(lines('http://q')), 'change');
	assert.equal(expected(lines('http://p').slice(1)), 'change');
});

test('what a machine says of proxies is read', () => {
	assert.equal(parseProxy([]), undefined);
	assert.equal(parseProxy(['except 10.0.0.0/8']), undefined);
	assert.deepEqual(
		parseProxy(['through', 'except 10.0.0.0/8, .corp,$(x)', 'through']),
		{ofMachine: true, noProxy: ['10.0.0.0/8', '.corp']},
	);
	assert.deepEqual(parseProxy(['written', 'line A="b"']), {
		ofMachine: false,
		noProxy: [],
		written: ['A="b"'],
	});
});
