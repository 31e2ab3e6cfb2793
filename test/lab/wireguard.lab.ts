import assert from 'node:assert/strict';
import test from 'node:test';
import type {InstallEvent, Proof} from '../../source/install/events.js';
import {controller} from '../../source/facts/measurements.js';
import {checkJson} from './matrix/report.js';
import {assertCode, kubectl, stageFor} from './support.js';

test('wg3: on real kernels every pair has a WireGuard handshake, pods reach each other, and checks ask what runs', async (t) => {
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

	// What runs now is asked, by its own handshakes, and all of it arrives.
	const running = await checkJson(stage);
	const ofNodes = running.cells.filter(({from}) => from !== controller);
	assert.ok(ofNodes.some(({port}) => port === 51_820));
	for (const {from, to, port, verdict} of ofNodes) {
		const cell = `${from} > ${to} ${port}: ${JSON.stringify(verdict)}`;
		assert.ok(verdict.kind === 'in-use' && verdict.live?.arrives, cell);
		assert.match(
			verdict.live.evidence,
			port === 51_820 ? /shook hands/ : /TLS/,
			cell,
		);
	}

	// A clock without a battery: the node is named, and all is measured as before.
	const {name: late} = nodes.at(-1)!;
	await stage.lab.node(late).exec('date --set @86400');
	const skewed = await checkJson(stage);
	assert.equal(skewed.cells.length, running.cells.length);
	assert.deepEqual(
		skewed.cells.filter(({verdict}) => verdict.kind === 'unknown'),
		[],
	);
	const skew = skewed.findings.find(({id}) => id === 'clock.skew');
	assert.equal(skew?.severity, 'error');
	assert.deepEqual(skew.nodes, [late]);
});
