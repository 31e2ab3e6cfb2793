import {Box} from 'ink';
import {useMemo, useState} from 'react';
import type {FirewallFix, FixOutcome} from '../../operations/operations.js';
import {evidenceLine} from '../components/cell-details.js';
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
import {count} from '../format.js';
import type {Binding} from '../hooks/use-keys.js';
import {useMatrix} from '../hooks/use-matrix.js';
import {useObservable} from '../hooks/use-observable.js';
import {useSelection} from '../hooks/use-selection.js';
import {openBlockers} from '../state/checks-model.js';
import {
	checksGround,
	checksTabs,
	checksView,
	findingsOfPair,
	isMatrixTab,
	tabTitles,
	unreachedId,
	type ChecksTab,
} from '../state/checks-view.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {wholeEvidence} from '../state/evidence.js';
import {fixOutcomeText} from '../state/fix-text.js';
import {hostCheckRows} from '../state/host-check-rows.js';
import {readFilter} from '../state/matrix-order.js';
import {editText, type TextEdit} from '../state/text-edit.js';
import {Toned} from '../theme.js';

const help = {
	title: 'Checks',
	about: [
		'Every path that the cluster needs, tried from every node to every other, and what follows from it. A row sends, a column should answer. Nothing is changed on any node.',
		'● arrives, ▲ look at it, ✖ blocked (with how many), ◌ being measured, – not expected. A finding with ✖ stops the install until it is mended or overridden.',
	],
	keys: [
		['← ↑ ↓ →', 'choose a pair; the evidence and the fix stand below'],
		['Tab', 'ports, latency, MTU, hosts, findings'],
		['a', 'the next kind of addresses'],
		['w', 'the worst first, or by site again'],
		['n', 'to the next pair in trouble'],
		['/', 'only some nodes: "pi nuc" rows, "> fra" columns, "pi > fra" both'],
		['v', 'all the evidence of the pair or the node'],
		['f', 'open the firewall of the node that should answer; asks first'],
		['c', 'copy the lines that open it'],
		['o', 'in Findings: override the check by its id, or take that back'],
		['r', 'measure again'],
		['Enter', 'next: Review'],
		['Esc', 'back to Settings'],
		['q', 'quit; everything is saved'],
	],
} as const;

/** What became of a firewall that was to be opened. */
const fixNotice = (node: string, outcome: FixOutcome): Notice => {
	const {tone, text, tryNext} = fixOutcomeText(node, outcome);
	return {tone, text: [text, ...tryNext].join(' ')};
};

/** What stands in place of the tabs for a while. */
type Overlay =
	| {
			readonly kind: 'evidence';
			readonly title: string;
			readonly lines: readonly string[];
	  }
	| {readonly kind: 'fix'; readonly fix: FirewallFix};

/** The matrix of paths, what follows from it, and what to do. */
export const ChecksScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model, copy} = useUi();
	const {checks, questions, operations} = session;
	const cluster = useObservable(session.document.cluster);
	const state = useObservable(checks.state);
	const {contacts} = useObservable(session.nodes.state);
	const report = state.work.phase === 'done' ? state.work.result : undefined;
	const facts = useMemo(
		() =>
			new Map(
				[...contacts].flatMap(([name, contact]) =>
					contact.state === 'ready' ? [[name, contact.facts] as const] : [],
				),
			),
		[contacts],
	);
	const ground = useMemo(
		() => checksGround(cluster, facts, report),
		[cluster, facts, report],
	);
	const view = useMemo(() => checksView(state, ground), [state, ground]);
	const fixes = useMemo(
		() =>
			report === undefined ? [] : operations.proposeFixes({report, facts}),
		[operations, report, facts],
	);
	const [tab, setTab] = useState<ChecksTab>(
		cluster.nodes.length > 1 ? 'ports' : 'findings',
	);
	const matrix = useMatrix(view, tab);
	const {cursor, kind} = matrix;
	const [typed, setTyped] = useState<TextEdit | undefined>(undefined);
	const [overlay, setOverlay] = useState<Overlay | undefined>(undefined);
	const [notice, setNotice] = useState<Notice | undefined>(undefined);
	const isShown = readFilter(matrix.filter).from;
	const hosts = hostCheckRows(view, facts).filter(({name}) => isShown(name));
	const hostList = useSelection(hosts.length);
	const findings = view.findings.filter(
		({nodes}) =>
			nodes.length === 0 ||
			matrix.filter === '' ||
			nodes.some((name) => isShown(name)),
	);
	const list = useSelection(findings.length);
	const isRunning =
		state.work.phase === 'running' || state.work.phase === 'idle';
	const ready = view.names.filter(
		(name) => contacts.get(name)?.state === 'ready',
	).length;
	/** The node that the chosen cell or row is about. */
	const target = tab === 'hosts' ? hosts[hostList.selected]?.name : cursor.to;
	const fix =
		tab === 'ports' || tab === 'hosts'
			? fixes.find(({node}) => node === target)
			: undefined;

	const showEvidence = () => {
		if (tab === 'hosts') {
			const host = hosts[hostList.selected];
			if (host !== undefined) {
				setOverlay({
					kind: 'evidence',
					title: host.name,
					lines: host.details.map((line) => evidenceLine(line).text),
				});
			}

			return;
		}

		const {from, to} = cursor;
		setOverlay({
			kind: 'evidence',
			title: `${from} → ${from === to ? 'itself' : to}`,
			lines: [
				...wholeEvidence(view, from, to).map((line) => evidenceLine(line).text),
				...(['ports', 'latency', 'mtu'] as const)
					.flatMap((part) => findingsOfPair(view, part, from, to))
					.flatMap(({id, message, fixes: advice}) => [
						`${id}  ${message}`,
						...advice.flatMap((text) =>
							text.split('\n').map((line) => `    ${line}`),
						),
						'',
					]),
			],
		});
	};

	const copyLines = (lines: readonly string[], where: string) => {
		if (lines.length === 0) {
			setNotice({tone: 'muted', text: 'There is nothing here to copy.'});
			return;
		}

		copy(lines.join('\n'));
		setNotice({
			tone: 'good',
			text: `${count(lines.length, 'line')} for ${where} went to the terminal's clipboard, if it takes any (OSC 52).`,
		});
	};

	const copyAdvice = () => {
		if (tab === 'findings') {
			const finding = findings[list.selected];
			copyLines(finding?.fixes ?? [], finding?.nodes.join(', ') ?? '');
		} else if (fix === undefined) {
			copyLines(
				isMatrixTab(tab)
					? findingsOfPair(view, tab, cursor.from, cursor.to).flatMap(
							({fixes: advice}) => advice,
						)
					: [],
				target ?? '',
			);
		} else {
			copyLines(fix.lines, fix.node);
		}
	};

	const offerFix = () => {
		if (fix === undefined) {
			setNotice({
				tone: 'muted',
				text: isRunning
					? 'Still measuring. The result decides what to open.'
					: `No firewall on ${target ?? 'the node'} itself closes a path to it: what stands in front of it has to be opened there.`,
			});
		} else {
			setNotice(undefined);
			setOverlay({kind: 'fix', fix});
		}
	};

	if (overlay?.kind === 'evidence') {
		return (
			<FileView
				isWrapped
				title={overlay.title}
				lines={overlay.lines}
				onClose={() => {
					setOverlay(undefined);
				}}
			/>
		);
	}

	if (overlay?.kind === 'fix') {
		return (
			<FixView
				fix={overlay.fix}
				onApply={() => {
					setOverlay(undefined);
					checks.applyFix(overlay.fix);
				}}
				onCopy={() => {
					setOverlay(undefined);
					copyLines(overlay.fix.lines, overlay.fix.node);
				}}
				onClose={() => {
					setOverlay(undefined);
				}}
			/>
		);
	}

	const override = async () => {
		const finding = findings[list.selected];
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

		const same = view.findings
			.filter(({id}) => id === finding.id)
			.flatMap(({members}) => members).length;
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
		const current = checks.report();
		if (current === undefined) {
			setNotice({
				tone: 'muted',
				text: isRunning
					? 'Still measuring. The result decides how to go on.'
					: 'The checks have not been completed: r measures again.',
			});
			return;
		}

		const open = openBlockers(current, cluster.ignore);
		const against = open.length + current.failed.size;
		if (against > 0) {
			setTab('findings');
			matrix.setFilter('');
			list.select(0);
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

	const nextTab =
		checksTabs[(checksTabs.indexOf(tab) + 1) % checksTabs.length]!;
	const move = (rows: number, columns: number) => () => {
		matrix.move(rows, columns);
	};

	const placeBindings: readonly Binding[] = isMatrixTab(tab)
		? [
				{
					keys: ['up', 'k'],
					shown: '←↑↓→',
					label: 'pair',
					run: move(-1, 0),
				},
				{keys: ['down', 'j'], run: move(1, 0)},
				{keys: ['left', 'h'], run: move(0, -1)},
				{keys: ['right', 'l'], run: move(0, 1)},
				{
					keys: ['pageUp'],
					run() {
						matrix.page(-1);
					},
				},
				{
					keys: ['pageDown'],
					run() {
						matrix.page(1);
					},
				},
			]
		: tab === 'hosts'
			? hostList.bindings
			: list.bindings;
	const matrixBindings: readonly Binding[] = isMatrixTab(tab)
		? [
				{
					keys: ['w'],
					shown: 'w',
					label: matrix.isWorstFirst ? 'by site' : 'worst first',
					run() {
						setNotice(undefined);
						matrix.toggleWorstFirst();
					},
				},
				{
					keys: ['n'],
					shown: 'n',
					label: 'next trouble',
					run() {
						setNotice(
							matrix.toNextTrouble()
								? undefined
								: {tone: 'good', text: 'No pair is in trouble here.'},
						);
					},
				},
				...(view.kinds.length > 1
					? [
							{
								keys: ['a'],
								shown: 'a',
								label: 'addresses',
								run: matrix.nextKind,
							},
						]
					: []),
			]
		: [];
	const bindings: readonly Binding[] = [
		...placeBindings,
		{
			keys: ['enter'],
			shown: 'Enter',
			label: 'next',
			run() {
				void next();
			},
		},
		{
			keys: ['tab'],
			shown: 'Tab',
			label: tabTitles[nextTab].toLowerCase(),
			run() {
				setNotice(undefined);
				setTab(nextTab);
			},
		},
		...(tab === 'findings'
			? [
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
						keys: ['f'],
						...(fix === undefined ? {} : {shown: 'f', label: 'fix'}),
						run: offerFix,
					},
				]),
		...matrixBindings,
		{
			keys: ['/'],
			shown: '/',
			label: 'filter',
			run() {
				setNotice(undefined);
				setTyped(editText(matrix.filter));
			},
		},
		...(tab === 'findings'
			? []
			: [{keys: ['v'], shown: 'v', label: 'evidence', run: showEvidence}]),
		{keys: ['c'], shown: 'c', label: 'copy', run: copyAdvice},
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
					? bindings
					: [
							{keys: [], shown: 'Enter', label: 'keep'},
							{keys: [], shown: 'Esc', label: 'all nodes'},
						]
			}
			help={help}
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
							kind={kind}
							ready={ready}
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
									selected={list.selected}
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
								kind={kind}
								order={matrix.order}
								cursor={cursor}
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
