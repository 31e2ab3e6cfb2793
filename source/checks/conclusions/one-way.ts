import {verdictArrives, type Path} from '../../facts/measurements.js';
import {meshOf} from '../../mesh/catalogue.js';
import type {Requirement} from '../../mesh/mesh.js';
import type {CheckContext} from '../rule.js';
import type {OneWayPair} from './conclusions.js';
import {groupBy} from './group-by.js';
import {isBlocked} from './verdict.js';

type Way = Pick<
	Path | Requirement,
	'from' | 'to' | 'addressKind' | 'protocol' | 'port'
>;

const keyOf = ({from, to, addressKind, protocol, port}: Way): string =>
	`${from}>${to}|${addressKind}|${protocol}/${port}`;

const pairOf = ({from, to, addressKind, protocol}: Omit<Way, 'port'>): string =>
	`${from}>${to}|${addressKind}|${protocol}`;

/** The port of the same way back: a mesh may have another one on each node, and then it is the only one each way. */
const returnPorts = (
	requirements: readonly Requirement[],
): ((way: Way) => number | undefined) => {
	const ports = groupBy(requirements, (requirement) => pairOf(requirement));
	return (way) => {
		const forth = ports.get(pairOf(way)) ?? [];
		const back = ports.get(pairOf({...way, from: way.to, to: way.from})) ?? [];
		return (
			back.find(({port}) => port === way.port)?.port ??
			(forth.length === 1 && back.length === 1 ? back[0]!.port : undefined)
		);
	};
};

const known = new WeakMap<CheckContext, (way: Way) => Way | undefined>();

/**
 * Asks whether the cluster needs a way in both directions and only this one is open: what is sent arrives, and the way
 * back is shown to be closed. The answer is the way back.
 */
export const closedWayBack = (
	context: CheckContext,
): ((way: Way) => Way | undefined) => {
	const before = known.get(context);
	if (before !== undefined) {
		return before;
	}

	const requirements = meshOf(context.cluster).requirements(context);
	const wanted = new Set(requirements.map((requirement) => keyOf(requirement)));
	const portBack = returnPorts(requirements);
	const {cells} = context.measurements;
	const open = new Set(
		cells
			.filter(({verdict}) => verdictArrives(verdict))
			.map(({path}) => keyOf(path)),
	);
	const closed = new Set(
		cells
			.filter(({verdict}) => isBlocked(verdict))
			.map(({path}) => keyOf(path)),
	);
	const backOf = (way: Way): Way | undefined => {
		const port = portBack(way);
		if (
			port === undefined ||
			way.from === way.to ||
			!open.has(keyOf(way)) ||
			!wanted.has(keyOf(way))
		) {
			return undefined;
		}

		const back = {...way, from: way.to, to: way.from, port};
		return closed.has(keyOf(back)) ? back : undefined;
	};

	known.set(context, backOf);
	return backOf;
};

/** Pairs that need each other in both directions and have one: from where it is open to where it is shown to be closed. */
export const oneWayPairs = (context: CheckContext): readonly OneWayPair[] => {
	const backOf = closedWayBack(context);
	const found = new Map<string, OneWayPair>();
	for (const {path} of context.measurements.cells) {
		if (backOf(path) !== undefined) {
			const {from, to, addressKind, protocol, port} = path;
			found.set(keyOf(path), {from, to, addressKind, protocol, port});
		}
	}

	return [...found.values()];
};
