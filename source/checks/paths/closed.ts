import type {Cell} from '../../facts/measurements.js';
import {portName} from '../../plan/firewall/openings.js';
import {groupBy} from '../conclusions/group-by.js';
import {closedWayBack} from '../conclusions/one-way.js';
import {isBlocked} from '../conclusions/verdict.js';
import {inWords, rule, type CheckContext, type Rule} from '../rule.js';
import {askedCells, keyOf, type Asked} from './look.js';
import {openingFixes, openingsOf} from './opening-fixes.js';
import {describePath, describeVerdict} from './words.js';
import {wrongHostFix} from './wrong-host.js';

const docs = 'K3s docs: Requirements, inbound rules';

/** What opens ways to one port of one address, or what to look at when another machine has it. */
const fixesOf = (
	context: CheckContext,
	cells: readonly Cell[],
	openingsTo: ReturnType<typeof openingsOf>,
): readonly string[] =>
	cells[0]!.verdict.kind === 'wrong-host'
		? [wrongHostFix(context, cells)]
		: openingFixes(
				context,
				cells.map(({path}) => path),
				openingsTo,
			);

/** Closed ways to one port of one address, with one kind of verdict: one thing opens them all. */
const groupsOf = (ways: readonly Asked[]): ReadonlyArray<readonly Asked[]> => [
	...groupBy(ways, ({cell: {path, verdict}}) => {
		const {to, addressKind, address, protocol, port} = path;
		return `${to}|${addressKind} ${address}|${protocol}/${port}|${verdict.kind}`;
	}).values(),
];

/** Ways to one port as the beginning of a sentence. */
const describeGroup = (group: readonly Asked[]): string =>
	describePath({
		...group[0]!.cell.path,
		from: inWords(group.map(({cell}) => cell.path.from)),
	});

/**
 * Required ways between two nodes that are shown to be closed, and those of them whose other direction is open. Where
 * another machine answers, the mesh would send to that one: no way back mends this.
 */
const closedWays = (context: CheckContext) => {
	const backOf = closedWayBack(context);
	const oneWay = new Set(
		context.measurements.cells.flatMap(({path}) => {
			const back = path.protocol === 'udp' ? backOf(path) : undefined;
			return back === undefined ? [] : [keyOf(back)];
		}),
	);
	const closed = askedCells(context).filter(
		({cell, requirement}) =>
			requirement.severity === 'required' &&
			cell.path.from !== cell.path.to &&
			isBlocked(cell.verdict),
	);
	const isOneWay = ({cell: {path, verdict}}: Asked): boolean =>
		verdict.kind !== 'wrong-host' && oneWay.has(keyOf(path));
	return {
		oneWay: closed.filter((asked) => isOneWay(asked)),
		blocked: closed.filter((asked) => !isOneWay(asked)),
	};
};

const blocked = rule(
	{
		id: 'path.blocked',
		severity: 'error',
		sentence: 'Every path that the cluster needs is open.',
		source: docs,
	},
	(context, report) => {
		const openingsTo = openingsOf(context);
		return closedWays(context).blocked.map(({cell, requirement}) =>
			report(
				'error',
				`${describePath(cell.path)}: ${describeVerdict(cell.verdict)}. Needed because ${requirement.why}.`,
				{
					nodes: [cell.path.from, cell.path.to],
					fixes: fixesOf(context, [cell], openingsTo),
				},
			),
		);
	},
);

const oneWay = rule(
	{
		id: 'path.one-way',
		severity: 'warning',
		sentence: 'The mesh is open in both directions between all nodes.',
		source: 'WireGuard: Quick start, NAT and firewall traversal persistence',
	},
	(context, report) => {
		const openingsTo = openingsOf(context);
		return groupsOf(closedWays(context).oneWay).map((group) => {
			const [first] = group;
			const {path, verdict} = first!.cell;
			const from = group.map(({cell}) => cell.path.from);
			return report(
				'warning',
				`${describeGroup(group)}: ${group.length > 1 ? 'the first ' : ''}${describeVerdict(verdict)}. The other direction is open, so that the mesh comes up from ${path.to}; until ${path.to} has sent something after a restart, pods on ${inWords(from)} do not reach it.`,
				{
					nodes: [path.to, ...from],
					fixes: fixesOf(
						context,
						group.map(({cell}) => cell),
						openingsTo,
					),
				},
			);
		});
	},
);

const recommended = rule(
	{
		id: 'path.recommended',
		severity: 'warning',
		sentence: 'Paths that parts of the cluster profit from are open.',
		source: docs,
	},
	(context, report) => {
		const openingsTo = openingsOf(context);
		const closed = askedCells(context).filter(
			({cell, requirement}) =>
				requirement.severity === 'recommended' && isBlocked(cell.verdict),
		);
		return groupsOf(closed).map((group) => {
			const {path, verdict} = group[0]!.cell;
			const from = group.map(({cell}) => cell.path.from);
			return report(
				'warning',
				group.length === 1
					? `${describePath(path)}: ${describeVerdict(verdict)}. Without it: ${group[0]!.requirement.why}.`
					: `${inWords(from)} do not reach ${path.to} on ${path.protocol.toUpperCase()} ${path.port} (${portName(path.port, path.protocol)}, ${path.addressKind} address ${path.address}; the first: ${describeVerdict(verdict)}). ${group[0]!.requirement.why[0]!.toUpperCase()}${group[0]!.requirement.why.slice(1)}.`,
				{
					nodes: [path.to, ...from],
					fixes: fixesOf(
						context,
						group.map(({cell}) => cell),
						openingsTo,
					),
				},
			);
		});
	},
);

/** Rules about paths that are shown to be closed. */
export const closedRules: readonly Rule[] = [blocked, oneWay, recommended];
