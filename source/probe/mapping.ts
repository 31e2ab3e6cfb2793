import {setTimeout} from 'node:timers/promises';
import {
	verdictArrives,
	type Cell,
	type NatObservation,
	type Path,
	type PortToPort,
} from '../facts/measurements.js';
import {arrivedAt} from './arrivals.js';
import type {Report} from './messages.js';
import {placeOf, stationOf, tryAll, type Run} from './run.js';
import {obstacleAt} from './verdicts.js';

/**
 * How much later the second of a pair begins, in ms. Where the first packets of both cross in a router, Linux finds
 * the port taken by the other one's connection and chooses another: a NAT that keeps ports would look as if it did not.
 */
const laterMs = 150;

/**
 * Asks who of a pair begins: the one that is not reached. What is sent to it before could take the port of its mapping
 * in the same way.
 */
const beginnerOf = (
	cells: readonly Cell[],
): ((path: Pick<Path, 'from' | 'to'>) => boolean) => {
	const reached = new Set(
		cells
			.filter(
				({path, verdict}) =>
					path.protocol === 'udp' &&
					path.addressKind === 'external' &&
					verdictArrives(verdict),
			)
			.map(({path}) => `${path.from}>${path.to}`),
	);
	return ({from, to}) => {
		const forth = reached.has(`${from}>${to}`);
		const back = reached.has(`${to}>${from}`);
		return forth === back ? from < to : forth;
	};
};

/** One try from a node's fixed port, and its number. */
type Sent = {readonly cell: Cell; readonly report: Report};

/** Takes `address:port` apart, as agents write it. */
const splitSource = (
	source: string,
): {readonly address: string; readonly port: number} | undefined => {
	const found = /^(?:\[([\da-f:.]+)]|([\d.]+)):(\d{1,5})$/.exec(source);
	return found === null
		? undefined
		: {address: (found[1] ?? found[2])!, port: Number(found[3])};
};

/** The UDP port that the mesh wants of each node on its external address. */
const meshPorts = (cells: readonly Cell[]): ReadonlyMap<string, number> =>
	new Map(
		cells
			.filter(
				({path}) => path.protocol === 'udp' && path.addressKind === 'external',
			)
			.map(({path}) => [path.to, path.port]),
	);

/**
 * Lets every node send from its mesh port to those of all others, both of a pair together. The sources that were seen tell
 * the kind of its NAT; and whether two firewalls that drop what is new let each other's answers through.
 */
export const measureMappings = async (
	run: Run,
	cells: readonly Cell[],
	on: {
		readonly nat: (observation: NatObservation) => void;
		readonly portToPort: (portToPort: PortToPort) => void;
	},
): Promise<void> => {
	const ports = meshPorts(cells);
	const wanted = cells
		.filter(({path}) => {
			const from = stationOf(run, path.from);
			const to = stationOf(run, path.to);
			return (
				path.protocol === 'udp' &&
				path.addressKind === 'external' &&
				path.from !== path.to &&
				from?.can.mapping &&
				to?.can.answers &&
				obstacleAt(path, to.listening, to.facts) === undefined
			);
		})
		.map((cell) => ({
			from: cell.path.from,
			subject: cell,
			makeTry: (id: number) => ({
				id,
				what: 'mapping' as const,
				...placeOf(cell.path),
				localPort: ports.get(cell.path.from) ?? 0,
			}),
		}));
	const silent: Sent[] = [];

	const tell = (
		{path}: Cell,
		{localPort}: Report,
		seen: {readonly by: string; readonly source: string},
	) => {
		const source = splitSource(seen.source);
		if (source !== undefined && localPort !== undefined) {
			on.nat({
				from: path.from,
				to: seen.by,
				address: path.address,
				localPort,
				observedAddress: source.address,
				observedPort: source.port,
			});
		}
	};

	const tellPortToPort = (
		{path}: Cell,
		{localPort}: Report,
		answered: boolean,
		observedSource: string | undefined,
	) => {
		if (localPort === ports.get(path.from)) {
			const {from, to, address, port} = path;
			on.portToPort({from, to, address, port, answered, observedSource});
		}
	};

	const hear = (cell: Cell, report: Report) => {
		if (report.result === 'answered') {
			const {node: by, source} = report;
			tell(cell, report, {by, source});
			if (by === cell.path.to) {
				tellPortToPort(cell, report, true, source);
			}
		} else if (report.result === 'silent') {
			silent.push({cell, report});
		}
	};

	const begins = beginnerOf(cells);
	const first = wanted.filter(({subject}) => begins(subject.path));
	const second = wanted.filter(({subject}) => !begins(subject.path));
	await Promise.all([
		tryAll(run, first, hear),
		(async () => {
			try {
				await setTimeout(laterMs, undefined, {signal: run.limit});
			} catch {
				return;
			}

			await tryAll(run, second, hear);
		})(),
	]);
	const arrived = await arrivedAt(
		run,
		silent.map(({cell}) => cell.path.to),
	);
	for (const {cell, report} of silent) {
		const by = cell.path.to;
		const source = arrived.get(by)?.get(report.tried);
		if (source !== undefined) {
			tell(cell, report, {by, source});
		}

		tellPortToPort(cell, report, false, source);
	}
};
