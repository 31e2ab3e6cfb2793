import {useState} from 'react';
import type {FirewallFix} from '../../operations/operations.js';
import {evidenceLine} from '../components/cell-details.js';
import type {Notice} from '../components/notices.js';
import {useUi} from '../context.js';
import {count} from '../format.js';
import {unreachedId} from '../state/checks-ground.js';
import {openBlockers} from '../state/checks-model.js';
import {findingsOfPair, isMatrixTab} from '../state/checks-view.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {wholeEvidence} from '../state/evidence.js';
import type {ChecksShown} from './use-checks-shown.js';

/** What stands in place of the tabs for a while. */
export type ChecksOverlay =
	| {
			readonly kind: 'evidence';
			readonly title: string;
			readonly lines: readonly string[];
	  }
	| {readonly kind: 'fix'; readonly fix: FirewallFix};

/** What the keys of the Checks screen do, and what they have to say. */
export type ChecksActions = {
	readonly overlay: ChecksOverlay | undefined;
	readonly closeOverlay: () => void;
	readonly notice: Notice | undefined;
	readonly tell: (notice: Notice | undefined) => void;
	/** Shows all that is known of the chosen pair or host. */
	readonly showEvidence: () => void;
	/** Hands lines to the terminal's clipboard. */
	readonly copyLines: (lines: readonly string[], where: string) => void;
	/** The same with what opens the chosen path. */
	readonly copyAdvice: () => void;
	readonly offerFix: () => void;
	/** Overrides the chosen finding, after asking. */
	readonly override: () => Promise<void>;
	/** Goes on to Review, or says what speaks against it. */
	readonly next: () => Promise<void>;
};

/** Makes the actions of the Checks screen. */
export const useChecksActions = (
	session: ClusterSession,
	shown: ChecksShown,
): ChecksActions => {
	const {copy} = useUi();
	const {checks, questions, document} = session;
	const {
		view,
		tab,
		setTab,
		matrix,
		hosts,
		hostList,
		findings,
		findingList,
		isRunning,
		target,
		fix,
	} = shown;
	const [overlay, setOverlay] = useState<ChecksOverlay | undefined>(undefined);
	const [notice, setNotice] = useState<Notice | undefined>(undefined);

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

		const {from, to} = matrix.cursor;
		setOverlay({
			kind: 'evidence',
			title: `${from} → ${from === to ? 'itself' : to}`,
			lines: [
				...wholeEvidence(view, from, to).map((line) => evidenceLine(line).text),
				...(['ports', 'latency', 'mtu'] as const)
					.flatMap((part) => findingsOfPair(view, part, from, to))
					.flatMap(({id, message, fixes: advice}) => [
						id,
						`    ${message}`,
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
			const finding = findings[findingList.selected];
			copyLines(finding?.fixes ?? [], finding?.nodes.join(', ') ?? '');
		} else if (fix === undefined) {
			copyLines(
				isMatrixTab(tab)
					? findingsOfPair(
							view,
							tab,
							matrix.cursor.from,
							matrix.cursor.to,
						).flatMap(({fixes: advice}) => advice)
					: [],
				target ?? '',
			);
		} else {
			copyLines(fix.lines, fix.node);
		}
	};

	const whyNoFix = (): string => {
		if (isRunning) {
			return 'Still measuring. The result decides what to open.';
		}

		const isClosed = [...view.pairs.values()].some((pairs) =>
			[...pairs.values()].some(
				({to, state}) =>
					to === target && (state === 'bad' || state === 'warning'),
			),
		);
		return isClosed
			? `No firewall on ${target ?? 'the node'} itself closes a path to it: what stands in front of it has to be opened there.`
			: `No path to ${target ?? 'the node'} is closed.`;
	};

	const offerFix = () => {
		if (fix === undefined) {
			setNotice({tone: 'muted', text: whyNoFix()});
		} else {
			setNotice(undefined);
			setOverlay({kind: 'fix', fix});
		}
	};

	const override = async () => {
		const finding = findings[findingList.selected];
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

		const open = openBlockers(current, document.cluster.latest().ignore);
		const against = open.length + current.failed.size;
		if (against > 0) {
			setTab('findings');
			matrix.setFilter('');
			findingList.select(0);
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

	return {
		overlay,
		closeOverlay() {
			setOverlay(undefined);
		},
		notice,
		tell: setNotice,
		showEvidence,
		copyLines,
		copyAdvice,
		offerFix,
		override,
		next,
	};
};
