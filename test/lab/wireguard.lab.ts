import assert from 'node:assert/strict';
import test from 'node:test';
import type {InstallEvent, Proof} from '../../source/install/events.js';
import {assertCode, kubectl, stageFor} from './support.js';

test('wg3: on real kernels every pair has a WireGuard handshake, and pods reach each other', async (t) => {
	const stage = await stageFor('wg3', {vm: true});
	t.after(stage.down);
	const {nodes} = stage.lab;

	const applied = await stage.apply(
		'--progress',
		'json',
		// Emulated processors take their time.
		'--wait-limit',
		'300',
	);
	assertCode(applied, 0);
	assertCode(await kubectl(stage, 'get', 'nodes'), 0);

	for (const node of nodes) {
		const {stdout} = await node.exec('wg show flannel-wg latest-handshakes');
		const handshakes = stdout.trim().split('\n');
		assert.equal(
			handshakes.length,
			nodes.length - 1,
			`${node.name}: ${stdout}`,
		);
		for (const line of handshakes) {
			const [, at] = line.split('\t');
			assert.ok(Number(at) > 0, `${node.name} has a peer without a handshake`);
		}
	}

	const proofs = applied.stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as InstallEvent | {type: 'kubeconfig'})
		.flatMap((event): Proof[] => (event.type === 'proof' ? [event.proof] : []));
	const pairs = nodes.flatMap(({name: from}) =>
		nodes
			.filter(({name}) => name !== from)
			.map(({name: to}) => `${from} > ${to}`),
	);
	for (const kind of ['handshake', 'mesh-ping', 'pod-to-pod'] as const) {
		assert.deepEqual(
			proofs
				.filter((proof) => proof.kind === kind && proof.ok)
				.map(({from, to}) => `${from} > ${to}`)
				.toSorted(),
			pairs.toSorted(),
			kind,
		);
	}

	// The kernel's own handshakes were read, nothing stood in for them.
	for (const {kind, detail} of proofs) {
		assert.ok(kind !== 'handshake' || !detail.includes('ping only'), detail);
	}
});
