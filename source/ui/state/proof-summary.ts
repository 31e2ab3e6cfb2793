import type {Proof, ProofKind} from '../../install/events.js';

/** All proofs of one kind together. */
export type ProofLine = {
	readonly kind: ProofKind;
	readonly title: string;
	/** Those that were seen themselves. */
	readonly good: number;
	readonly total: number;
	/** Those that succeeded by what stood in for them. */
	readonly standIns: readonly Proof[];
	/** Those that did not succeed. */
	readonly failed: readonly Proof[];
	/** What there is to add to the number. */
	readonly note: string | undefined;
};

const titles: ReadonlyArray<readonly [ProofKind, string]> = [
	['node-ready', 'nodes Ready'],
	['handshake', 'WireGuard handshakes'],
	['mesh-ping', 'mesh paths proven'],
	['tailnet', 'nodes in the tailnet'],
	['route', 'pod routes in use'],
	['tailnet-path', 'ways through the tailnet'],
	['pod-to-pod', 'pod-to-pod paths proven'],
	['dns', 'nodes with cluster DNS'],
	['logs', 'nodes with logs'],
	['metrics', 'nodes with metrics'],
];

/** What the proofs that did succeed have to add: what stood in for the real thing, else what all of them say. */
const noteOf = (
	good: readonly Proof[],
	standIns: readonly Proof[],
): string | undefined => {
	const [first] = standIns;
	if (first?.standIn !== undefined) {
		return first.kind === 'handshake'
			? `only pinged: ${first.standIn}`
			: `${standIns.length} by a stand-in: ${first.standIn}`;
	}

	const details = new Set(good.map(({detail}) => detail));
	const [detail] = details;
	return details.size === 1 && detail !== '' ? detail : undefined;
};

/** What verification showed, a line for each kind that was looked at, in the order of the layers. */
export const proofLines = (proofs: readonly Proof[]): readonly ProofLine[] =>
	titles.flatMap(([kind, title]): ProofLine[] => {
		const own = proofs.filter((proof) => proof.kind === kind);
		if (own.length === 0) {
			// Pods were looked at and DNS was not: the cluster has no DNS service to ask.
			return kind === 'dns' &&
				proofs.some((proof) => proof.kind === 'pod-to-pod')
				? [
						{
							kind,
							title,
							good: 0,
							total: 0,
							failed: [],
							standIns: [],
							note: 'not proven: this cluster has no DNS service (kube-dns)',
						},
					]
				: [];
		}

		const standIns = own.filter(({ok, standIn}) => ok && standIn !== undefined);
		const good = own.filter(({ok, standIn}) => ok && standIn === undefined);
		return [
			{
				kind,
				title,
				good: good.length,
				total: own.length,
				failed: own.filter(({ok}) => !ok),
				standIns,
				note: noteOf(good, standIns),
			},
		];
	});

/** The proofs in one sentence: `3 of 3 nodes Ready · 6 of 6 mesh paths proven · …`, without what could not be looked at. */
export const proofSentence = (proofs: readonly Proof[]): string =>
	proofLines(proofs)
		.filter(({good, failed}) => good + failed.length > 0)
		.map(({good, total, title}) => `${good} of ${total} ${title}`)
		.join(' · ');
