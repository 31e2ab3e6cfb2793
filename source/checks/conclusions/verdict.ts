import type {Verdict} from '../../facts/measurements.js';

/** Does the verdict show that packets do not arrive? Neither this nor `verdictArrives` holds for what is not known. */
export const isBlocked = (verdict: Verdict): boolean =>
	verdict.kind === 'filtered' ||
	verdict.kind === 'refused' ||
	verdict.kind === 'wrong-host' ||
	(verdict.kind === 'in-use' && verdict.live?.arrives === false);
