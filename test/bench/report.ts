import type {AgentUse} from './agents.js';
import type {Timeline} from './timeline-result.js';

/** What was measured at one number of hosts. Times in ms, one for each run. */
export type SizeReport = {
	readonly hosts: number;
	/** N times `ssh host true` at once. */
	readonly ssh: readonly number[];
	readonly open: readonly Timeline[];
	readonly filtered: readonly Timeline[];
	readonly agents: AgentUse;
	/** A person's loops over the same paths; empty where they were not run. */
	readonly person: readonly PersonRun[];
	readonly personFiltered: readonly PersonRun[];
};

export type PersonRun = {
	readonly tool: string;
	readonly atOnce: number;
	readonly ms: number;
};

/** All that a run of the benchmark measured. */
export type Report = {
	readonly format: 'k3s-mesh-tui/bench/1';
	readonly cores: number;
	readonly node: string;
	readonly runs: number;
	readonly sizes: readonly SizeReport[];
};

const median = (values: readonly number[]): number =>
	values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;

const of = (
	timelines: readonly Timeline[],
	pick: (timeline: Timeline) => number,
): number => median(timelines.map((timeline) => pick(timeline)));

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const times = (ratio: number): string =>
	`${ratio.toFixed(ratio < 10 ? 2 : 0)} ×`;

const table = (
	head: readonly string[],
	rows: ReadonlyArray<readonly string[]>,
): string =>
	[head, head.map((_, index) => (index === 0 ? ':--' : '--:')), ...rows]
		.map((row) => `| ${row.join(' | ')} |`)
		.join('\n');

/** The matrix with the start of its agents, over connections that are open. */
const alone = ({cellsMs, contactedMs}: Timeline): number =>
	cellsMs - contactedMs;

const matrixTable = ({sizes}: Report): string =>
	table(
		[
			'hosts',
			'paths',
			'N × `ssh host true`',
			'log in',
			'facts',
			'matrix',
			'all three ÷ ssh',
			'matrix ÷ ssh',
			'with filtered ports',
			'everything',
		],
		sizes.map(({hosts, ssh, open, filtered}) => {
			const base = median(ssh);
			const cells = of(open, ({cellsMs}) => cellsMs);
			const matrix = of(open, alone);
			const slow = of(filtered, alone);
			return [
				String(hosts),
				String(open[0]!.paths.length),
				seconds(base),
				seconds(of(open, ({loggedInMs}) => loggedInMs)),
				seconds(
					of(open, ({contactedMs, loggedInMs}) => contactedMs - loggedInMs),
				),
				seconds(matrix),
				times(cells / base),
				times(matrix / base),
				`+ ${seconds(slow - matrix)}`,
				seconds(of(open, ({allMs}) => allMs)),
			];
		}),
	);

const growthLines = ({sizes}: Report): readonly string[] => {
	const small = sizes.find(({hosts}) => hosts === 20);
	const large = sizes.find(({hosts}) => hosts === 40);
	if (small === undefined || large === undefined) {
		return [];
	}

	const whole = ({open}: SizeReport) => of(open, ({cellsMs}) => cellsMs);
	return [
		`N = 40 takes ${times(of(large.open, alone) / of(small.open, alone))} what N = 20 takes for the matrix alone, ${times(whole(large) / whole(small))} to the last cell.`,
		'',
	];
};

const agentTable = ({sizes}: Report): string =>
	table(
		[
			'hosts',
			'memory of an agent (most)',
			'CPU of an agent (most)',
			'CPU of all agents',
			'for each exchange',
		],
		sizes.map(({hosts, agents, open}) => [
			String(hosts),
			`${(agents.mostKilobytes / 1024).toFixed(1)} MB`,
			`${agents.mostCpuSeconds.toFixed(2)} s`,
			`${agents.cpuSeconds.toFixed(2)} s`,
			`${((agents.cpuSeconds / open[0]!.exchanges) * 1000).toFixed(2)} ms`,
		]),
	);

const personTable = ({sizes}: Report): readonly string[] =>
	sizes
		.filter(({person}) => person.length > 0)
		.flatMap(({hosts, open, filtered, person, personFiltered}) => {
			const ours = of(open, ({cellsMs}) => cellsMs);
			const oursFiltered = of(filtered, ({cellsMs}) => cellsMs);
			return [
				`${hosts} hosts, ${open[0]!.paths.length} paths, from nothing to the last answer:`,
				'',
				table(
					['', 'all open', '', 'filtered ports', ''],
					[
						[
							'`k3s-mesh-tui check` to its last cell, with facts',
							seconds(ours),
							'',
							seconds(oursFiltered),
							'',
						],
						[
							'of that its matrix, over connections that are open',
							seconds(of(open, alone)),
							'',
							seconds(of(filtered, alone)),
							'',
						],
						...person.map(({tool, atOnce, ms}, index) => [
							`SSH loop with \`${tool}\`, ${atOnce === 1 ? 'one after the other' : `${atOnce} at once`}`,
							seconds(ms),
							times(ms / ours),
							...(personFiltered[index] === undefined
								? ['', '']
								: [
										seconds(personFiltered[index].ms),
										times(personFiltered[index].ms / oursFiltered),
									]),
						]),
					],
				),
				'',
			];
		});

/** The report as it stands in the README. */
export const markdown = (report: Report): string =>
	[
		`Median of ${report.runs} runs on ${report.cores} cores, all hosts and the client on one machine; Node.js ${report.node}.`,
		'',
		matrixTable(report),
		'',
		...growthLines(report),
		agentTable(report),
		'',
		...personTable(report),
	].join('\n');
