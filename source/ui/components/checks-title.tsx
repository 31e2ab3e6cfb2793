import {Box, Text} from 'ink';
import type {AddressKind} from '../../mesh/mesh.js';
import {count, formatDuration} from '../format.js';
import type {ChecksState} from '../state/checks-state.js';
import {
	checksTabs,
	isMatrixTab,
	tabTitles,
	type ChecksTab,
	type ChecksView,
} from '../state/checks-view.js';
import {Toned} from '../theme.js';
import {Spinner, useTick} from './ticker.js';

/** What is shown, how far the measuring is, and how bad it looks. */
export const ChecksTitle = ({
	state,
	view,
	tab,
	kind,
	ready,
	columns,
	now,
}: {
	readonly state: ChecksState;
	readonly view: ChecksView;
	readonly tab: ChecksTab;
	readonly kind: AddressKind;
	readonly ready: number;
	readonly columns: number;
	readonly now: () => number;
}) => {
	useTick();
	const {work} = state;
	const time =
		work.phase === 'running'
			? [formatDuration(now() - work.startedAt)]
			: work.phase === 'done'
				? [formatDuration(work.endedAt - work.startedAt)]
				: [];
	const open = view.findings.filter(
		({severity, ignored}) => severity !== 'info' && !ignored,
	).length;
	const progress = [
		'',
		`${ready} of ${count(view.names.length, 'node')}`,
		...(view.planned > 0 ? [`${view.measured} of ${view.planned} paths`] : []),
		...time,
	].join(' · ');
	const [verdict, tone] =
		view.blocked > 0
			? ([`${view.blocked} blocked`, 'bad'] as const)
			: open > 0
				? ([count(open, 'finding'), 'warning'] as const)
				: ([work.phase === 'done' ? 'all good' : '', 'good'] as const);
	return (
		<Box width={columns} paddingX={1} justifyContent="space-between" height={1}>
			<Text wrap="truncate-end">
				{work.phase === 'running' && (
					<>
						<Spinner />{' '}
					</>
				)}
				<Toned bold>
					{isMatrixTab(tab) ? `${tabTitles[tab]} (${kind})` : tabTitles[tab]}
				</Toned>
				{progress}
			</Text>
			<Box flexShrink={0} marginLeft={2}>
				<Toned tone={tone}>{verdict}</Toned>
			</Box>
		</Box>
	);
};

/** The tabs with the one that is shown marked, and by what the matrix is narrowed down. */
export const ChecksTabs = ({
	view,
	tab,
	note,
	columns,
}: {
	readonly view: ChecksView;
	readonly tab: ChecksTab;
	/** How the matrix is ordered and filtered; empty when as always. */
	readonly note: string;
	readonly columns: number;
}) => (
	<Box width={columns} paddingX={1} justifyContent="space-between" height={1}>
		<Text wrap="truncate-end">
			{checksTabs.map((one, index) => (
				<Text key={one}>
					{index > 0 && <Toned tone="muted">{'  '}</Toned>}
					<Toned
						tone={one === tab ? 'accent' : 'muted'}
						underline={one === tab}
					>
						{tabTitles[one]}
					</Toned>
					{one === 'findings' && view.findings.length > 0 && (
						<Toned tone="muted">{` ${view.findings.length}`}</Toned>
					)}
				</Text>
			))}
		</Text>
		<Box flexShrink={0} marginLeft={2}>
			<Toned tone="muted">{note}</Toned>
		</Box>
	</Box>
);
