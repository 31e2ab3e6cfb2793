import type {Cell, Latency, PathMtu} from '../facts/measurements.js';
import type {Report} from './messages.js';
import {placeOf, stationOf, tryAll, type Run} from './run.js';
import {summarizeRtts} from './statistics.js';

/** Round trips of one pair over one address: by UDP packets, or by connections where no UDP path is open. */
const sampleCount = {udp: 20, tcp: 5} as const;

/** One cell for each pair and address, UDP before TCP. */
const onePerAddress = (cells: readonly Cell[]): readonly Cell[] => {
	const chosen = new Map<string, Cell>();
	for (const cell of cells) {
		const {from, to, address, protocol} = cell.path;
		const key = `${from}>${to}|${address}`;
		if (from !== to && (protocol === 'udp' || !chosen.has(key))) {
			chosen.set(key, cell);
		}
	}

	return [...chosen.values()];
};

const summaryOf = (cell: Cell, report: Report): Latency | undefined => {
	const {from, to, addressKind, address} = cell.path;
	const summary =
		report.result === 'sampled'
			? summarizeRtts(report.rtts, report.sent)
			: undefined;
	return summary && {from, to, addressKind, address, ...summary};
};

/** Measures the round trips of every pair and address that answered. A service that runs is not asked again: its one connection is the sample. */
export const measureLatencies = async (
	run: Run,
	cells: readonly Cell[],
	onLatency: (latency: Latency) => void,
): Promise<void> => {
	const chosen = onePerAddress(
		cells.filter(
			({path, verdict}) =>
				verdict.kind === 'open' &&
				stationOf(run, path.from) !== undefined &&
				stationOf(run, path.to)?.can.timed.includes(path.protocol),
		),
	);
	await tryAll(
		run,
		chosen.map((cell) => ({
			from: cell.path.from,
			subject: cell,
			makeTry: (id, phase) => ({
				id,
				what: 'latency',
				...placeOf(cell.path),
				count: sampleCount[cell.path.protocol],
				phase,
			}),
		})),
		(cell, report) => {
			const latency = summaryOf(cell, report);
			if (latency !== undefined) {
				onLatency(latency);
			}
		},
	);
};

/** Searches the largest packet on every open UDP path, one port for each pair and address. */
export const measurePathMtus = async (
	run: Run,
	cells: readonly Cell[],
	onPathMtu: (pathMtu: PathMtu) => void,
): Promise<void> => {
	const chosen = onePerAddress(
		cells.filter(
			({path, verdict}) =>
				path.protocol === 'udp' &&
				verdict.kind === 'open' &&
				stationOf(run, path.from)?.can.pathMtu,
		),
	);
	await tryAll(
		run,
		chosen.map((cell) => ({
			from: cell.path.from,
			subject: cell.path,
			makeTry: (id) => ({id, what: 'mtu', ...placeOf(cell.path)}),
		})),
		({from, to, address}, report) => {
			if (report.result === 'largest' && report.bytes > 0) {
				onPathMtu({from, to, address, bytes: report.bytes});
			}
		},
	);
};
