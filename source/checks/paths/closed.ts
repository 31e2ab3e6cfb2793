import type {Cell} from '../../facts/measurements.js';
import {portName} from '../../plan/firewall/openings.js';
import {groupBy} from '../conclusions/group-by.js';
import {closedWayBack} from '../conclusions/one-way.js';
import {isBlocked} from '../conclusions/verdict.js';
import {inWords, rule, type CheckContext, type Rule} from '../rule.js';
import {askedCells, keyOf, type Asked} from './look.js';
import {natReason} from './nat-reason.js';
import {openingFixes, openingsOf, runsFirewall} from './opening-fixes.js';
import {describePath, describeVerdict} from './words.js';
import {wrongHostFix} from './wrong-host.js';

const docs = 'K3s docs: Requirements, inbound rules';

/** Closed ways to one port of one address, with one kind of verdict: one thing opens them all. */
const groupsOf = (ways: readonly Asked[]): ReadonlyArray<readonly Asked[]> => [
	...groupBy(ways, ({cell: {path, verdict}}) => {
		const {to, addressKind, address, protocol, port} = path;
		return `${to}|${addressKind} ${address}|${protocol}/${port}|${verdict.kind}`;
	}).values(),
];

/** Ways to one port as the beginning of a sentence. */
const describeGroup = (cells: readonly Cell[]): string =>
	describePath({
		...cells[0]!.path,
		from: inWords(cells.map(({path}) => path.from)),
	});

/** What became of all of them, or of the first where it differs. */
const describeVerdicts = (cells: readonly Cell[]): string => {
	const said = new Set(cells.map(({verdict}) => describeVerdict(verdict)));
	return `${said.size > 1 ? 'the first ' : ''}${[...said][0]!}`;
};

/** What is said of closed ways to one port of one address. */
type Told = {
	readonly cells: readonly Cell[];
	/** The NAT that explains it, as a sentence that ends with a space; empty where none does. */
	readonly nat: string;
	/** What opens them all, or what to look at when another machine has the address. */
	readonly fixes: readonly string[];
};

const tell = (
	context: CheckContext,
	group: readonly Asked[],
	openingsTo: ReturnType<typeof openingsOf>,
): Told => {
	const cells = group.map(({cell}) => cell);
	const {path, verdict} = cells[0]!;
	if (verdict.kind === 'wrong-host') {
		return {cells, nat: '', fixes: [wrongHostFix(context, cells)]};
	}

	const nat = natReason(context, cells);
	const host = context.facts.get(path.to);
	const alone = host !== undefined && !runsFirewall(host);
	return {
		cells,
		nat:
			nat === undefined
				? ''
				: `${nat.sentence}${alone ? ': that explains it without any firewall' : ''}. `,
		fixes: openingFixes(
			context,
			cells.map((cell) => cell.path),
			openingsTo,
			nat,
		),
	};
};

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
		return groupsOf(closedWays(context).blocked).map((group) => {
			const {cells, nat, fixes} = tell(context, group, openingsTo);
			return report(
				'error',
				`${describeGroup(cells)}: ${describeVerdicts(cells)}. ${nat}Needed because ${group[0]!.requirement.why}${group.length > 1 ? '; the same holds for the others' : ''}.`,
				{
					nodes: [...cells.map(({path}) => path.from), cells[0]!.path.to],
					fixes,
				},
			);
		});
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
			const {cells, nat, fixes} = tell(context, group, openingsTo);
			const {to} = cells[0]!.path;
			const from = cells.map(({path}) => path.from);
			return report(
				'warning',
				`${describeGroup(cells)}: ${describeVerdicts(cells)}. ${nat}The other direction is open, so that the mesh comes up from ${to}; until ${to} has sent something after a restart, pods on ${inWords(from)} do not reach it.`,
				{nodes: [to, ...from], fixes},
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
			const {cells, nat, fixes} = tell(context, group, openingsTo);
			const {to, protocol, port, addressKind, address} = cells[0]!.path;
			const from = cells.map(({path}) => path.from);
			const {why} = group[0]!.requirement;
			return report(
				'warning',
				group.length === 1
					? `${describeGroup(cells)}: ${describeVerdicts(cells)}. ${nat}Without it: ${why}.`
					: `${inWords(from)} do not reach ${to} on ${protocol.toUpperCase()} ${port} (${portName(port, protocol)}, ${addressKind} address ${address}: ${describeVerdicts(cells)}). ${nat}${why[0]!.toUpperCase()}${why.slice(1)}.`,
				{nodes: [to, ...from], fixes},
			);
		});
	},
);

/** Rules about paths that are shown to be closed. */
export const closedRules: readonly Rule[] = [blocked, oneWay, recommended];
