/** Pods with IPv4 and IPv6 over real tailnets: refused where the mesh or the release of K3s can not. */
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import test, {type TestContext} from 'node:test';
import {parse, stringify} from 'yaml';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {assertCode, type Stage} from './support.js';
import {requireGo} from './tailnet/go.js';
import {
	assertProven,
	assertUnchanged,
	pair,
	joiningByKey,
	proofsIn,
	tailnetStage,
	type TailnetMesh,
} from './tailnet/stage.js';

const network = {
	podCidr: ['10.42.0.0/16', '2001:cafe:42::/56'],
	serviceCidr: ['10.43.0.0/16', '2001:cafe:43::/112'],
};

const dualStage = async (
	t: TestContext,
	kind: TailnetMesh['kind'],
): Promise<Stage> => {
	const stage = await tailnetStage(t, pair, async (made) =>
		joiningByKey(made, kind),
	);
	change(stage, {network});
	return stage;
};

/** Changes top-level keys of the cluster file, and keeps the others. */
const change = (stage: Stage, keys: Partial<ClusterInput>): void => {
	const known = parse(readFileSync(stage.clusterPath, 'utf8')) as ClusterInput;
	writeFileSync(stage.clusterPath, stringify({...known, ...keys}));
};

/** Every pair of pods reaches each other by IPv4 and by IPv6. */
const assertBothFamilies = (proofs: ReturnType<typeof proofsIn>): void => {
	assertProven(proofs, 'pod-to-pod', 2);
	for (const {kind, detail} of proofs) {
		if (kind === 'pod-to-pod') {
			assert.match(
				detail,
				/^10\.42\.\d+\.\d+ reaches 10\.42\.\S+ in [\d.]+ ms; 2001:cafe:42:\S+ reaches 2001:cafe:42:\S+ in [\d.]+ ms$/,
			);
		}
	}
};

test('tailscale: both families where the release can, and a refusal with the reason where it can not', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await dualStage(t, 'tailscale');
	const known = parse(readFileSync(stage.clusterPath, 'utf8')) as ClusterInput;
	change(stage, {mesh: {...known.mesh, kind: 'tailscale-ip'}});
	const narrow = await stage.apply();
	assertCode(narrow, 1);
	assert.match(
		narrow.stderr,
		/✖ tailscale\.dual-stack {2}Pods can have no IPv6 here: .* 1230 bytes, and IPv6 needs 1280/,
	);

	change(stage, {mesh: known.mesh!, k3s: {version: 'v1.33.6+k3s1'}});
	const refused = await stage.apply();
	assertCode(refused, 1);
	assert.match(
		refused.stderr,
		/✖ tailscale\.dual-stack {2}K3s v1\.33\.6\+k3s1 does not start with pods of both families over its Tailscale integration/,
	);
	assert.match(refused.stderr, /Nothing was changed/);

	change(stage, {k3s: {}});
	const applied = await stage.apply('--progress', 'json');
	assertCode(applied, 0);
	const proofs = proofsIn(applied);
	assertBothFamilies(proofs);
	assertProven(proofs, 'route', 2);
	for (const {kind, detail} of proofs) {
		if (kind === 'route') {
			assert.match(detail, /10\.42\.\d+\.0\/24, 2001:cafe:42:\S*\/64 goes to/);
		}
	}

	for (const name of ['hub', 'home1']) {
		const {approvedRoutes} = await stage.lab.headscale.node(name);
		assert.equal(approvedRoutes.length, 2, approvedRoutes.join(' '));
	}

	await assertUnchanged(stage);
});
