import type {AddressKind} from '../../mesh/mesh.js';
import {
	gradeRank,
	isSmallMtu,
	type ChecksTab,
	type ChecksView,
	type MatrixTab,
} from './checks-view.js';
import {pairKey} from './matrix.js';

/** How much a pair needs attention: from 1 on it is in trouble, below it only sorts. */
export const pairWeight = (
	view: ChecksView,
	tab: ChecksTab,
	kind: AddressKind,
	key: string,
): number => {
	switch (tab) {
		case 'latency': {
			const graded = view.latencies.get(kind)?.get(key);
			return graded === undefined
				? 0
				: graded.grade === 'good'
					? graded.latency.medianMs / 1_000_000
					: gradeRank(graded.grade) * 10_000 + graded.latency.medianMs;
		}

		case 'mtu': {
			const mtu = view.mtus.get(kind)?.get(key);
			return mtu === undefined
				? 0
				: isSmallMtu(mtu)
					? 10_000 - mtu.bytes
					: 1 / (1 + mtu.bytes);
		}

		case 'ports':
		case 'hosts':
		case 'findings': {
			const pair = view.pairs.get(kind)?.get(key);
			return pair?.state === 'bad'
				? 1000 + pair.blocked
				: pair?.state === 'warning'
					? 1
					: 0;
		}
	}
};

/** The pairs that need attention, the worst first; without any, the worst of the good ones. */
export const worstPairs = (
	view: ChecksView,
	tab: MatrixTab,
	kind: AddressKind,
): ReadonlyArray<{readonly from: string; readonly to: string}> => {
	const all = [...view.names, ...view.senders].flatMap((from) =>
		view.names.map((to) => ({
			from,
			to,
			weight: pairWeight(view, tab, kind, pairKey(from, to)),
		})),
	);
	const weighty = all
		.filter(({weight}) => weight > 0)
		.toSorted((one, other) => other.weight - one.weight);
	const troubled = weighty.filter(({weight}) => weight >= 1);
	return troubled.length > 0 ? troubled : weighty.slice(0, 1);
};

/** How much each node needs attention: all its pairs together, in both directions. */
export const nodeBadness = (
	view: ChecksView,
	tab: ChecksTab,
	kind: AddressKind,
): ((name: string) => number) => {
	const sums = new Map<string, number>();
	for (const from of [...view.names, ...view.senders]) {
		for (const to of view.names) {
			const weight = pairWeight(view, tab, kind, pairKey(from, to));
			sums.set(from, (sums.get(from) ?? 0) + weight);
			sums.set(to, (sums.get(to) ?? 0) + weight);
		}
	}

	return (name) => sums.get(name) ?? 0;
};
