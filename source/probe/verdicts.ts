import {
	addressFamily,
	addressScope,
	isAddress,
	sameAddress,
} from '../cluster/addresses.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Cell, Path, Verdict} from '../facts/measurements.js';
import type {Listening, Outcome, Report} from './messages.js';

/** What stands in the way of an answer at the target of a path, as its own agent found it. */
export type Obstacle =
	/** Another program holds the port. */
	| {readonly kind: 'in-use'; readonly process: string | undefined}
	/** The agent could not listen there. */
	| {readonly kind: 'not-listening'; readonly reason: string};

/** The cell of a path that was not tried, or whose result can not be trusted. */
export const unknownCell = (path: Path, reason: string): Cell => ({
	path,
	verdict: {kind: 'unknown', reason},
	sent: 0,
	answered: 0,
	observedSource: undefined,
});

/** Which refusal of a port concerns an address. */
const refusalAt = (
	address: string,
	samePort: Listening['refused'],
	facts: HostFacts,
): Listening['refused'][number] | undefined => {
	const known = facts.addresses.map((one) => one.address);
	if (known.some((one) => sameAddress(one, address))) {
		return samePort.find((one) => sameAddress(one.address, address));
	}

	// It is translated to one of the others: a port that is held is held on all, but one address may fail alone.
	const candidate = (one: string) =>
		addressScope(one) !== 'loopback' &&
		(!isAddress(address) || addressFamily(one) === addressFamily(address));
	const refused = samePort.filter((one) => candidate(one.address));
	const listens = known.some(
		(one) =>
			candidate(one) &&
			addressScope(one) !== 'link-local' &&
			refused.every((other) => !sameAddress(other.address, one)),
	);
	return (
		refused.find(({problem}) => problem === 'in use') ??
		(listens ? undefined : refused[0])
	);
};

/** Looks up what the target's agent could not bind. An address that is not on the machine arrives on one of its others (NAT). */
export const obstacleAt = (
	path: Path,
	listening: Listening,
	facts: HostFacts,
): Obstacle | undefined => {
	const samePort = listening.refused.filter(
		({protocol, port}) => protocol === path.protocol && port === path.port,
	);
	if (samePort.length === 0) {
		return undefined;
	}

	const refused = refusalAt(path.address, samePort, facts);
	if (refused === undefined) {
		return undefined;
	}

	if (refused.problem !== 'in use') {
		return {
			kind: 'not-listening',
			reason: `the probe on ${path.to} could not listen on ${path.protocol} ${path.port}: ${refused.problem}`,
		};
	}

	return {
		kind: 'in-use',
		process: facts.listening.find(
			({protocol, port}) => protocol === path.protocol && port === path.port,
		)?.process,
	};
};

const verdictOf = (
	path: Path,
	outcome: Outcome,
	obstacle: Obstacle | undefined,
): Verdict => {
	switch (outcome.result) {
		case 'answered': {
			return outcome.node === path.to
				? {kind: 'open', rttMs: outcome.rtt}
				: {kind: 'wrong-host', answeredBy: outcome.node};
		}

		case 'connected': {
			return obstacle?.kind === 'in-use'
				? {kind: 'in-use', process: obstacle.process}
				: {
						kind: 'unknown',
						reason: `somebody took the connection to ${path.protocol} ${path.port} of ${path.to} and said nothing: it may be ${path.to}, slow or with a program that has just begun to listen, or another machine`,
					};
		}

		case 'stranger': {
			return {kind: 'wrong-host', answeredBy: undefined};
		}

		case 'refused': {
			return {
				kind: 'refused',
				by: outcome.by ?? undefined,
				reason: outcome.reason,
			};
		}

		// A burst that nothing counted.
		case 'sent':
		case 'silent': {
			return {kind: 'filtered'};
		}

		case 'failed': {
			return {
				kind: 'unknown',
				reason: `${path.from} could not try: ${outcome.reason}`,
			};
		}

		default: {
			return {
				kind: 'unknown',
				reason: `the probe on ${path.from} gave an answer to something else`,
			};
		}
	}
};

/** The cell that an agent's report on a path means. */
export const cellOf = (
	path: Path,
	report: Report,
	obstacle: Obstacle | undefined,
): Cell => {
	const answered =
		report.result === 'answered' || report.result === 'connected' ? 1 : 0;
	return {
		path,
		verdict: verdictOf(path, report, obstacle),
		sent: Math.max(report.sent, answered),
		answered,
		observedSource: report.result === 'answered' ? report.source : undefined,
	};
};

/** Has somebody taken the connection who then said nothing, so that it is not known who it was? */
export const isMute = ({verdict, answered}: Cell): boolean =>
	verdict.kind === 'unknown' && answered > 0;

/** Does the verdict depend on the target's agent having been alive? Without it, "refused" and "silent" say nothing about the way. */
export const needsListener = (cell: Cell): boolean => {
	const {verdict} = cell;
	return (
		verdict.kind === 'refused' ||
		verdict.kind === 'filtered' ||
		isMute(cell) ||
		(verdict.kind === 'wrong-host' && verdict.answeredBy === undefined)
	);
};
