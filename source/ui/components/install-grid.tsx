import {Box, Text} from 'ink';
import {stages, type InstallStage} from '../../plan/plan.js';
import type {InstallState, NodeState, StageState} from '../../install/state.js';
import {formatDuration, wrapWords} from '../format.js';
import {Toned, glyphs, type Tone} from '../theme.js';
import {ScrollList, type ListItem} from './scroll-list.js';
import {Spinner, useTick} from './ticker.js';

const stageTitles: Readonly<Record<InstallStage, string>> = {
	reach: 'reach',
	prepare: 'prep',
	download: 'get',
	configure: 'file',
	start: 'start',
	join: 'join',
	ready: 'ready',
	verify: 'verify',
};

const stageWidth = (stage: InstallStage): number =>
	stageTitles[stage].length + 1;
const stagesWidth = stages.reduce((sum, stage) => sum + stageWidth(stage), 0);
const glyphWidth = 4;
const roleWidth = 7;
const timeWidth = 7;
/** With less room than this for it, what a node does now stands below its row. */
const nowMinimum = 32;
const failureRows = 3;
/** The most for what a node waits for; a command to type may be in it. */
const waitingRows = 6;

const stageLook: Readonly<
	Record<Exclude<StageState, 'running'>, readonly [string, Tone]>
> = {
	none: [glyphs.none, 'muted'],
	waiting: [glyphs.waiting, 'muted'],
	changed: [glyphs.good, 'good'],
	unchanged: [glyphs.good, 'good'],
	failed: [glyphs.bad, 'bad'],
	skipped: [glyphs.none, 'muted'],
};

const StateGlyph = ({state}: {readonly state: StageState}) => {
	if (state === 'running') {
		return <Spinner />;
	}

	const [glyph, tone] = stageLook[state];
	return <Toned tone={tone}>{glyph}</Toned>;
};

const NodeGlyph = ({node}: {readonly node: NodeState}) =>
	node.waiting && node.state === 'running' ? (
		<Toned tone="warning">{glyphs.warning}</Toned>
	) : (
		<StateGlyph state={node.state} />
	);

/** How long a node still waits; empty when it does not, or not for a time that is known. */
const leftText = ({waiting, deadlineAt}: NodeState, now: number): string =>
	waiting && deadlineAt !== undefined
		? `gives up in ${formatDuration(Math.max(0, deadlineAt - now))}`
		: '';

/** What the node does now, with how far it has come, or how long it still waits. */
const nowText = (node: NodeState, now: number): string => {
	if (node.failure !== undefined && node.state === 'failed') {
		return node.failure.message;
	}

	if (node.state === 'waiting' && node.startedAt !== undefined) {
		return 'waits for other nodes';
	}

	const {progress} = node;
	const percent =
		progress?.totalBytes === undefined || progress.totalBytes === 0
			? ''
			: ` ${Math.floor((100 * progress.doneBytes) / progress.totalBytes)} %`;
	const left = leftText(node, now);
	return `${node.now}${percent}${left === '' ? '' : ` · ${left}`}`;
};

/** A text about a node that counts down. */
const Live = ({
	node,
	now,
	tone,
	textOf,
}: {
	readonly node: NodeState;
	readonly now: () => number;
	readonly tone: Tone;
	readonly textOf: (node: NodeState, now: number) => string;
}) => {
	useTick();
	return <Toned tone={tone}>{textOf(node, now())}</Toned>;
};

const Time = ({
	node,
	now,
}: {
	readonly node: NodeState;
	readonly now: () => number;
}) => {
	useTick();
	return (
		<Toned>
			{node.startedAt === undefined
				? ''
				: formatDuration((node.endedAt ?? now()) - node.startedAt)}
		</Toned>
	);
};

type Layout = {
	readonly nameWidth: number;
	/** 0 when what the node does stands below its row. */
	readonly nowWidth: number;
};

const layoutFor = (install: InstallState, columns: number): Layout => {
	const longest = Math.max(
		4,
		...[...install.nodes.keys()].map((name) => name.length),
	);
	const fixed = glyphWidth + roleWidth + stagesWidth + timeWidth + 1;
	const nameWidth = Math.min(longest, Math.max(8, columns - fixed - 2));
	const nowWidth = columns - fixed - nameWidth - 3;
	return {nameWidth, nowWidth: nowWidth >= nowMinimum ? nowWidth : 0};
};

const HeadRow = ({layout}: {readonly layout: Layout}) => (
	<Toned tone="muted">
		{' '.repeat(glyphWidth)}
		{'NODE'.padEnd(layout.nameWidth + 1)}
		{'ROLE'.padEnd(roleWidth)}
		{stages
			.map((stage) => stageTitles[stage].padEnd(stageWidth(stage)))
			.join('')}
		{'time'.padStart(timeWidth)}
		{layout.nowWidth > 0 ? '  now' : ''}
	</Toned>
);

const NodeRow = ({
	node,
	layout,
	isSelected,
	now,
}: {
	readonly node: NodeState;
	readonly layout: Layout;
	readonly isSelected: boolean;
	readonly now: () => number;
}) => (
	<Box height={1}>
		<Box width={glyphWidth} flexShrink={0}>
			<Toned tone="accent">{isSelected ? `${glyphs.pointer} ` : '  '}</Toned>
			<NodeGlyph node={node} />
		</Box>
		<Box width={layout.nameWidth + 1} flexShrink={0} paddingRight={1}>
			<Toned bold={isSelected}>{node.name}</Toned>
		</Box>
		<Box width={roleWidth} flexShrink={0}>
			<Toned tone={node.role === 'server' ? 'accent' : 'plain'}>
				{node.role}
			</Toned>
		</Box>
		{stages.map((stage) => (
			<Box
				key={stage}
				width={stageWidth(stage)}
				flexShrink={0}
				paddingLeft={Math.floor((stageWidth(stage) - 2) / 2)}
			>
				<StateGlyph state={node.stages[stage]} />
			</Box>
		))}
		<Box width={timeWidth} flexShrink={0} justifyContent="flex-end">
			<Time node={node} now={now} />
		</Box>
		{layout.nowWidth > 0 && (
			<Box width={layout.nowWidth} flexShrink={0} marginLeft={2}>
				<Live
					node={node}
					now={now}
					tone={node.state === 'failed' ? 'bad' : 'plain'}
					textOf={nowText}
				/>
			</Box>
		)}
	</Box>
);

/** A line below a row; one that counts down is made anew each time. */
type LineBelow = {
	readonly tone: Tone;
	readonly text: string | typeof nowText;
};

/**
 * What a node waits for, whole: nobody but the person may be able to end it. Nothing where it fits into its column, or
 * into the one line that each node has.
 */
const waitingLines = (
	node: NodeState,
	layout: Layout,
	columns: number,
): readonly LineBelow[] => {
	// The text with any time that may stand behind it.
	const full = `${node.now} · gives up in 59m59s`;
	if (
		!node.waiting ||
		full.length <= (layout.nowWidth > 0 ? layout.nowWidth : columns)
	) {
		return [];
	}

	const lines = wrapWords(node.now, columns).slice(0, waitingRows - 1);
	return [...lines, ...(leftText(node, 0) === '' ? [] : [leftText])].map(
		(text) => ({tone: 'warning' as const, text}),
	);
};

/** Lines below a row: why it failed and what to try, what it waits for, or what it does when there is no column for it. */
const linesBelow = (
	node: NodeState,
	layout: Layout,
	columns: number,
	room: {
		/** For one line. */
		readonly isRoomy: boolean;
		/** For all that a node waits for. */
		readonly isAmple: boolean;
	},
): readonly LineBelow[] => {
	const width = columns - glyphWidth - 2;
	if (node.failure !== undefined && node.state === 'failed') {
		const cause =
			layout.nowWidth > 0 && node.failure.message.length <= layout.nowWidth
				? []
				: wrapWords(node.failure.message, width).map((text) => ({
						tone: 'bad' as const,
						text,
					}));
		const advice = wrapWords(
			[...node.failure.tryNext, 'Then press r.'].join(' '),
			width,
		).map((text) => ({tone: 'plain' as const, text}));
		return [...cause, ...advice].slice(0, failureRows);
	}

	const waiting = room.isAmple ? waitingLines(node, layout, width) : [];
	if (waiting.length > 0) {
		return waiting;
	}

	return layout.nowWidth === 0 && room.isRoomy && nowText(node, 0) !== ''
		? [{tone: node.waiting ? 'warning' : 'muted', text: nowText}]
		: [];
};

/** A row for each node, a column for each stage. */
export const InstallGrid = ({
	install,
	selected,
	columns,
	rows,
	now,
}: {
	readonly install: InstallState;
	readonly selected: number;
	readonly columns: number;
	readonly rows: number;
	readonly now: () => number;
}) => {
	const nodes = [...install.nodes.values()];
	const layout = layoutFor(install, columns);
	const fits = (rowsBelow: number): boolean =>
		nodes.length * (1 + rowsBelow) <= rows - 1;
	const items = nodes.map((node, index): ListItem => {
		const isSelected = index === selected;
		const below = linesBelow(node, layout, columns, {
			isRoomy: isSelected || fits(1),
			isAmple: isSelected || fits(waitingRows),
		});
		return {
			key: node.name,
			rows: 1 + below.length,
			render: () => (
				<>
					<NodeRow
						node={node}
						layout={layout}
						isSelected={isSelected}
						now={now}
					/>
					{below.map(({tone, text}) => (
						<Text
							key={typeof text === 'string' ? text : 'live'}
							wrap="truncate-end"
						>
							{' '.repeat(glyphWidth + 1)}
							{typeof text === 'string' ? (
								<Toned tone={tone}>{text}</Toned>
							) : (
								<Live node={node} now={now} tone={tone} textOf={text} />
							)}
						</Text>
					))}
				</>
			),
		};
	});
	return (
		<>
			<HeadRow layout={layout} />
			<ScrollList items={items} selected={selected} rows={rows - 1} />
		</>
	);
};
