import {Box} from 'ink';
import {useState} from 'react';
import type {FixOutcome} from '../../operations/operations.js';
import {checksHelp} from '../components/checks-help.js';
import {ChecksMatrix} from '../components/checks-matrix.js';
import {ChecksTabs, ChecksTitle} from '../components/checks-title.js';
import {FileView} from '../components/file-view.js';
import {FilterLine} from '../components/filter-line.js';
import {FindingsList} from '../components/findings-list.js';
import {FixView} from '../components/fix-view.js';
import {HostsTable} from '../components/hosts-table.js';
import {Notices, noticeLines, type Notice} from '../components/notices.js';
import {Screen} from '../components/screen.js';
import {Ticker} from '../components/ticker.js';
import {useUi} from '../context.js';
import {useChecksActions} from '../hooks/use-checks-actions.js';
import {useChecksShown} from '../hooks/use-checks-shown.js';
import {checksBindings} from '../hooks/checks-bindings.js';
import type {ChecksState} from '../state/checks-state.js';
import {isMatrixTab} from '../state/checks-view.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {fixOutcomeText} from '../state/fix-text.js';
import {editText, type TextEdit} from '../state/text-edit.js';
import {Toned} from '../theme.js';

/** What became of a firewall that was to be opened. */
const fixNotice = (node: string, outcome: FixOutcome): Notice => {
	const {tone, text, tryNext} = fixOutcomeText(node, outcome);
	return {tone, text: [text, ...tryNext].join(' ')};
};

/** What has happened that is worth a line below the matrix. */
const stateNotices = (state: ChecksState): readonly Notice[] => [
	...(state.fix === undefined
		? []
		: [
				state.fix.outcome === undefined
					? ({
							tone: 'muted',
							text: `Opening the firewall of ${state.fix.node}…`,
						} as const)
					: fixNotice(state.fix.node, state.fix.outcome),
			]),
	...(state.work.phase === 'failed'
		? [
				{
					tone: 'bad',
					text: [
						state.work.failure.message,
						...state.work.failure.tryNext,
						'r measures again.',
					].join(' '),
				} as const,
			]
		: []),
	...[...state.stations.values()].flatMap(({node, problem}): Notice[] =>
		problem === undefined
			? []
			: [
					{
						tone: 'warning',
						text: `${node} can not be measured from: ${problem}`,
					},
				],
	),
];

/** The matrix of paths, what follows from it, and what to do. */
export const ChecksScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const {checks} = session;
	const shown = useChecksShown(session);
	const actions = useChecksActions(session, shown);
	const {
		state,
		view,
		tab,
		matrix,
		hosts,
		hostList,
		findings,
		findingList,
		isRunning,
	} = shown;
	const {overlay, closeOverlay} = actions;
	const [typed, setTyped] = useState<TextEdit | undefined>(undefined);

	if (overlay?.kind === 'evidence') {
		return (
			<FileView
				isWrapped
				title={overlay.title}
				lines={overlay.lines}
				onClose={closeOverlay}
			/>
		);
	}

	if (overlay?.kind === 'fix') {
		const {fix} = overlay;
		return (
			<FixView
				fix={fix}
				onApply={() => {
					closeOverlay();
					checks.applyFix(fix);
				}}
				onCopy={() => {
					closeOverlay();
					actions.copyLines(fix.lines, fix.node);
				}}
				onClose={closeOverlay}
			/>
		);
	}

	const notices: readonly Notice[] = [
		...(actions.notice === undefined ? [] : [actions.notice]),
		...stateNotices(state),
	];
	const orderNote = [
		...(matrix.isWorstFirst && isMatrixTab(tab) ? ['worst first'] : []),
		...(matrix.filter === '' ? [] : [`only ${matrix.filter}`]),
	].join(' · ');
	return (
		<Screen
			mode={typed === undefined ? 'list' : 'input'}
			isTyping={typed !== undefined}
			bindings={
				typed === undefined
					? checksBindings({
							session,
							shown,
							actions,
							onFilter() {
								actions.tell(undefined);
								setTyped(editText(matrix.filter));
							},
							onQuit() {
								void model.quit();
							},
						})
					: [
							{keys: [], shown: 'Enter', label: 'keep'},
							{keys: [], shown: 'Esc', label: 'all nodes'},
						]
			}
			help={checksHelp}
		>
			{(size) => {
				const lines = noticeLines(
					notices,
					size.columns,
					Math.max(1, Math.floor(size.rows / 4)),
				);
				const tabRows = size.rows >= 14 ? 1 : 0;
				const rest = {
					...size,
					rows:
						size.rows -
						1 -
						tabRows -
						lines.length -
						(typed === undefined ? 0 : 1),
				};
				return (
					<Ticker isActive={isRunning}>
						<ChecksTitle
							state={state}
							view={view}
							tab={tab}
							kind={matrix.kind}
							ready={shown.ready}
							columns={size.columns}
							now={session.world.now}
						/>
						{tabRows > 0 && (
							<ChecksTabs
								view={view}
								tab={tab}
								note={orderNote}
								columns={size.columns}
							/>
						)}
						{tab === 'findings' ? (
							isRunning ? (
								<Toned tone="muted">
									{' The rules are applied once everything is measured.'}
								</Toned>
							) : (
								<FindingsList
									findings={findings}
									selected={findingList.selected}
									columns={size.columns}
									rows={rest.rows}
								/>
							)
						) : tab === 'hosts' ? (
							<HostsTable
								hosts={hosts}
								selected={hostList.selected}
								size={rest}
							/>
						) : (
							<ChecksMatrix
								view={view}
								tab={tab}
								kind={matrix.kind}
								order={matrix.order}
								cursor={matrix.cursor}
								isRunning={isRunning}
								size={rest}
							/>
						)}
						<Box flexGrow={1} />
						<Notices lines={lines} />
						{typed !== undefined && (
							<FilterLine
								edit={typed}
								columns={size.columns}
								onChange={(edit) => {
									setTyped(edit);
									matrix.setFilter(edit.text.trim());
								}}
								onClose={(isKept) => {
									setTyped(undefined);
									if (!isKept) {
										matrix.setFilter('');
									}
								}}
							/>
						)}
					</Ticker>
				);
			}}
		</Screen>
	);
};
