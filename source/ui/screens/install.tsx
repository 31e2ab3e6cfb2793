import {Box, Text} from 'ink';
import {useState} from 'react';
import {FileView} from '../components/file-view.js';
import {InstallGrid} from '../components/install-grid.js';
import {Notices, noticeLines, type Notice} from '../components/notices.js';
import {Screen} from '../components/screen.js';
import {Spinner, Ticker, useTick} from '../components/ticker.js';
import {useUi} from '../context.js';
import {count, formatDuration} from '../format.js';
import type {Binding} from '../hooks/use-keys.js';
import {useObservable} from '../hooks/use-observable.js';
import {useSelection} from '../hooks/use-selection.js';
import type {InstallState} from '../../install/state.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {shownPath} from '../shown-path.js';
import type {InstallRunState, StreamLine} from '../state/install-model.js';
import {breakLockQuestion} from '../state/break-lock-question.js';
import {stopQuestion} from '../state/stop-question.js';
import {Toned, glyphs} from '../theme.js';

const help = {
	title: 'Install',
	about: [
		'A row for each node, a column for each stage. A node that fails never takes the others down; what runs on a node goes on there even when this program ends.',
		`${glyphs.waiting} not begun, ${glyphs.good} done, ${glyphs.warning} waits for something, ${glyphs.bad} failed, ${glyphs.none} not needed or not tried`,
	],
	keys: [
		['↑ ↓', 'choose a node'],
		['Enter', 'its log'],
		['r', 'try a failed node again'],
		['s', 'the logs of all nodes as a stream, and back'],
		['c', 'continue to Done, once all went well'],
		['Esc', 'back to Checks, once the run has ended'],
		['b', "take the cluster's lock from another run, when one holds it"],
		['q', 'stop after the steps under way; quit, once the run has ended'],
	],
} as const;

const isDone = (state: string): boolean =>
	state === 'changed' || state === 'unchanged';

const TitleLine = ({
	run,
	cluster,
	columns,
	now,
}: {
	readonly run: InstallRunState;
	readonly cluster: string;
	readonly columns: number;
	readonly now: () => number;
}) => {
	useTick();
	const {install, phase} = run;
	const nodes = [...install.nodes.values()];
	const done = nodes.filter(({state}) => isDone(state)).length;
	const failed = nodes.filter(({state}) => state === 'failed').length;
	const isRunning = phase === 'running' || phase === 'stopping';
	const left = run.expectedEnd === undefined ? 0 : run.expectedEnd - now();
	const title =
		phase === 'running'
			? `Installing ${cluster}`
			: phase === 'stopping'
				? `Stopping the install of ${cluster}`
				: run.result?.outcome === 'good'
					? run.result.changed
						? `${cluster} is installed`
						: `${cluster} was as wanted already: nothing was changed`
					: run.result?.outcome === 'stopped'
						? `The install of ${cluster} was stopped`
						: `${cluster} is not complete`;
	return (
		<Box width={columns} paddingX={1} justifyContent="space-between" height={1}>
			<Text wrap="truncate-end">
				{isRunning ? (
					<Spinner />
				) : run.result?.outcome === 'good' ? (
					<Toned tone="good">{glyphs.good}</Toned>
				) : (
					<Toned tone="warning">{glyphs.warning}</Toned>
				)}{' '}
				<Toned bold>{title}</Toned>
				{nodes.length > 0 &&
					` · ${done} of ${count(nodes.length, 'node')} done · ${formatDuration((install.endedAt ?? now()) - install.startedAt)}`}
			</Text>
			<Box flexShrink={0} marginLeft={2}>
				{failed > 0 ? (
					<Toned tone="bad">{`${failed} failed`}</Toned>
				) : (
					phase === 'running' &&
					left > 0 && (
						<Toned tone="muted">{`about ${formatDuration(left)} left`}</Toned>
					)
				)}
			</Box>
		</Box>
	);
};

/** What a stop still waits for. */
const stoppingText = ({stopping = []}: InstallState): string =>
	`Stopping${
		stopping.length === 0
			? '.'
			: ` as soon as these have ended: ${stopping.map(({node, title}) => `${node} (${title})`).join(', ')}.`
	} Ctrl-C stops at once.`;

const Stream = ({
	lines,
	rows,
}: {
	readonly lines: readonly StreamLine[];
	readonly rows: number;
}) => {
	const shown = lines.slice(-rows);
	const width = Math.max(0, ...shown.map(({node}) => node.length));
	return shown.map(({node, text}, index) => (
		// eslint-disable-next-line react/no-array-index-key -- lines only move up
		<Text key={lines.length - shown.length + index} wrap="truncate-end">
			{' '}
			<Toned tone="accent">{node.padEnd(width)}</Toned> <Toned>{text}</Toned>
		</Text>
	));
};

/** The live grid of nodes. */
export const InstallScreen = ({
	session,
}: {
	readonly session: ClusterSession;
}) => {
	const {model} = useUi();
	const {install: installModel, store, questions} = session;
	const run = useObservable(installModel.state);
	const cluster = useObservable(session.document.cluster);
	const [view, setView] = useState(store.preferences.installView());
	const [logOf, setLogOf] = useState<string | undefined>(undefined);
	const [notice, setNotice] = useState<Notice | undefined>(undefined);
	const nodes = [...run.install.nodes.values()];
	const selection = useSelection(nodes.length, {shown: '↑↓', label: 'node'});
	const current = nodes[selection.selected];
	const isRunning = run.phase === 'running' || run.phase === 'stopping';
	const lockedBy = run.phase === 'ended' ? run.result?.lockedBy : undefined;
	const isGood = run.phase === 'ended' && run.result?.outcome === 'good';

	const logNode =
		logOf === undefined ? undefined : run.install.nodes.get(logOf);
	if (logNode !== undefined) {
		return (
			<FileView
				follow
				title={`Log of ${logNode.name}`}
				lines={logNode.log}
				onClose={() => {
					setLogOf(undefined);
				}}
			/>
		);
	}

	const retry = () => {
		const target =
			current?.state === 'failed' || current?.state === 'skipped'
				? current
				: nodes.find(({state}) => state === 'failed');
		if (run.phase === 'stopping' || run.result?.outcome === 'stopped') {
			setNotice({
				tone: 'muted',
				text: 'The run was stopped: Esc goes back to Checks, and from there on.',
			});
		} else if (target === undefined) {
			setNotice({tone: 'muted', text: 'No node has failed.'});
		} else {
			setNotice(undefined);
			installModel.retry(target.name);
		}
	};

	const bindings: readonly Binding[] = [
		...(isGood
			? [
					{
						keys: ['c'],
						shown: 'c',
						label: 'continue',
						run() {
							session.go('done');
						},
					},
				]
			: []),
		...selection.bindings,
		{
			keys: ['enter'],
			shown: 'Enter',
			label: 'log',
			run() {
				setLogOf(current?.name);
			},
		},
		{keys: ['r'], shown: 'r', label: 'retry', run: retry},
		{
			keys: ['s'],
			shown: 's',
			label: view === 'grid' ? 'stream logs' : 'grid',
			run() {
				const next = view === 'grid' ? 'stream' : 'grid';
				setView(next);
				store.preferences.setInstallView(next);
			},
		},
		...(lockedBy === undefined
			? []
			: [
					{
						keys: ['b'],
						shown: 'b',
						label: 'break lock',
						async run() {
							if (await questions.ask(breakLockQuestion(lockedBy))) {
								installModel.breakLock();
							}
						},
					},
				]),
		...(isRunning
			? [
					{
						keys: ['q'],
						shown: 'q',
						label: 'stop',
						async run() {
							if (await questions.ask(stopQuestion)) {
								installModel.stop();
							}
						},
					},
				]
			: [
					{
						keys: ['escape'],
						shown: 'Esc',
						label: 'back',
						run() {
							session.nodes.refresh();
							session.checks.restart();
							session.go('checks');
						},
					},
					{
						keys: ['q'],
						shown: 'q',
						label: 'quit',
						run() {
							void model.quit();
						},
					},
				]),
	];
	const notices: readonly Notice[] = [
		...(run.phase === 'stopping'
			? [{tone: 'warning', text: stoppingText(run.install)} as const]
			: []),
		...(notice === undefined ? [] : [notice]),
		...(run.failure === undefined
			? []
			: [
					{
						tone: 'bad',
						text: [run.failure.message, ...run.failure.tryNext].join(' '),
					} as const,
				]),
		...(isGood
			? [
					{
						tone: 'good',
						text: 'Every node is done. Press c to go on to the proofs and the kubeconfig.',
					} as const,
				]
			: []),
		...(run.logPath === undefined || isGood
			? []
			: [{tone: 'muted', text: `Log: ${shownPath(run.logPath)}`} as const]),
	];
	return (
		<Screen mode="list" bindings={bindings} help={help}>
			{(size) => {
				const lines = noticeLines(
					notices,
					size.columns,
					Math.max(1, Math.floor(size.rows / 5)),
				);
				const rest = size.rows - 1 - lines.length;
				return (
					<Ticker isActive={isRunning}>
						<TitleLine
							run={run}
							cluster={cluster.name}
							columns={size.columns}
							now={session.world.now}
						/>
						{view === 'stream' ? (
							<Stream lines={run.stream} rows={rest} />
						) : (
							nodes.length > 0 && (
								<InstallGrid
									install={run.install}
									selected={selection.selected}
									columns={size.columns}
									rows={rest}
									now={session.world.now}
								/>
							)
						)}
						<Box flexGrow={1} />
						<Notices lines={lines} />
					</Ticker>
				);
			}}
		</Screen>
	);
};
