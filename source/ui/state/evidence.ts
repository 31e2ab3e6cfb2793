import {controller, type PathMtu, type Path} from '../../facts/measurements.js';
import {wayText} from '../../facts/tailnet-measures.js';
import type {AddressKind} from '../../mesh/mesh.js';
import {formatMs} from '../format.js';
import {
	isSmallMtu,
	kindTitles,
	wayOf,
	type ChecksView,
	type GradedLatency,
	type MatrixTab,
} from './checks-view.js';
import {pairKey, urgency, type CellState, type JudgedCell} from './matrix.js';
import {verdictText} from './verdict-text.js';

/** A line of evidence and what it means. */
export type EvidenceLine = {
	/** `undefined` for a line that only tells. */
	readonly state: CellState | undefined;
	readonly text: string;
};

const note = (text: string): EvidenceLine => ({state: undefined, text});

const needText = (view: ChecksView, path: Path): string => {
	const requirement = view.requirementOf(path);
	if (requirement !== undefined) {
		return `${requirement.severity}: ${requirement.why}`;
	}

	if (path.from === controller) {
		return 'kubectl on this machine goes this way';
	}

	return path.addressKind === 'internal'
		? 'not expected: nothing needs this path'
		: 'nothing needs this path now';
};

const cellLine = ({cell, state}: JudgedCell): EvidenceLine => {
	const {verdict, evidence} = verdictText(cell);
	const {address, protocol, port} = cell.path;
	return {
		state,
		text: `${address.padEnd(15)}  ${protocol} ${String(port).padStart(5)}  ${verdict.padEnd(10)}  ${evidence}`,
	};
};

const portLines = (
	view: ChecksView,
	kind: AddressKind,
	from: string,
	to: string,
): readonly JudgedCell[] =>
	(view.pairs.get(kind)?.get(pairKey(from, to))?.cells ?? []).toSorted(
		(one, other) => urgency[other.state] - urgency[one.state],
	);

const gradeStates = {good: 'good', fair: 'warning', poor: 'bad'} as const;

/** How a round trip looks: the same signs as everywhere. */
export const latencyState = ({grade}: GradedLatency): CellState =>
	gradeStates[grade];

/** Which way Tailscale takes, where the address is one in a tailnet. */
const wayLines = (
	view: ChecksView,
	path: {readonly from: string; readonly to: string; readonly address: string},
): readonly EvidenceLine[] => {
	const way = wayOf(view, path);
	return way === undefined ? [] : [note(`  in the tailnet: ${wayText(way)}`)];
};

const latencyLines = (
	view: ChecksView,
	graded: GradedLatency,
): readonly EvidenceLine[] => {
	const {latency, reason} = graded;
	return [
		{
			state: latencyState(graded),
			text: `${latency.address}  median ${formatMs(latency.medianMs)} ms  min ${formatMs(latency.minMs)}  p95 ${formatMs(latency.p95Ms)}  jitter ${formatMs(latency.jitterMs)}  loss ${Math.round(latency.loss * 100)} % of ${latency.samples}`,
		},
		note(`  ${reason}`),
		...wayLines(view, latency),
	];
};

const mtuLines = (
	view: ChecksView,
	pathMtu: PathMtu,
): readonly EvidenceLine[] => {
	const mesh = view.conclusions.meshMtu.get(pathMtu.from);
	return [
		{
			state: isSmallMtu(pathMtu) ? 'warning' : 'good',
			text: `${pathMtu.address}  packets of up to ${pathMtu.bytes} bytes pass`,
		},
		...(mesh === undefined
			? []
			: [
					note(
						`  the mesh interface of ${pathMtu.from} gets an MTU of ${mesh}`,
					),
				]),
	];
};

/** What was measured from one node to another, for the part of the screen below the matrix. */
export const pairEvidence = (
	view: ChecksView,
	tab: MatrixTab,
	kind: AddressKind,
	pair: {readonly from: string; readonly to: string},
	isRunning: boolean,
): readonly EvidenceLine[] => {
	const {from, to} = pair;
	const key = pairKey(from, to);
	const nothing = [note(isRunning ? 'not measured yet' : 'not measured')];
	switch (tab) {
		case 'ports': {
			const cells = portLines(view, kind, from, to);
			return cells.length === 0
				? [note(isRunning ? 'not measured yet' : 'nothing is needed here')]
				: [
						...cells.map((cell) => cellLine(cell)),
						...wayLines(view, cells[0]!.cell.path),
					];
		}

		case 'latency': {
			const graded = view.latencies.get(kind)?.get(key);
			return graded === undefined ? nothing : latencyLines(view, graded);
		}

		case 'mtu': {
			const pathMtu = view.mtus.get(kind)?.get(key);
			return pathMtu === undefined ? nothing : mtuLines(view, pathMtu);
		}
	}
};

/** Everything that is known of a pair, on all addresses, for the view that a cell opens. */
export const wholeEvidence = (
	view: ChecksView,
	from: string,
	to: string,
): readonly EvidenceLine[] => {
	const key = pairKey(from, to);
	const {nat, portToPort} = view.measurements;
	const isPair = (one: {readonly from: string; readonly to: string}) =>
		one.from === from && one.to === to;
	const kinds = view.kinds.flatMap((kind): EvidenceLine[] => {
		const graded = view.latencies.get(kind)?.get(key);
		const pathMtu = view.mtus.get(kind)?.get(key);
		const lines = [
			...portLines(view, kind, from, to).flatMap((judged) => [
				cellLine(judged),
				note(`    ${needText(view, judged.cell.path)}`),
			]),
			...(graded === undefined ? [] : latencyLines(view, graded)),
			...(pathMtu === undefined ? [] : mtuLines(view, pathMtu)),
		];
		return lines.length === 0
			? []
			: [note(`On ${kindTitles[kind]}`), ...lines, note('')];
	});
	const sources = [
		...nat
			.filter((observation) => isPair(observation))
			.map((seen) =>
				note(
					`sent from port ${seen.localPort} to ${seen.address}, arrived from ${seen.observedAddress}:${seen.observedPort}`,
				),
			),
		...portToPort
			.filter((tried) => isPair(tried))
			.map((tried) =>
				note(
					`both at once from port ${tried.port} to port ${tried.port}: ${tried.answered ? 'answered' : 'no answer'}${tried.observedSource === undefined ? '' : `, arrived from ${tried.observedSource}`}`,
				),
			),
	];
	return [
		...kinds,
		...(sources.length === 0
			? []
			: [note('Sources as the far side saw them'), ...sources, note('')]),
	];
};
