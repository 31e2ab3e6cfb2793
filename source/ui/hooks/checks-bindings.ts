import {checksTabs, isMatrixTab, tabTitles} from '../state/checks-view.js';
import type {ClusterSession} from '../state/cluster-session.js';
import type {ChecksActions} from './use-checks-actions.js';
import type {ChecksShown} from './use-checks-shown.js';
import type {Binding} from './use-keys.js';

/** The keys of the Checks screen in list mode, the ones that a narrow footer keeps first. */
export const checksBindings = (options: {
	readonly session: ClusterSession;
	readonly shown: ChecksShown;
	readonly actions: ChecksActions;
	/** Begins to type a filter. */
	readonly onFilter: () => void;
	readonly onQuit: () => void;
}): readonly Binding[] => {
	const {session, shown, actions, onFilter, onQuit} = options;
	const {view, tab, setTab, matrix, hostList, findingList, fix} = shown;
	const {checks} = session;
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
			: findingList.bindings;
	const matrixBindings: readonly Binding[] = isMatrixTab(tab)
		? [
				{
					keys: ['w'],
					shown: 'w',
					label: matrix.isWorstFirst ? 'by site' : 'worst first',
					run() {
						actions.tell(undefined);
						matrix.toggleWorstFirst();
					},
				},
				{
					keys: ['n'],
					shown: 'n',
					label: 'next trouble',
					run() {
						actions.tell(
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
	return [
		...placeBindings,
		{
			keys: ['enter'],
			shown: 'Enter',
			label: 'next',
			run() {
				void actions.next();
			},
		},
		{
			keys: ['tab'],
			shown: 'Tab',
			label: tabTitles[nextTab].toLowerCase(),
			run() {
				actions.tell(undefined);
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
							void actions.override();
						},
					},
				]
			: []),
		...(tab === 'ports' || tab === 'hosts'
			? [
					{
						keys: ['f'],
						...(fix === undefined ? {} : {shown: 'f', label: 'fix'}),
						run: actions.offerFix,
					},
				]
			: []),
		...matrixBindings,
		{
			keys: ['/'],
			shown: '/',
			label: 'filter',
			run() {
				actions.tell(undefined);
				onFilter();
			},
		},
		...(tab === 'findings'
			? []
			: [
					{
						keys: ['v'],
						shown: 'v',
						label: 'evidence',
						run: actions.showEvidence,
					},
				]),
		{keys: ['c'], shown: 'c', label: 'copy', run: actions.copyAdvice},
		{
			keys: ['r'],
			shown: 'r',
			label: 'again',
			run() {
				actions.tell(undefined);
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
				onQuit();
			},
		},
	];
};
