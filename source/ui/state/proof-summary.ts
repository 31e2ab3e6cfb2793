import type {Proof, ProofKind} from '../../install/events.js';

/** All proofs of one kind together. */
export type ProofLine = {
	readonly kind: ProofKind;
	readonly title: string;
	readonly good: number;
	readonly total: number;
	/** Those that did not succeed. */
	readonly failed: readonly Proof[];
	/** What proofs that did succeed have to add, without repeats: what stood in for the real thing. */
	readonly notes: readonly string[];
};

const titles: ReadonlyArray<readonly [ProofKind, string]> = [
	['node-ready', 'nodes Ready'],
	['handshake', 'WireGuard handshakes'],
	['mesh-ping', 'mesh paths proven'],
	['pod-to-pod', 'pod-to-pod paths proven'],
	['dns', 'nodes with cluster DNS'],
	['logs', 'nodes with logs'],
	['metrics', 'nodes with metrics'],
];

/** What verification showed, a line for each kind that was looked at, in the order of the layers. */
export const proofLines = (proofs: readonly Proof[]): readonly ProofLine[] =>
	titles.flatMap(([kind, title]): ProofLine[] => {
		const own = proofs.filter((proof) => proof.kind === kind);
		if (own.length === 0) {
			return [];
		}

		const notes = own
			.filter(({ok}) => ok)
			.map(({detail}) => detail)
			.filter((detail) => detail !== '');
		return [
			{
				kind,
				title,
				good: own.filter(({ok}) => ok).length,
				total: own.length,
				failed: own.filter(({ok}) => !ok),
				notes: [...new Set(notes)],
			},
		];
	});

/** The proofs in one sentence: `3 of 3 nodes Ready · 6 of 6 mesh paths proven · …`. */
export const proofSentence = (proofs: readonly Proof[]): string =>
	proofLines(proofs)
		.map(({good, total, title}) => `${good} of ${total} ${title}`)
		.join(' · ');
