import assert from 'node:assert/strict';
import test from 'node:test';
import {recommendMesh} from '../../source/mesh/rank.js';
import {lan3, makeCluster, makeContext} from '../plan/fixtures.js';

test('a mesh whose checks are all overridden is possible, says what was overridden, and shows it no more', () => {
	const cluster = makeCluster([{name: 'a', role: 'server', ssh: 'a'}]);
	const [against] = recommendMesh(makeContext(cluster));
	assert.equal(against?.possible, false);
	const ids = against.findings
		.filter(({severity}) => severity === 'error')
		.map(({id}) => id);
	assert.ok(ids.length > 0);

	const [choice] = recommendMesh(makeContext({...cluster, ignore: ids}));
	assert.equal(choice?.possible, true);
	assert.equal(choice.recommended, true);
	assert.match(choice.reason, /is overridden: /);
	for (const id of ids) {
		assert.ok(choice.reason.includes(id));
		assert.ok(choice.findings.every((finding) => finding.id !== id));
	}
});

test('overriding a check that says nothing here changes nothing', () => {
	const cluster = lan3();
	assert.deepEqual(
		recommendMesh(makeContext({...cluster, ignore: ['wireguard.kernel']})),
		recommendMesh(makeContext(cluster)),
	);
});

test('nothing is said of nodes that have not answered yet', () => {
	const context = makeContext(lan3());
	assert.match(recommendMesh(context)[0]!.reason, /^All 3 nodes have/);
	const [, ...others] = [...context.facts];
	assert.match(
		recommendMesh({...context, facts: new Map(others)})[0]!.reason,
		/known so far/,
	);
});
