import assert from 'node:assert/strict';
import test from 'node:test';
import type {Proof, ProofKind} from '../../source/install/events.js';
import {vxlanHint} from '../../source/install/proofs/vxlan-hint.js';

const bad = (...kinds: readonly ProofKind[]): readonly Proof[] =>
	kinds.map((kind) => ({
		kind,
		from: 'fra1',
		to: 'nuc',
		ok: false,
		detail: 'no answer',
	}));

test('wrong checksums are thought of where VXLAN carries pings and nothing of pods', () => {
	const vxlan = {interface: 'flannel.1'};
	assert.match(
		vxlanHint(bad('pod-to-pod'), vxlan)[0]!,
		/ethtool -K flannel\.1/,
	);
	assert.equal(vxlanHint(bad('dns', 'logs'), vxlan).length, 1);
	for (const [proofs, mesh] of [
		[bad('mesh-ping', 'pod-to-pod'), vxlan],
		[bad('logs'), vxlan],
		[bad('pod-to-pod'), {interface: 'flannel-wg'}],
		[bad('pod-to-pod'), {interface: 'tailscale0'}],
	] as const) {
		assert.deepEqual(vxlanHint(proofs, mesh), []);
	}
});
