import assert from 'node:assert/strict';
import {test} from 'node:test';
import type {Host} from '../../source/host/host.js';
import {makeFakeCluster, type FakeCluster} from './fake-cluster.js';
import {startFakeRun} from './fake-run.js';

const names = ['fra1', 'nuc'];

/** The cluster with another answer in place of a script's own; `undefined` keeps its own. */
const answering = (
	fake: FakeCluster,
	script: string,
	answer: (node: string) => unknown,
): FakeCluster => {
	const open = async (name: string): Promise<Host> => {
		const host = await fake.source.open(name);
		return {
			...host,
			async run(asked, input, options) {
				const own = await host.run(asked, input, options);
				const other = asked.name === script ? answer(name) : undefined;
				return (other ?? own) as typeof own;
			},
		};
	};

	return {...fake, source: {open, reopen: open}};
};

const proofsWith = async (
	script: string,
	answer: (node: string) => unknown,
) => {
	const fake = answering(makeFakeCluster(names), script, answer);
	const run = startFakeRun(fake, {waitLimitMs: 20});
	const result = await run.engine.run();
	return {
		result,
		run,
		proof: (kind: string, from: string, to?: string) =>
			result.proofs.find(
				(proof) =>
					proof.kind === kind && proof.from === from && proof.to === to,
			),
	};
};

test('without wg the ping stands in for the handshake, and it is said so', async () => {
	const {result, proof} = await proofsWith('verify.handshakes', (node) =>
		node === 'fra1'
			? {available: false, reason: 'wg is not installed'}
			: undefined,
	);
	assert.equal(result.outcome, 'good');
	assert.equal(
		proof('handshake', 'fra1', 'nuc')?.detail,
		'wg is not installed on fra1: mesh proven by ping only',
	);
	assert.equal(
		proof('handshake', 'fra1', 'nuc')?.standIn,
		'wg is not installed on fra1',
	);
	assert.equal(proof('handshake', 'nuc', 'fra1')?.detail, '3 seconds ago');
	assert.equal(proof('handshake', 'nuc', 'fra1')?.standIn, undefined);
});

test('a pair without a handshake is named, and fails the node that misses it', async () => {
	const {result, proof, run} = await proofsWith('verify.handshakes', (node) =>
		node === 'nuc'
			? {
					available: true,
					peers: [{publicKey: 'key-fra1', ageSeconds: undefined}],
				}
			: undefined,
	);
	assert.equal(result.outcome, 'failed');
	assert.equal(proof('handshake', 'nuc', 'fra1')?.ok, false);
	assert.equal(run.states().get('fra1/verify/verify'), 'unchanged');
	assert.deepEqual(
		result.failures.map(({node}) => node),
		['nuc'],
	);
	assert.match(result.failures[0]!.message, /handshake nuc → fra1/);
});

test('a mesh address that does not answer is no proof', async () => {
	const {proof} = await proofsWith('verify.ping', () => [
		{address: '10.42.1.0', ok: false, rttMs: undefined, problem: undefined},
	]);
	assert.deepEqual(
		[
			proof('mesh-ping', 'fra1', 'nuc')?.ok,
			proof('mesh-ping', 'fra1', 'nuc')?.detail,
		],
		[false, '10.42.1.0 does not answer'],
	);
});

test('a pod that does not start is said with its reason, for every pair', async () => {
	const {proof} = await proofsWith('verify.pods-list', () => [
		{
			name: 'a',
			node: 'fra1',
			address: '10.42.0.9',
			running: true,
			reason: undefined,
		},
		{
			name: 'b',
			node: 'nuc',
			address: undefined,
			running: false,
			reason: 'ImagePullBackOff',
		},
	]);
	assert.equal(
		proof('pod-to-pod', 'fra1', 'nuc')?.detail,
		'no pod runs on nuc: ImagePullBackOff',
	);
	assert.equal(proof('pod-to-pod', 'nuc', 'fra1')?.ok, false);
});

test('a cluster without DNS has no proof of it, and the log says so', async () => {
	const {result, proof, run} = await proofsWith('verify.cluster-dns', () => ({
		address: undefined,
	}));
	assert.equal(result.outcome, 'good');
	assert.equal(proof('dns', 'fra1'), undefined);
	assert.ok(
		run.events.some(
			(event) =>
				event.type === 'log' && event.line.includes('DNS is not proven'),
		),
	);
});

test('a node without metrics fails its verification', async () => {
	const {proof} = await proofsWith('verify.metrics', () => ['fra1']);
	assert.equal(proof('metrics', 'fra1')?.ok, true);
	assert.equal(proof('metrics', 'nuc')?.ok, false);
});
