import {
	controller,
	type Cell,
	type Path,
	type Verdict,
} from '../facts/measurements.js';
import {isUnsettled} from './left-to-k3s.js';
import {judgeHandshake, judgeKey, serviceKey} from './live.js';
import type {Outcome, Report, Try} from './messages.js';
import {placeOf, stationOf, tryAll, type Run} from './run.js';
import {
	heldPath,
	isTls,
	readHandshakes,
	readOwnKeys,
	type HeldPath,
} from './running-services.js';
import {ownerOfApi} from './schedule.js';
import {cellOf, obstacleAt, unknownCell} from './verdicts.js';

/** A path that is tried by packets, and the program that holds its port, when one does. */
type Trial = {readonly path: Path; readonly held: HeldPath | undefined};

/** Why a path can not be tried at all, or `undefined` when it can. */
const hindrance = (run: Run, path: Path): string | undefined => {
	for (const node of [path.from, path.to]) {
		if (node !== controller) {
			const start = run.starts.get(node)!;
			if (start.station === undefined) {
				return start.problem;
			}
		}
	}

	const to = stationOf(run, path.to)!;
	const obstacle = obstacleAt(path, to.listening, to.facts);
	return obstacle?.kind === 'not-listening' ? obstacle.reason : undefined;
};

/** How a path is tried: a service that runs is only greeted, and one that we do not know not even that. */
const makeTry = (run: Run, {path, held}: Trial, id: number): Try => {
	const from = stationOf(run, path.from)!;
	const to = stationOf(run, path.to)!;
	if (held !== undefined && from.can.tls && isTls(run, held)) {
		return {id, what: 'tls', ...placeOf(path)};
	}

	return {
		id,
		what: 'path',
		...placeOf(path),
		connectOnly: held !== undefined || !to.can.answers,
	};
};

/** A target where nobody may listen refuses what arrives, as a firewall may: only silence and a named box tell more. */
const withoutListener = (run: Run, {path, held}: Trial, cell: Cell): Cell => {
	const {verdict} = cell;
	if (verdict.kind !== 'refused' || verdict.by !== undefined) {
		return cell;
	}

	const {can, facts} = stationOf(run, path.to)!;
	const cause = can.answers
		? held !== undefined && isUnsettled(facts)
			? `K3s on ${path.to} starts or stops`
			: undefined
		: `nothing on ${path.to} can listen for the probe (python3, perl or socat could)`;
	return cause === undefined
		? cell
		: {
				...cell,
				verdict: {
					kind: 'unknown',
					reason: `${cause}: its refusal may be the machine's or a firewall's`,
				},
			};
};

/** The verdicts of services that run already need what they show on their own machines. */
const makeJudge = (run: Run, held: readonly HeldPath[]) => {
	const {cluster, facts} = run.input;
	const keys = readOwnKeys(run, held);
	let laterKeys: typeof keys | undefined;
	const handshakes = readHandshakes(run, held);
	return {
		/** A key that does not fit is looked at twice: a service may have been started again meanwhile. */
		async key({path, process}: HeldPath, key: string): Promise<Verdict> {
			const judge = (ownKeys: Awaited<typeof keys>): Verdict =>
				judgeKey(path, key, process, {cluster, facts, ownKeys});
			const first = judge(await keys);
			if (first.kind !== 'wrong-host') {
				return first;
			}

			laterKeys ??= readOwnKeys(run, held);
			return judge(await laterKeys);
		},
		async handshake({path, process}: HeldPath): Promise<Verdict> {
			const peers = await handshakes;
			const live = judgeHandshake(
				path,
				peers.get(serviceKey(path.to, path.port)),
				{cluster, facts},
			);
			return {kind: 'in-use', process, ...(live && {live})};
		},
	};
};

type Judge = ReturnType<typeof makeJudge>;

/** The cell that a report means; a service that runs is judged by what it showed. */
const cellFrom = async (
	run: Run,
	judge: Judge,
	trial: Trial,
	report: Report,
): Promise<Cell> => {
	const {path, held} = trial;
	const to = stationOf(run, path.to)!;
	if (report.result === 'tls' && held !== undefined) {
		return {
			path,
			verdict: await judge.key(held, report.key),
			sent: report.sent,
			answered: 1,
			observedSource: undefined,
		};
	}

	return withoutListener(
		run,
		trial,
		cellOf(path, report, obstacleAt(path, to.listening, to.facts)),
	);
};

/** Behind the common name of the API any server may answer, unless it is the address of one of them. */
const ofOneApi = (run: Run, path: Path, outcome: Outcome): Outcome => {
	const {cluster} = run.input;
	const {apiEndpoint, nodes} = cluster;
	return outcome.result === 'answered' &&
		path.address === apiEndpoint &&
		ownerOfApi(cluster) === undefined &&
		nodes.some(({name, role}) => name === outcome.node && role === 'server')
		? {...outcome, node: path.to}
		: outcome;
};

/** Tries the paths of this machine itself. */
const knockAll = async (
	run: Run,
	trials: readonly Trial[],
	onReport: (trial: Trial, report: Report) => void,
): Promise<void> => {
	const {knock, token, limit} = run;
	await Promise.all(
		trials.map(async (trial) => {
			const {path, held} = trial;
			const listens = stationOf(run, path.to)!.can.answers;
			const service =
				held !== undefined && isTls(run, held) ? 'tls' : 'connect';
			const id = run.nextId();
			const outcome = await knock!(
				{
					address: path.address,
					port: path.port,
					what: held === undefined && listens ? {token, id} : service,
				},
				limit,
			);
			onReport(trial, {tried: id, sent: 1, ...ofOneApi(run, path, outcome)});
		}),
	);
};

/**
 * Tries every path once, all nodes at the same time, and hands over each cell as soon as it is known. Returns the paths
 * of UDP towards nodes that can only count, which were not tried: they are left for `countBursts`.
 */
export const measureMatrix = async (
	run: Run,
	paths: readonly Path[],
	on: {
		/** With the number of its try, when there was one. */
		readonly cell: (cell: Cell, tried?: number) => void;
		/** The round trip of a connection to a service that runs, in ms. */
		readonly rtt: (path: Path, rtt: number) => void;
	},
): Promise<readonly Path[]> => {
	const onCell = on.cell;
	const trials: Trial[] = [];
	const counted: Path[] = [];
	const waiting: Array<Promise<void>> = [];
	const heldPaths: HeldPath[] = [];
	for (const path of paths) {
		const reason = hindrance(run, path);
		if (reason !== undefined) {
			onCell(unknownCell(path, reason));
			continue;
		}

		const held = heldPath(run, path);
		if (held !== undefined) {
			heldPaths.push(held);
		}

		if (path.protocol === 'tcp' || stationOf(run, path.to)!.can.answers) {
			trials.push({path, held});
		} else {
			counted.push(path);
		}
	}

	const judge = makeJudge(run, heldPaths);
	const silentService = trials.filter(
		({path, held}) => held !== undefined && path.protocol === 'udp',
	);
	waiting.push(
		...silentService.map(async ({path, held}) => {
			onCell({
				...unknownCell(path, ''),
				verdict: await judge.handshake(held!),
			});
		}),
	);

	const onReport = (trial: Trial, report: Report) => {
		const tell = async () => {
			const cell = await cellFrom(run, judge, trial, report);
			onCell(cell, report.tried);
			if ('rtt' in report && cell.verdict.kind === 'in-use') {
				on.rtt(cell.path, report.rtt);
			}
		};

		waiting.push(tell());
	};

	const spoken = trials.filter((trial) => !silentService.includes(trial));
	const [unreported] = await Promise.all([
		tryAll(
			run,
			spoken
				.filter(({path}) => path.from !== controller)
				.map((trial) => ({
					from: trial.path.from,
					subject: trial,
					makeTry: (id) => makeTry(run, trial, id),
				})),
			onReport,
		),
		knockAll(
			run,
			spoken.filter(({path}) => path.from === controller),
			onReport,
		),
	]);
	for (const {path} of unreported) {
		onCell(
			unknownCell(
				path,
				stationOf(run, path.from)!.agent.problem() ??
					`the probe on ${path.from} did not report in time`,
			),
		);
	}

	await Promise.all(waiting);
	return counted;
};
