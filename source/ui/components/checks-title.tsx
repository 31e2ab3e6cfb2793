import {Box, Text} from 'ink';
import {count, formatDuration} from '../format.js';
import type {ChecksState} from '../state/checks-model.js';
import {
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
	ready,
	columns,
	now,
}: {
	readonly state: ChecksState;
	readonly view: ChecksView;
	readonly tab: ChecksTab;
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
	return (
		<Box width={columns} paddingX={1} justifyContent="space-between" height={1}>
			<Text wrap="truncate-end">
				{work.phase === 'running' && (
					<>
						<Spinner />{' '}
					</>
				)}
				<Toned bold>{tabTitles[tab]}</Toned>
				{` · ${ready} of ${count(view.names.length, 'node')}`}
				{view.planned > 0 && ` · ${view.measured} of ${view.planned} paths`}
				{time.map((text) => ` · ${text}`)}
			</Text>
			<Box flexShrink={0} marginLeft={2}>
				{view.blocked > 0 ? (
					<Toned tone="bad">{`${view.blocked} blocked`}</Toned>
				) : open > 0 ? (
					<Toned tone="warning">{count(open, 'finding')}</Toned>
				) : (
					work.phase === 'done' && <Toned tone="good">all good</Toned>
				)}
			</Box>
		</Box>
	);
};
