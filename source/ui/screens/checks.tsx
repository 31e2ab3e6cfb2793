import {Box} from 'ink';
import {useMemo, useState} from 'react';
import {ChecksMatrix} from '../components/checks-matrix.js';
import {ChecksTitle} from '../components/checks-title.js';
import {FindingsList} from '../components/findings-list.js';
import {Notices, noticeLines, type Notice} from '../components/notices.js';
import {Screen} from '../components/screen.js';
import {Ticker} from '../components/ticker.js';
import {useUi} from '../context.js';
import {count} from '../format.js';
import type {Binding} from '../hooks/use-keys.js';
import {useObservable} from '../hooks/use-observable.js';
import {useSelection} from '../hooks/use-selection.js';
import {openBlockers} from '../state/checks-model.js';
import {
	checksView,
	tabTitles,
	troubledPairs,
	unreachedId,
	type ChecksTab,
} from '../state/checks-view.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {Toned} from '../theme.js';

const help = {
	title: 'Checks',
	about: [
		'Every path that the cluster needs, tried from every node to every other, and what follows from it. A row sends, a column should answer. Nothing is changed on any node.',
		'A finding with ✖ stops the install until it is mended or overridden.',
	],
	keys: [
		['← ↑ ↓ →', 'choose a pair; the evidence and the fix stand below'],
		['Tab', 'ports, latency, findings'],
		['w', 'go to the worst pair, then to the next'],
		['o', 'in Findings: override the check by its id, or take that back'],
		['r', 'measure again'],
		['Enter', 'next: Review'],
		['Esc', 'back to Settings'],
		['q', 'quit; everything is saved'],
	],
} as const;

/** The matrix of paths, what follows from it, and what to do. */
export const ChecksScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const {checks, questions} = session;
	const cluster = useObservable(session.document.cluster);
	const state = useObservable(checks.state);
	const {contacts} = useObservable(session.nodes.state);
	const view = useMemo(
		() => checksView(state, cluster, session.fleet.facts()),
		[state, cluster, session],
	);
	const [wantedTab, setWantedTab] = useState<ChecksTab>(
		cluster.nodes.length > 1 ? 'external' : 'findings',
	);
	const tab = view.tabs.includes(wantedTab) ? wantedTab : 'external';
	const [wantedCursor, setWantedCursor] = useState({row: 0, column: 1});
	const [notice, setNotice] = useState<Notice | undefined>(undefined);
	const list = useSelection(view.findings.length);
	const last = view.names.length - 1;
	const cursor = {
		row: Math.max(0, Math.min(last, wantedCursor.row)),
		column: Math.max(0, Math.min(last, wantedCursor.column)),
	};
	const isRunning =
		state.work.phase === 'running' || state.work.phase === 'idle';
	const ready = view.names.filter(
		(name) => contacts.get(name)?.state === 'ready',
	).length;

	const move = (row: number, column: number) => () => {
		setWantedCursor({
			row: Math.max(0, Math.min(last, cursor.row + row)),
			column: Math.max(0, Math.min(last, cursor.column + column)),
		});
	};

	const toWorst = () => {
		const kind = tab === 'internal' ? 'internal' : 'external';
		const pairs = troubledPairs(view, kind);
		const here = pairs.findIndex(
			({row, column}) => row === cursor.row && column === cursor.column,
		);
		const target = pairs[(here + 1) % Math.max(1, pairs.length)];
		if (target === undefined) {
			setNotice({tone: 'good', text: 'No path is in trouble here.'});
		} else {
			setWantedTab(kind);
			setWantedCursor(target);
		}
	};

	const override = async () => {
		const finding = view.findings[list.selected];
		if (finding === undefined) {
			return;
		}

		if (finding.id === unreachedId || finding.severity === 'info') {
			setNotice({
				tone: 'muted',
				text:
					finding.severity === 'info'
						? 'This is only told; there is nothing to override.'
						: 'A node that can not be contacted can not be overridden.',
			});
			return;
		}

		const same = view.findings.filter(({id}) => id === finding.id).length;
		if (
			finding.ignored ||
			(await questions.ask({
				title: `Override ${finding.id}${same > 1 ? ` (${count(same, 'finding')})` : ''}?`,
				lines: [
					'It is written into the cluster file under "ignore". What it warns of may then happen.',
				],
				yes: 'override it',
				no: 'leave it',
			}))
		) {
			setNotice(undefined);
			checks.toggleIgnored(finding.id);
		}
	};

	const next = async () => {
		const report = checks.report();
		if (report === undefined) {
			setNotice({
				tone: 'muted',
				text: isRunning
					? 'Still measuring. The result decides how to go on.'
					: 'The checks have not been completed: r measures again.',
			});
			return;
		}

		const open = openBlockers(report, cluster.ignore);
		const against = open.length + report.failed.size;
		if (against > 0) {
			setWantedTab('findings');
			setNotice({
				tone: 'bad',
				text: `${count(against, 'finding speaks', 'findings speak')} against it: mend what is named and press r, or override a check (o).`,
			});
			return;
		}

		const warnings = view.findings.filter(
			({severity, ignored}) => severity === 'warning' && !ignored,
		).length;
		if (
			warnings === 0 ||
			(await questions.ask({
				title: `Go on with ${count(warnings, 'warning')}?`,
				lines: ['Tab shows them under Findings.'],
				yes: 'go on to Review',
				no: 'stay here',
			}))
		) {
			session.go('review');
		}
	};

	const bindings: readonly Binding[] = [
		...(tab === 'findings'
			? [
					...list.bindings,
					{
						keys: ['o'],
						shown: 'o',
						label: 'override',
						run() {
							void override();
						},
					},
				]
			: [
					{
						keys: ['up', 'k'],
						shown: '←↑↓→',
						label: 'pair',
						run: move(-1, 0),
					},
					{keys: ['down', 'j'], run: move(1, 0)},
					{keys: ['left', 'h'], run: move(0, -1)},
					{keys: ['right', 'l'], run: move(0, 1)},
				]),
		{
			keys: ['tab'],
			shown: 'Tab',
			label: tabTitles[
				view.tabs[(view.tabs.indexOf(tab) + 1) % view.tabs.length]!
			]
				.split(' ')[0]!
				.toLowerCase(),
			run() {
				setNotice(undefined);
				setWantedTab(
					view.tabs[(view.tabs.indexOf(tab) + 1) % view.tabs.length]!,
				);
			},
		},
		...(tab === 'findings'
			? []
			: [{keys: ['w'], shown: 'w', label: 'worst', run: toWorst}]),
		{
			keys: ['r'],
			shown: 'r',
			label: 'again',
			run() {
				setNotice(undefined);
				checks.restart();
			},
		},
		{
			keys: ['enter'],
			shown: 'Enter',
			label: 'next',
			run() {
				void next();
			},
		},
		{
			keys: ['escape'],
			shown: 'Esc',
			label: 'back',
			run() {
				session.go('settings');
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
	];
	const notices: readonly Notice[] = [
		...(notice === undefined ? [] : [notice]),
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
		...[...state.agentProblems].map(([node, problem]): Notice => ({
			tone: 'warning',
			text: `${node} can not be measured from: ${problem}`,
		})),
	];
	return (
		<Screen mode="list" bindings={bindings} help={help}>
			{(size) => {
				const lines = noticeLines(
					notices,
					size.columns,
					Math.max(1, Math.floor(size.rows / 4)),
				);
				const rest = {...size, rows: size.rows - 1 - lines.length};
				return (
					<Ticker isActive={isRunning}>
						<ChecksTitle
							state={state}
							view={view}
							tab={tab}
							ready={ready}
							columns={size.columns}
							now={session.world.now}
						/>
						{tab === 'findings' ? (
							isRunning ? (
								<Toned tone="muted">
									{' The rules are applied once everything is measured.'}
								</Toned>
							) : (
								<FindingsList
									findings={view.findings}
									selected={list.selected}
									columns={size.columns}
									rows={rest.rows}
								/>
							)
						) : (
							<ChecksMatrix
								view={view}
								tab={tab}
								cursor={cursor}
								isRunning={isRunning}
								size={rest}
							/>
						)}
						<Box flexGrow={1} />
						<Notices lines={lines} />
					</Ticker>
				);
			}}
		</Screen>
	);
};
