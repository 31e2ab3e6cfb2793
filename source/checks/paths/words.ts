import type {Path, Verdict} from '../../facts/measurements.js';
import {portName} from '../../plan/firewall/openings.js';

/** A verdict as the end of a sentence. */
export const describeVerdict = (verdict: Verdict): string => {
	switch (verdict.kind) {
		case 'open': {
			return `open, ${verdict.rttMs.toFixed(1)} ms`;
		}

		case 'reached': {
			return 'arrives';
		}

		case 'refused': {
			return `refused${verdict.by === undefined ? '' : ` by ${verdict.by}`} (${verdict.reason})`;
		}

		case 'filtered': {
			return 'filtered: no answer came';
		}

		case 'wrong-host': {
			return `answered by another machine${verdict.answeredBy === undefined ? '' : ` (${verdict.answeredBy})`}`;
		}

		case 'in-use': {
			return `held by ${verdict.process ?? 'another program'}${verdict.live === undefined ? '' : `: ${verdict.live.evidence}`}`;
		}

		case 'unknown': {
			return `not known: ${verdict.reason}`;
		}
	}
};

/** A path as the beginning of a sentence. */
export const describePath = ({
	from,
	to,
	addressKind,
	address,
	protocol,
	port,
}: Path): string =>
	`${from} → ${to}, ${protocol.toUpperCase()} ${port} (${portName(port, protocol)}) on the ${addressKind} address ${address}`;
