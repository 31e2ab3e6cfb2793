import {randomBytes} from 'node:crypto';
import {withDeadline} from '../deadline.js';
import {
	controller,
	pathKey,
	type Cell,
	type Latency,
	type Measurements,
	type Path,
	type ProbeStation,
} from '../facts/measurements.js';
import {arrivedAt} from './arrivals.js';
import {countBursts} from './bursts.js';
import {measureMappings} from './mapping.js';
import {measureMatrix} from './matrix.js';
import type {Listening} from './messages.js';
import {measureOutbound} from './outbound.js';
import type {Probe} from './probe.js';
import {measureLatencies, measurePathMtus} from './refine.js';
import {stationOf, type Run} from './run.js';
import {schedulePaths} from './schedule.js';
import {startStation, type Start} from './station.js';
import {measureNetchecks, measureTailnetPaths} from './tailnet.js';
import {isMute, needsListener, obstacleAt, unknownCell} from './verdicts.js';

/** All measuring must have ended within this time, in ms. */
const wholeLimitMs = 100_000;

/** Bursts towards nodes that can only count begin within this time, in ms. */
const burstsLimitMs = 40_000;

/** Starts the agents of all nodes that take part, at once. */
const startAll = async (
	paths: readonly Path[],
	run: Run,
	starts: Map<string, Start>,
	onStation: (station: ProbeStation) => void,
): Promise<void> => {
	const names = new Set(paths.flatMap(({from, to}) => [from, to]));
	names.delete(controller);
	await Promise.all(
		[...names].map(async (node) => {
			const start = await startStation(node, paths, run.token, {
				...run.input,
				limit: run.limit,
			});
			starts.set(node, start);
			const {station} = start;
			onStation({
				node,
				rung: station?.rung,
				interpreter: station?.agent.interpreter,
				problem: station === undefined ? start.problem : undefined,
			});
		}),
	);
};

/**
 * Asks the agents that seem unreachable where they listen no more, or could not take all that came. One that died is
 * known by that, too, before its cells are judged.
 */
const askWhatWasLost = async (
	cells: Iterable<Cell>,
	run: Run,
): Promise<ReadonlyMap<string, Listening>> => {
	const lost = new Map<string, Listening>();
	const doubtful = new Set(
		[...cells].filter((cell) => needsListener(cell)).map(({path}) => path.to),
	);
	await Promise.allSettled(
		[...doubtful].map(async (node) => {
			const listening = await stationOf(run, node)?.agent.listen(run.token, []);
			if (listening !== undefined) {
				lost.set(node, listening);
			}
		}),
	);
	return lost;
};

/** Why what came back from a path says nothing about the way, or `undefined` when somebody listened there all the time. */
const absenceAt = (
	path: Path,
	run: Run,
	lost: ReadonlyMap<string, Listening>,
): string | undefined => {
	const station = stationOf(run, path.to);
	const listening = lost.get(path.to);
	const obstacle =
		station && listening && obstacleAt(path, listening, station.facts);
	return (
		station?.agent.problem() ??
		(obstacle?.kind === 'not-listening' ? obstacle.reason : undefined)
	);
};

/** Looks again at what got no answer: packets may have arrived all the same, or there was nobody any more to answer. */
const secondLook = async (
	cells: ReadonlyMap<string, Cell>,
	run: Run,
	numbers: ReadonlyMap<string, number | undefined>,
	onCell: (cell: Cell) => void,
): Promise<void> => {
	const silent = [...cells.values()].filter(
		(cell) => cell.verdict.kind === 'filtered' || isMute(cell),
	);
	const [arrived, lost] = await Promise.all([
		arrivedAt(
			run,
			silent.map(({path}) => path.to),
		),
		askWhatWasLost(cells.values(), run),
	]);
	for (const cell of silent) {
		const number = numbers.get(pathKey(cell.path));
		const source =
			number === undefined ? undefined : arrived.get(cell.path.to)?.get(number);
		if (source !== undefined) {
			onCell({...cell, verdict: {kind: 'reached'}, observedSource: source});
		}
	}

	for (const cell of cells.values()) {
		const reason = absenceAt(cell.path, run, lost);
		if (reason !== undefined && needsListener(cell)) {
			onCell(unknownCell(cell.path, reason));
		}
	}
};

type Writable<Lists> = {
	-readonly [Key in keyof Lists]: Lists[Key] extends ReadonlyArray<infer One>
		? One[]
		: never;
};

/** The round trip of a connection to a service that runs, where nothing better was measured: one sample. */
const singleLatency = (
	{from, to, addressKind, address}: Path,
	rtt: number,
): Latency => ({
	from,
	to,
	addressKind,
	address,
	minMs: rtt,
	medianMs: rtt,
	p95Ms: rtt,
	jitterMs: 0,
	loss: 0,
	samples: 1,
});

const latencyKey = ({
	from,
	to,
	address,
}: Pick<Path, 'from' | 'to' | 'address'>) => `${from}>${to}|${address}`;

/**
 * The real probe: agents on all nodes at once. First every path; meanwhile what the nodes need of the internet; then
 * round trips, the size of packets, NAT, and the ways in a tailnet.
 */
export const runProbe: Probe = async (input) => {
	const {cluster, facts, requirements, knock, signal, only, onEvent} = input;
	const paths = schedulePaths(cluster, requirements, facts).filter(
		(path) =>
			(path.from !== controller || knock !== undefined) &&
			(only?.(path) ?? true),
	);
	onEvent({type: 'planned', cells: paths.length});
	let lastId = 0;
	const starts = new Map<string, Start>();
	const run: Run = {
		input,
		token: randomBytes(16).toString('hex'),
		limit: withDeadline(signal, wholeLimitMs),
		starts,
		knock,
		nextId() {
			lastId += 1;
			return lastId;
		},
	};
	const found: Omit<Writable<Measurements>, 'cells'> = {
		latencies: [],
		pathMtus: [],
		nat: [],
		portToPort: [],
		outbound: [],
		stations: [],
		netchecks: [],
		tailnetPaths: [],
	};
	const cells = new Map<string, Cell>();
	const numbers = new Map<string, number | undefined>();
	const singles = new Map<string, Latency>();
	const onCell = (cell: Cell, tried?: number) => {
		const key = pathKey(cell.path);
		cells.set(key, cell);
		numbers.set(key, tried ?? numbers.get(key));
		onEvent({type: 'cell', cell});
	};

	const onLatency = (latency: Latency) => {
		singles.delete(latencyKey(latency));
		found.latencies.push(latency);
		onEvent({type: 'latency', latency});
	};

	try {
		await startAll(paths, run, starts, (station) => {
			found.stations.push(station);
			onEvent({type: 'station', station});
		});
		signal.throwIfAborted();
		const outbound =
			only === undefined
				? measureOutbound(run, (one) => {
						found.outbound.push(one);
						onEvent({type: 'outbound', outbound: one});
					})
				: undefined;
		const netchecks =
			only === undefined
				? measureNetchecks(run, (netcheck) => {
						found.netchecks.push(netcheck);
						onEvent({type: 'netcheck', netcheck});
					})
				: undefined;
		const counted = await measureMatrix(run, paths, {
			cell: onCell,
			rtt(path, rtt) {
				singles.set(latencyKey(path), singleLatency(path, rtt));
			},
		});
		await secondLook(cells, run, numbers, onCell);
		const all = [...cells.values()];
		const mappings =
			only === undefined
				? measureMappings(run, all, {
						nat(observation) {
							found.nat.push(observation);
							onEvent({type: 'nat', observation});
						},
						portToPort(portToPort) {
							found.portToPort.push(portToPort);
							onEvent({type: 'port-to-port', portToPort});
						},
					})
				: undefined;
		await measureLatencies(run, all, onLatency);
		for (const single of singles.values()) {
			onLatency(single);
		}

		// What was sent so far has brought up what direct ways there are.
		const ways =
			only === undefined
				? measureTailnetPaths(run, all, (tailnetPath) => {
						found.tailnetPaths.push(tailnetPath);
						onEvent({type: 'tailnet-path', tailnetPath});
					})
				: undefined;
		// Nobody waits for these but the end: senders take turns, which may last.
		const bursts = (async () => {
			await outbound;
			await countBursts(
				run,
				counted,
				withDeadline(run.limit, burstsLimitMs),
				onCell,
			);
		})();

		await measurePathMtus(run, all, (pathMtu) => {
			found.pathMtus.push(pathMtu);
			onEvent({type: 'path-mtu', pathMtu});
		});
		await Promise.all([outbound, mappings, bursts, netchecks, ways]);
		signal.throwIfAborted();
		const stations = found.stations.map((station) => {
			const problem = stationOf(run, station.node)?.agent.problem();
			if (problem === undefined) {
				return station;
			}

			const ended = {...station, problem};
			onEvent({type: 'station', station: ended});
			return ended;
		});
		return {...found, stations, cells: [...cells.values()]};
	} finally {
		for (const {station} of starts.values()) {
			station?.agent.close();
		}
	}
};
