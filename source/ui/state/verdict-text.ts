import type {Cell} from '../../facts/measurements.js';

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

/** What a verdict means, in a few words, and what shows it: what was sent, what came back, and from whom. */
export const verdictText = (
	cell: Cell,
): {readonly verdict: string; readonly evidence: string} => {
	const {verdict, sent, answered, observedSource} = cell;
	const exchange = `${sent} sent, ${answered} answered`;
	const seenFrom =
		observedSource === undefined ? '' : ` · seen from ${observedSource}`;
	switch (verdict.kind) {
		case 'open': {
			return {
				verdict: 'open',
				evidence: `${ms(verdict.rttMs)}${answered < sent ? ` · ${exchange}` : ''}${seenFrom}`,
			};
		}

		case 'reached': {
			return {
				verdict: 'reached',
				evidence: `arrival seen on the far side, no answer asked for${seenFrom}`,
			};
		}

		case 'refused': {
			return {
				verdict: 'refused',
				evidence:
					verdict.by === undefined
						? `${verdict.reason} · ${exchange}`
						: `by ${verdict.by} (${verdict.reason}) · ${exchange}`,
			};
		}

		case 'filtered': {
			return {
				verdict: 'filtered',
				evidence: `${exchange}, no ICMP${observedSource === undefined ? '' : ` · arrived from ${observedSource}`}`,
			};
		}

		case 'wrong-host': {
			return {
				verdict: 'wrong host',
				evidence:
					verdict.answeredBy === undefined
						? 'another machine answered'
						: `${verdict.answeredBy} answered`,
			};
		}

		case 'in-use': {
			const holder =
				verdict.process === undefined
					? 'another program holds the port'
					: `${verdict.process} holds the port`;
			return {
				verdict: 'in use',
				evidence:
					verdict.live === undefined
						? holder
						: `${verdict.live.evidence} · ${holder}`,
			};
		}

		case 'unknown': {
			return {verdict: 'unknown', evidence: verdict.reason};
		}
	}
};
