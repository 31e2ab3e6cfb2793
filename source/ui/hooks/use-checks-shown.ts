import {useMemo, useState} from 'react';
import type {FirewallFix} from '../../operations/operations.js';
import {checksGround} from '../state/checks-ground.js';
import type {ChecksState} from '../state/checks-state.js';
import {
	checksView,
	type ChecksTab,
	type ChecksView,
} from '../state/checks-view.js';
import type {ClusterSession} from '../state/cluster-session.js';
import type {FindingGroup} from '../state/finding-groups.js';
import {hostCheckRows, type HostCheckRow} from '../state/host-check-rows.js';
import {readFilter} from '../state/matrix-order.js';
import {useMatrix, type Matrix} from './use-matrix.js';
import {useObservable} from './use-observable.js';
import {useSelection} from './use-selection.js';

type Selection = ReturnType<typeof useSelection>;

/** All that the Checks screen shows, and what of it is chosen. */
export type ChecksShown = {
	readonly state: ChecksState;
	readonly view: ChecksView;
	readonly isRunning: boolean;
	/** Nodes that can be measured. */
	readonly ready: number;
	readonly tab: ChecksTab;
	readonly setTab: (tab: ChecksTab) => void;
	readonly matrix: Matrix;
	readonly hosts: readonly HostCheckRow[];
	readonly hostList: Selection;
	readonly findings: readonly FindingGroup[];
	readonly findingList: Selection;
	/** The node that the chosen cell or row is about. */
	readonly target: string | undefined;
	/** What opens its firewall, where that closes a path. */
	readonly fix: FirewallFix | undefined;
};

/** Derives what the Checks screen shows from what is measured, and keeps what is chosen in it. */
export const useChecksShown = (session: ClusterSession): ChecksShown => {
	const {checks, operations} = session;
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
	const isKept = readFilter(matrix.filter).from;
	const hosts = hostCheckRows(view, facts).filter(({name}) => isKept(name));
	const hostList = useSelection(hosts.length);
	const findings = view.findings.filter(
		({nodes}) =>
			nodes.length === 0 ||
			matrix.filter === '' ||
			nodes.some((name) => isKept(name)),
	);
	const findingList = useSelection(findings.length);
	const target =
		tab === 'hosts' ? hosts[hostList.selected]?.name : matrix.cursor.to;
	return {
		state,
		view,
		isRunning: state.work.phase === 'running' || state.work.phase === 'idle',
		ready: view.names.filter((name) => contacts.get(name)?.state === 'ready')
			.length,
		tab,
		setTab,
		matrix,
		hosts,
		hostList,
		findings,
		findingList,
		target,
		fix:
			tab === 'ports' || tab === 'hosts'
				? fixes.find(({node}) => node === target)
				: undefined,
	};
};
