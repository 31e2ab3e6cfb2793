import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import type {Proof} from '../../source/install/events.js';
import {
	proofLines,
	proofSentence,
} from '../../source/ui/state/proof-summary.js';

const ping = (from: string, to: string): Proof => ({
	kind: 'mesh-ping',
	from,
	to,
	ok: true,
	detail: `${to} answers`,
});
const handshake = (from: string, to: string, standIn?: string): Proof => ({
	kind: 'handshake',
	from,
	to,
	ok: true,
	detail: standIn === undefined ? '3 seconds ago' : 'mesh proven by ping only',
	...(standIn !== undefined && {standIn}),
});

describe('the summary of the proofs', () => {
	it('counts what was seen, and says of the rest what stood in for it', () => {
		const reason = 'wg is not installed on a';
		const [line] = proofLines([
			handshake('a', 'b', reason),
			handshake('b', 'a'),
		]);
		assert.equal(line?.good, 1);
		assert.equal(line.total, 2);
		assert.deepEqual(line.failed, []);
		assert.match(line.note ?? '', /^only pinged: wg is not installed on a$/);
	});

	it('says of pods that something else played them', () => {
		const standIn = 'network namespaces play the pods of b (ErrImagePull)';
		const path = {kind: 'pod-to-pod', ok: true, detail: 'reached'} as const;
		const [line] = proofLines([
			{...path, from: 'a', to: 'b', standIn},
			{...path, from: 'b', to: 'a', standIn},
			{...path, from: 'a', to: 'c'},
		]);
		assert.deepEqual([line?.good, line?.total], [1, 3]);
		assert.equal(line?.note, `2 by a stand-in: ${standIn}`);
	});

	it('does not boast of what nobody could see', () => {
		const proofs = [
			ping('a', 'b'),
			ping('b', 'a'),
			handshake('a', 'b', 'no wg on a'),
			handshake('b', 'a', 'no wg on b'),
		];
		assert.equal(proofSentence(proofs), '2 of 2 mesh paths proven');
	});

	it('names a failure in both', () => {
		const proofs = [{...handshake('a', 'b'), ok: false, detail: 'none yet'}];
		assert.equal(proofLines(proofs)[0]?.failed.length, 1);
		assert.equal(proofSentence(proofs), '0 of 1 WireGuard handshakes');
	});

	it('adds what all proofs of a kind say, and nothing when they differ', () => {
		assert.equal(
			proofLines([handshake('a', 'b'), handshake('b', 'a')])[0]?.note,
			'3 seconds ago',
		);
		assert.equal(
			proofLines([ping('a', 'b'), ping('b', 'a')])[0]?.note,
			undefined,
		);
	});

	it('says that DNS was not proven where pods were and the cluster has none', () => {
		const pods: Proof = {...ping('a', 'b'), kind: 'pod-to-pod'};
		const dns = proofLines([pods]).find(({kind}) => kind === 'dns');
		assert.match(dns?.note ?? '', /not proven/);
		assert.equal(proofSentence([pods]), '1 of 1 pod-to-pod paths proven');
		assert.deepEqual(
			proofLines([ping('a', 'b')]).filter(({kind}) => kind === 'dns'),
			[],
		);
	});
});
