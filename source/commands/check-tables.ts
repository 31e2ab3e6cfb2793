import type {AddressKind} from '../mesh/mesh.js';
import {count, formatMs} from '../ui/format.js';
import {
	kindTitles,
	wayOf,
	type ChecksView,
	type GradedLatency,
} from '../ui/state/checks-view.js';
import {nodeBadness, pairWeight} from '../ui/state/checks-worst.js';
import {latencyState} from '../ui/state/evidence.js';
import {matrixOrder, type MatrixOrder} from '../ui/state/matrix-order.js';
import {pairKey, type CellState} from '../ui/state/matrix.js';

/** The signs of the screens. */
export const stateGlyphs: Readonly<Record<CellState, string>> = {
	good: '●',
	warning: '▲',
	bad: '✖',
	waiting: '◌',
	none: '–',
};

/** With more nodes than this, a table shows the worst only. */
const tableNodes = 16;
/** Columns have their names while a table is not wider than this. */
const tableWidth = 100;

/** From every node (rows) to every node (columns). */
const table = (
	order: MatrixOrder,
	cellOf: (from: string, to: string) => string,
): readonly string[] => {
	const {rows, columns} = order;
	const widest = (texts: readonly string[]) =>
		Math.max(0, ...texts.map((text) => text.length));
	const cells = rows.map(({name: from}) =>
		columns.map(({name: to}) => cellOf(from, to)),
	);
	const nameWidth = widest(rows.map(({name}) => name));
	const cellWidth = widest(cells.flat());
	const namedWidth =
		Math.max(cellWidth, widest(columns.map(({name}) => name))) + 2;
	const areNamed = nameWidth + 4 + namedWidth * columns.length <= tableWidth;
	const numberWidth = widest(rows.map(({number}) => String(number ?? '')));
	const width = areNamed ? namedWidth : Math.max(cellWidth, numberWidth) + 1;
	const head = (name: string, number: number | undefined) =>
		areNamed ? name : `${String(number ?? '').padStart(numberWidth)} ${name}`;
	const gutter = widest(rows.map(({name, number}) => head(name, number))) + 2;
	return [
		' '.repeat(gutter) +
			columns
				.map(({name, number}) =>
					(areNamed ? name : String(number)).padEnd(width),
				)
				.join(''),
		...rows.map(
			({name, number}, row) =>
				head(name, number).padEnd(gutter) +
				cells[row]!.map((cell) => cell.padEnd(width)).join(''),
		),
	].map((line) => `  ${line}`.trimEnd());
};

/** The whole matrix in the file's order, or the nodes with trouble, the worst first. */
const shownOrder = (
	view: ChecksView,
	tab: 'ports' | 'latency',
	kind: AddressKind,
): MatrixOrder => {
	const all = {
		names: view.names,
		senders: tab === 'ports' && kind === 'external' ? view.senders : [],
		filter: '',
	};
	if (view.names.length <= tableNodes) {
		return matrixOrder({...all, sites: view.conclusions.sites});
	}

	const badness = nodeBadness(view, tab, kind);
	const {rows, columns} = matrixOrder({...all, sites: [], badness});
	const isShown = ({name}: {readonly name: string}) => badness(name) >= 1;
	return {
		rows: rows.filter((entry) => isShown(entry)).slice(0, tableNodes),
		columns: columns.filter((entry) => isShown(entry)).slice(0, tableNodes),
	};
};

/** What a table of many nodes does not show. */
const leftOut = (view: ChecksView, order: MatrixOrder): readonly string[] => {
	const left = view.names.length - order.columns.length;
	return left > 0
		? [`  ${count(left, 'more node')} in no or less trouble: --json has all.`]
		: [];
};

const portTable = (view: ChecksView, kind: AddressKind): readonly string[] => {
	const pairs = view.pairs.get(kind);
	if (pairs === undefined) {
		return [];
	}

	const order = shownOrder(view, 'ports', kind);
	const cellOf = (from: string, to: string): string => {
		const pair = pairs.get(pairKey(from, to));
		if (pair === undefined) {
			return from === to ? '·' : stateGlyphs.none;
		}

		return `${stateGlyphs[pair.state]}${pair.blocked > 1 ? pair.blocked : ''}`;
	};

	return [
		'',
		`Ports on ${kindTitles[kind]}, from rows to columns`,
		...(order.columns.length === 0
			? [`  ${stateGlyphs.good} No pair is in trouble.`]
			: table(order, cellOf)),
		...leftOut(view, order),
	];
};

const latencyTable = (
	view: ChecksView,
	kind: AddressKind,
): readonly string[] => {
	const graded = view.latencies.get(kind);
	if (graded === undefined) {
		return [];
	}

	const isRelayed = ({latency}: GradedLatency): boolean =>
		wayOf(view, latency)?.kind === 'relayed';
	const title = `Latency on ${kindTitles[kind]}, median in ms${[...graded.values()].some((one) => isRelayed(one)) ? ' (r: by a relay)' : ''}`;
	const figure = (key: string): string => {
		const one = graded.get(key)!;
		const state = latencyState(one);
		return [
			formatMs(one.latency.medianMs),
			...(state === 'good' ? [] : [stateGlyphs[state]]),
			...(isRelayed(one) ? ['r'] : []),
		].join(' ');
	};

	if (view.names.length > tableNodes) {
		const slowest = [...graded.keys()]
			.toSorted(
				(one, other) =>
					pairWeight(view, 'latency', kind, other) -
					pairWeight(view, 'latency', kind, one),
			)
			.slice(0, tableNodes);
		return [
			'',
			`${title}: the slowest ${slowest.length} of ${graded.size} pairs`,
			...slowest.map((key) => {
				const {latency, reason} = graded.get(key)!;
				return `  ${latency.from} → ${latency.to}  ${figure(key)}  ${reason}`;
			}),
		];
	}

	return [
		'',
		title,
		...table(shownOrder(view, 'latency', kind), (from, to) => {
			const key = pairKey(from, to);
			return from === to ? '·' : graded.has(key) ? figure(key) : '–';
		}),
	];
};

/** The matrix as text: a table for the ports of each address kind, and one for its round trips. */
export const matrixTables = (view: ChecksView): readonly string[] => [
	...view.kinds.flatMap((kind) => portTable(view, kind)),
	...view.kinds.flatMap((kind) => latencyTable(view, kind)),
];
