/** Nodes that nobody reaches from outside, one of them behind a carrier's NAT, on real headscale and Tailscale. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {assertCode, kubectl} from './support.js';
import {requireGo} from './tailnet/go.js';
import {
	assertProven,
	assertUnchanged,
	joiningByKey,
	proofsIn,
	tailnetStage,
} from './tailnet/stage.js';
import {topologies} from './index.js';

const carrier = topologies.find(({name}) => name === 'tailnet-carrier')!;

/** Which way each node reaches each other, as the network of the topology leaves it: two routers with a port for each target never meet. */
const ways = {
	'hub home1': /^direct to 203\.0\.113\.40:\d+ in /,
	'home1 hub': /^direct to 198\.51\.100\.91:41641 in /,
	'hub village1': /^direct to 203\.0\.113\.60:\d+ in /,
	'village1 hub': /^direct to 198\.51\.100\.91:41641 in /,
	'home1 village1': /^relayed by DERP\(lab\) in /,
	'village1 home1': /^relayed by DERP\(lab\) in /,
} as const;

test('behind a carrier: pods reach each other, and each way is told as it is', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await tailnetStage(t, carrier, async (made) =>
		joiningByKey(made, 'tailscale'),
	);
	const applied = await stage.apply('--progress', 'json');
	assertCode(applied, 0);
	const proofs = proofsIn(applied);
	assertProven(proofs, 'tailnet', 3);
	for (const kind of ['route', 'mesh-ping', 'pod-to-pod'] as const) {
		assertProven(proofs, kind, 6);
	}

	assertProven(proofs, 'dns', 3);
	const told = Object.fromEntries(
		proofs
			.filter(({kind}) => kind === 'tailnet-path')
			.map(({from, to, detail}) => [`${from} ${to!}`, detail]),
	);
	assert.deepEqual(Object.keys(told).toSorted(), Object.keys(ways).toSorted());
	for (const [pair, way] of Object.entries(ways)) {
		assert.match(told[pair]!, way, pair);
	}

	const pods = await kubectl(stage, 'get', 'nodes', '-o', 'wide');
	assertCode(pods, 0);
	assert.match(pods.stdout, /village1 +Ready/);
	await assertUnchanged(stage);
});
