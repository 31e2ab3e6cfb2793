import {randomBytes} from 'node:crypto';
import {withDeadline} from '../deadline.js';
import {
	noMeasurements,
	pathKey,
	type Cell,
	type Path,
	type ProbeStation,
} from '../facts/measurements.js';
import type {Try} from './messages.js';
import type {Probe} from './probe.js';
import {measureLatencies, measurePathMtus} from './refine.js';
import {schedulePaths} from './schedule.js';
import {startStation, type Start} from './station.js';
import {cellOf, needsListener, obstacleAt, unknownCell} from './verdicts.js';

/** All measuring must have ended within this time, in ms. */
const wholeLimitMs = 100_000;

/** Tries all paths of one node and reports each cell as soon as it is known. */
const measureFrom = async (
	paths: readonly Path[],
	starts: ReadonlyMap<string, Start>,
	onCell: (cell: Cell) => void,
): Promise<void> => {
	const from = starts.get(paths[0]!.from)!;
	const tries: Try[] = [];
	const tried = new Map<number, Path>();
	for (const path of paths) {
		const to = starts.get(path.to)!;
		if (from.station === undefined) {
			onCell(unknownCell(path, from.problem));
			continue;
		}

		if (to.station === undefined) {
			onCell(unknownCell(path, to.problem));
			continue;
		}

		const obstacle = obstacleAt(path, to.station.listening, to.station.facts);
		if (obstacle?.kind === 'not-listening') {
			onCell(unknownCell(path, obstacle.reason));
		} else if (obstacle?.kind === 'in-use' && path.protocol === 'udp') {
			onCell({...unknownCell(path, ''), verdict: obstacle});
		} else {
			const id = tries.length + 1;
			tried.set(id, path);
			tries.push({
				id,
				what: 'path',
				protocol: path.protocol,
				address: path.address,
				port: path.port,
				connectOnly: obstacle !== undefined,
			});
		}
	}

	if (from.station === undefined) {
		return;
	}

	const {agent} = from.station;
	await agent.try(tries, (report) => {
		const path = tried.get(report.tried)!;
		tried.delete(report.tried);
		const to = starts.get(path.to)!.station!;
		onCell(cellOf(path, report, obstacleAt(path, to.listening, to.facts)));
	});
	for (const path of tried.values()) {
		onCell(
			unknownCell(
				path,
				agent.problem() ?? `the probe on ${path.from} did not report in time`,
			),
		);
	}
};

/** Asks the agents that seem unreachable for a sign of life, so that one that died is known before its cells are judged. */
const askWhetherAlive = async (
	cells: ReadonlyMap<string, Cell>,
	starts: ReadonlyMap<string, Start>,
	token: string,
): Promise<void> => {
	const doubtful = new Set(
		[...cells.values()]
			.filter((cell) => needsListener(cell))
			.map(({path}) => path.to),
	);
	await Promise.allSettled(
		[...doubtful].map(async (node) =>
			starts.get(node)!.station?.agent.listen(token, []),
		),
	);
};

/** The real probe: agents on all nodes at once, first every path, then round trips, then the size of packets. */
export const runProbe: Probe = async (input) => {
	const {cluster, requirements, signal, onEvent} = input;
	const paths = schedulePaths(cluster, requirements);
	onEvent({type: 'planned', cells: paths.length});
	const token = randomBytes(16).toString('hex');
	const limit = withDeadline(signal, wholeLimitMs);
	const names = [...new Set(paths.flatMap(({from, to}) => [from, to]))];
	const starts = new Map<string, Start>();
	const cells = new Map<string, Cell>();
	const stations: ProbeStation[] = [];
	const onCell = (cell: Cell) => {
		cells.set(pathKey(cell.path), cell);
		onEvent({type: 'cell', cell});
	};

	try {
		await Promise.all(
			names.map(async (node) => {
				const start = await startStation(node, paths, token, {
					...input,
					limit,
				});
				starts.set(node, start);
				const station: ProbeStation = {
					node,
					rung: start.station === undefined ? undefined : 'python3',
					interpreter: start.station?.agent.interpreter,
					problem: start.station === undefined ? start.problem : undefined,
				};
				stations.push(station);
				onEvent({type: 'station', station});
			}),
		);
		signal.throwIfAborted();

		const bySender = new Map<string, Path[]>();
		for (const path of paths) {
			bySender.set(path.from, [...(bySender.get(path.from) ?? []), path]);
		}

		await Promise.all(
			[...bySender.values()].map(async (ownPaths) =>
				measureFrom(ownPaths, starts, onCell),
			),
		);
		await askWhetherAlive(cells, starts, token);
		for (const cell of cells.values()) {
			const problem = starts.get(cell.path.to)!.station?.agent.problem();
			if (problem !== undefined && needsListener(cell)) {
				onCell(unknownCell(cell.path, problem));
			}
		}

		const latencies = await measureLatencies(
			[...cells.values()],
			starts,
			(latency) => {
				onEvent({type: 'latency', latency});
			},
		);
		const pathMtus = await measurePathMtus(
			[...cells.values()],
			starts,
			(pathMtu) => {
				onEvent({type: 'path-mtu', pathMtu});
			},
		);
		signal.throwIfAborted();
		return {
			...noMeasurements,
			cells: [...cells.values()],
			latencies,
			pathMtus,
			stations,
		};
	} finally {
		for (const start of starts.values()) {
			start.station?.agent.close();
		}
	}
};
