import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ScriptFailed} from '../../source/host/errors.js';
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
	waitLimitMs = 20,
) => {
	const fake = answering(makeFakeCluster(names), script, answer);
	const run = startFakeRun(fake, {waitLimitMs});
	const result = await run.engine.run();
	return {
		result,
		run,
		fake,
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

test('pods with addresses of two families are proven in both', async () => {
	const pod = (name: string, node: string, last: number) => ({
		name,
		node,
		address: `10.42.${last}.9`,
		furtherAddresses: [`fd00:42:0:${last}::9`],
		running: true,
		reason: undefined,
	});
	const pods = [pod('a', 'fra1', 0), pod('b', 'nuc', 1)];
	for (const [silent, ok, detail] of [
		[
			undefined,
			true,
			'10.42.0.9 reaches 10.42.1.9 in 2.0 ms; fd00:42:0:0::9 reaches fd00:42:0:1::9 in 2.0 ms',
		],
		['fd00:42:0:1::9', false, 'fd00:42:0:0::9 does not reach fd00:42:0:1::9'],
	] as const) {
		const fake = answering(
			answering(makeFakeCluster(names), 'verify.pods-list', () => pods),
			'verify.pod-network',
			(node) => ({
				problem: undefined,
				dns: {ok: true, detail: ''},
				pings: pods
					.filter((one) => one.node !== node)
					.flatMap(({address, furtherAddresses}) => [
						address,
						...furtherAddresses,
					])
					.map((address) => ({
						address,
						ok: address !== silent,
						rttMs: 2,
						problem: undefined,
					})),
			}),
		);
		const {proofs} = await startFakeRun(fake, {waitLimitMs: 20}).engine.run();
		const shown = proofs.find(
			({kind, from}) => kind === 'pod-to-pod' && from === 'fra1',
		);
		assert.equal(shown?.ok, ok);
		assert.equal(shown?.detail, detail);
	}
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

const imageMissing = (onNode: string) => () => [
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
		reason: 'Back-off pulling image "pause"',
		...(onNode === 'nuc' && {imageProblem: 'ImagePullBackOff'}),
	},
];

test('where no image can be had, a network namespace plays the pod, and every proof that stands on it says so', async () => {
	// It does not wait for the images until the end of the time.
	const {result, proof, run, fake} = await proofsWith(
		'verify.pods-list',
		imageMissing('nuc'),
		3_600_000,
	);
	assert.equal(result.outcome, 'good');
	const played = 'network namespaces play the pods of nuc (ImagePullBackOff)';
	for (const [from, to] of [
		['fra1', 'nuc'],
		['nuc', 'fra1'],
	] as const) {
		assert.equal(proof('pod-to-pod', from, to)?.ok, true);
		assert.equal(proof('pod-to-pod', from, to)?.standIn, played);
	}

	assert.match(
		proof('pod-to-pod', 'fra1', 'nuc')!.detail,
		/reaches 10\.42\.9\.254 in .* ms; network namespaces play/,
	);
	assert.equal(proof('dns', 'nuc')?.standIn, played);
	assert.equal(proof('dns', 'fra1')?.standIn, undefined);
	assert.match(
		proof('logs', 'nuc')?.standIn ?? '',
		/its kubelet was asked instead/,
	);
	assert.ok(
		run.events.some(
			(event) =>
				event.type === 'log' &&
				event.node === 'nuc' &&
				event.line.includes('Back-off pulling image'),
		),
	);
	const {calls} = fake.machines.get('nuc')!;
	assert.ok(
		calls.lastIndexOf('verify.stand-in-down') >
			calls.lastIndexOf('verify.pod-network'),
	);
	assert.ok(!fake.machines.get('fra1')!.calls.includes('verify.stand-in-up'));
});

test('a pod that waits for something else than its image is not played', async () => {
	const {result, proof, fake} = await proofsWith(
		'verify.pods-list',
		imageMissing('none'),
	);
	assert.equal(result.outcome, 'failed');
	assert.equal(proof('pod-to-pod', 'nuc', 'fra1')?.standIn, undefined);
	assert.ok(!fake.machines.get('nuc')!.calls.includes('verify.stand-in-up'));
});

test('a node on which nothing can play the pod says why, and the others go on', async () => {
	const fake = answering(
		answering(makeFakeCluster(names), 'verify.pods-list', imageMissing('nuc')),
		'verify.stand-in-up',
		() => ({problem: 'there is no cni0'}),
	);
	// Nothing of it can change any more, so it is not waited for.
	const run = startFakeRun(fake, {waitLimitMs: 3_600_000});
	const {proofs, failures} = await run.engine.run();
	const expected =
		'no pod runs on nuc: Back-off pulling image "pause"; and nothing can play it: there is no cni0';
	assert.deepEqual(
		proofs
			.filter(({kind, to}) => kind === 'pod-to-pod' && to === 'nuc')
			.map(({ok, detail}) => [ok, detail]),
		[[false, expected]],
	);
	assert.deepEqual(failures.map(({node}) => node).toSorted(), ['fra1', 'nuc']);
	for (const {tryNext} of failures) {
		assert.equal(tryNext?.length, 1);
		assert.match(tryNext[0]!, /open the way to its registry/);
	}
});

const apiIsAway = (script: string) =>
	new ScriptFailed('fra1', script, {
		code: 1,
		lastLines: ['The connection to the server was refused'],
	});

test('an API that is away for a moment is asked again', async () => {
	for (const script of [
		'verify.pods-up',
		'verify.pods-list',
		'k3s.nodes',
		'verify.logs',
	]) {
		const fake = makeFakeCluster(names);
		let times = 0;
		fake.before = (_node, asked) => {
			if (asked === script) {
				times += 1;
				if (times <= 2) {
					throw apiIsAway(script);
				}
			}
		};

		const run = startFakeRun(fake);
		const {outcome} = await run.engine.run();
		assert.equal(outcome, 'good', script);
	}
});

test('an API that stays away fails the proofs with its own words', async () => {
	const fake = makeFakeCluster(names);
	fake.before = (_node, asked) => {
		if (asked === 'verify.pods-up') {
			throw apiIsAway(asked);
		}
	};

	const {failures} = await startFakeRun(fake, {waitLimitMs: 20}).engine.run();
	assert.deepEqual(
		failures.map(({message}) => message),
		[
			'The connection to the server was refused',
			'The connection to the server was refused',
		],
	);
});

test('proofs that are missing because K3s of the node does not run say why it does not', async () => {
	const fake = makeFakeCluster(names);
	fake.before = (node, script, options) => {
		if (script === 'verify.ping') {
			fake.machines.get('nuc')!.active = false;
		}

		if (node === 'nuc' && script === 'k3s.recent-journal') {
			for (const line of [
				'the last words',
				'k3s-agent.service: Scheduled restart job, restart counter is at 1.',
				'k3s-agent.service: Scheduled restart job, restart counter is at 2.',
			]) {
				options.onLine?.(line);
			}
		}
	};

	const silent = answering(fake, 'verify.ping', () => []);
	const {failures} = await startFakeRun(silent, {waitLimitMs: 20}).engine.run();
	const messageOf = (name: string) =>
		failures.find(({node}) => node === name)!.message;
	assert.match(
		messageOf('nuc'),
		/^K3s ends right after each start, and says last: the last words; .*missing: mesh-ping nuc → fra1/,
	);
	assert.match(messageOf('fra1'), /^(?:one|\d+) proofs? (?:is|are) missing/);
});
