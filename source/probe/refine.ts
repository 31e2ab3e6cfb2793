import type {Cell, Latency, PathMtu} from '../facts/measurements.js';
import type {Report, Try} from './messages.js';
import {summarizeRtts} from './statistics.js';
import type {Start} from './station.js';

/** Round trips of one pair over one address: by UDP packets, or by connections where no UDP path is open. */
const sampleCount = {udp: 20, tcp: 5} as const;

/** Can packets go there and back? A port that another program holds shows it by accepting a connection. */
const answers = ({verdict, answered}: Cell): boolean =>
	verdict.kind === 'open' || (verdict.kind === 'in-use' && answered > 0);

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

/** Lets the agents try something more on paths that answered, each agent its own. */
const tryFurther = async (
	cells: readonly Cell[],
	starts: ReadonlyMap<string, Start>,
	makeTry: (cell: Cell, id: number, share: number) => Try,
	onReport: (cell: Cell, report: Report) => void,
): Promise<void> => {
	const senders = new Set(cells.map(({path}) => path.from));
	await Promise.all(
		[...senders].map(async (sender) => {
			const own = cells.filter(({path}) => path.from === sender);
			await starts.get(sender)!.station!.agent.try(
				own.map((cell, index) => makeTry(cell, index, index / own.length)),
				(report) => {
					onReport(own[report.tried]!, report);
				},
			);
		}),
	);
};

/** Measures the round trips of every pair and address that answered. */
export const measureLatencies = async (
	cells: readonly Cell[],
	starts: ReadonlyMap<string, Start>,
	onLatency: (latency: Latency) => void,
): Promise<readonly Latency[]> => {
	const latencies: Latency[] = [];
	await tryFurther(
		onePerAddress(cells.filter((cell) => answers(cell))),
		starts,
		({path}, id, phase) => ({
			id,
			what: 'latency',
			protocol: path.protocol,
			address: path.address,
			port: path.port,
			count: sampleCount[path.protocol],
			phase,
		}),
		({path}, report) => {
			const summary =
				report.result === 'sampled'
					? summarizeRtts(report.rtts, report.sent)
					: undefined;
			if (summary !== undefined) {
				const {from, to, addressKind, address} = path;
				const latency = {from, to, addressKind, address, ...summary};
				latencies.push(latency);
				onLatency(latency);
			}
		},
	);
	return latencies;
};

/** Searches the largest packet on every open UDP path, one port for each pair and address. */
export const measurePathMtus = async (
	cells: readonly Cell[],
	starts: ReadonlyMap<string, Start>,
	onPathMtu: (pathMtu: PathMtu) => void,
): Promise<readonly PathMtu[]> => {
	const mtus: PathMtu[] = [];
	await tryFurther(
		onePerAddress(
			cells.filter(
				({path, verdict}) => path.protocol === 'udp' && verdict.kind === 'open',
			),
		),
		starts,
		({path}, id) => ({
			id,
			what: 'mtu',
			protocol: path.protocol,
			address: path.address,
			port: path.port,
		}),
		({path}, report) => {
			if (report.result === 'largest' && report.bytes > 0) {
				const {from, to, address} = path;
				const pathMtu = {from, to, address, bytes: report.bytes};
				mtus.push(pathMtu);
				onPathMtu(pathMtu);
			}
		},
	);
	return mtus;
};
