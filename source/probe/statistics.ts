import type {Latency} from '../facts/measurements.js';

/** The value below which this share (0 to 1) of the sorted values lies, by nearest rank. */
const quantile = (sorted: readonly number[], share: number): number =>
	sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

/** Sums up round trips in ms; `undefined` when none came back. */
export const summarizeRtts = (
	rtts: readonly number[],
	sent: number,
):
	| Pick<
			Latency,
			'minMs' | 'medianMs' | 'p95Ms' | 'jitterMs' | 'loss' | 'samples'
	  >
	| undefined => {
	if (rtts.length === 0) {
		return undefined;
	}

	const sorted = rtts.toSorted((one, other) => one - other);
	const differences = rtts
		.slice(1)
		.map((rtt, index) => Math.abs(rtt - rtts[index]!));
	const samples = Math.max(sent, rtts.length);
	return {
		minMs: sorted[0]!,
		medianMs: quantile(sorted, 0.5),
		p95Ms: quantile(sorted, 0.95),
		jitterMs:
			differences.reduce((sum, one) => sum + one, 0) /
			Math.max(1, differences.length),
		loss: 1 - rtts.length / samples,
		samples,
	};
};
