import {Text} from 'ink';
import {formatMs} from '../format.js';
import {
	findingsOfPair,
	type ChecksTab,
	type ChecksView,
} from '../state/checks-view.js';
import {
	pairKey,
	urgency,
	verdictText,
	type CellState,
} from '../state/matrix.js';
import {Toned, glyphs, type Tone} from '../theme.js';
import {findingText} from './findings-list.js';

type Line = {readonly tone: Tone; readonly text: string};

const looks: Readonly<Record<CellState, readonly [string, Tone]>> = {
	good: [glyphs.good, 'plain'],
	warning: [glyphs.warning, 'warning'],
	bad: [glyphs.bad, 'bad'],
	waiting: [glyphs.waiting, 'muted'],
	none: [glyphs.none, 'muted'],
};

const portLines = (
	view: ChecksView,
	kind: 'external' | 'internal',
	from: string,
	to: string,
	isRunning: boolean,
): readonly Line[] => {
	const pair = view.pairs[kind].get(pairKey(from, to));
	if (pair === undefined) {
		return [
			{
				tone: 'muted',
				text: isRunning ? 'not measured yet' : 'nothing is needed here',
			},
		];
	}

	return pair.cells
		.toSorted((one, other) => urgency[other.state] - urgency[one.state])
		.map(({cell, state}): Line => {
			const {verdict, evidence} = verdictText(cell);
			const {address, protocol, port} = cell.path;
			const [glyph, tone] = looks[state];
			return {
				tone,
				text: `${glyph} ${address.padEnd(15)}  ${protocol} ${String(port).padStart(5)}  ${verdict.padEnd(10)}  ${evidence}`,
			};
		});
};

const latencyLines = (
	view: ChecksView,
	from: string,
	to: string,
): readonly Line[] => {
	const latency = view.latencies.get(pairKey(from, to));
	if (latency === undefined) {
		return [{tone: 'muted', text: 'not measured'}];
	}

	return [
		{
			tone: 'plain',
			text: `${latency.address} (${latency.addressKind})  median ${formatMs(latency.medianMs)} ms  min ${formatMs(latency.minMs)}  p95 ${formatMs(latency.p95Ms)}  loss ${Math.round(latency.loss * 100)} %  of ${latency.samples}`,
		},
	];
};

/** What was measured from one node to another, and what to do where that is not enough. */
export const CellDetails = ({
	view,
	tab,
	from,
	to,
	isRunning,
	columns,
	rows,
}: {
	readonly view: ChecksView;
	readonly tab: Exclude<ChecksTab, 'findings'>;
	readonly from: string;
	readonly to: string;
	readonly isRunning: boolean;
	readonly columns: number;
	readonly rows: number;
}) => {
	const measured =
		tab === 'latency'
			? latencyLines(view, from, to)
			: portLines(view, tab, from, to, isRunning);
	const advice = findingsOfPair(view, tab, from, to).flatMap(
		(finding): Line[] => [
			{
				tone: finding.severity === 'error' ? 'bad' : 'warning',
				text: `${finding.id}${finding.ignored ? ' (overridden by you)' : ''}`,
			},
			...findingText(finding, columns - 6).map((text): Line => ({
				tone: 'plain',
				text: `  ${text}`,
			})),
		],
	);
	const lines = [...measured, ...advice];
	const room = Math.max(0, rows - 1);
	const shown = lines.length > room ? lines.slice(0, room - 1) : lines;
	return (
		<>
			<Text wrap="truncate-end">
				<Toned bold>{` ${from} → ${from === to ? 'itself' : to}`}</Toned>
			</Text>
			{shown.map(({tone, text}, index) => (
				// eslint-disable-next-line react/no-array-index-key -- lines of one text can be alike
				<Toned key={`${index} ${text}`} tone={tone}>
					{`   ${text}`}
				</Toned>
			))}
			{shown.length < lines.length && room > 0 && (
				<Toned tone="muted">
					{`   … ${lines.length - shown.length} more lines: see Findings (Tab)`}
				</Toned>
			)}
		</>
	);
};
