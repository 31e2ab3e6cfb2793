import assert from 'node:assert/strict';
import test from 'node:test';
import {buildPlan} from '../../source/plan/build.js';
import {
	planToJson,
	renderFile,
	renderPlanText,
} from '../../source/plan/render.js';
import {denying, ha3, lan3, makeCluster, makeContext} from './fixtures.js';

const plan = buildPlan({
	...makeContext(lan3(), {nuc: denying('ufw')}),
	version: 'v1.36.3+k3s1',
});

test('a plan shows each node with files, rules and services, secrets by name', () => {
	const text = renderPlanText(plan).join('\n');
	assert.match(text, /^home: K3s v1\.36\.3\+k3s1, first server fra1$/m);
	assert.match(text, /^fra1 {2}server {2}will change$/m);
	assert.match(
		text,
		/^ {2}\+ \/etc\/rancher\/k3s\/config\.yaml\.d\/10-k3s-mesh\.yaml {2}0600 {2}\d+ lines$/m,
	);
	assert.match(text, /token: ‹server-token›/);
	assert.match(
		text,
		/^ {2}\+ ufw prepend allow proto udp from 198\.51\.100\.11/m,
	);
	assert.match(
		text,
		/3 of 3 nodes will change\. Nothing has been changed yet\. About \d+m?\d*s\.$/,
	);
});

const escape = '\u{1B}';

test('colours are there only when they are wanted', () => {
	const text = (colors: boolean) => renderPlanText(plan, {colors}).join('\n');
	assert.ok(!text(false).includes(escape));
	assert.ok(text(true).includes(`${escape}[1mfra1`));
});

test('a reference never looks like a value', () => {
	const cluster = makeCluster(
		ha3().nodes.map((node) => ({...node, ssh: node.ssh.host})),
		{datastore: {endpointFrom: 'env:ENDPOINT'}},
	);
	const other = buildPlan({...makeContext(cluster), version: 'v1.36.3+k3s1'});
	const texts = [
		...renderPlanText(other),
		...planToJson(other).nodes.flatMap(({steps}) =>
			steps.flatMap(({file}) => file?.text.split('\n') ?? []),
		),
	];
	const secrets = texts.filter((line) =>
		/^\s*(?:token|agent-token|datastore-endpoint):/.test(line),
	);
	assert.ok(secrets.length > 6);
	for (const line of secrets) {
		assert.match(line, /: ‹[a-z-]+›$/);
	}
});

test('a file is shown line by line', () => {
	assert.deepEqual(
		renderFile(['a: 1\nb: ', {reference: 'agent-token'}, '\n']),
		['a: 1', 'b: ‹agent-token›'],
	);
});

test('the JSON of a plan is plain data with all steps', () => {
	const json = planToJson(plan);
	assert.deepEqual(structuredClone(json), json);
	assert.equal(json.changes, true);
	assert.equal(
		json.nodes.flatMap(({steps}) => steps).length,
		plan.nodes.flatMap(({steps}) => steps).length,
	);
	const file = json.nodes[0]!.steps.find(({action}) => action === 'write-file');
	assert.equal(file?.file?.mode, '0600');
});
