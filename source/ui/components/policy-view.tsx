import {useState} from 'react';
import type {PolicyComparison} from '../../operations/policy.js';
import {useUi} from '../context.js';
import {useObservable} from '../hooks/use-observable.js';
import type {PolicyModel} from '../state/policy-model.js';
import type {Work} from '../state/work.js';
import {FileView} from './file-view.js';
import type {Notice} from './notices.js';

const help = {
	title: 'Policy',
	about: [
		"What the tailnet's policy must hold so that nodes and pods reach each other and pod networks are approved by themselves.",
		'With credentials for the API it is compared with the policy in force; nothing is written before you say yes.',
	],
	keys: [
		['↑ ↓', 'scroll'],
		['c', "copy what is needed to the terminal's clipboard"],
		['s', 'save it in a file of this folder; asks before it replaces one'],
		['w', 'put what is missing in force'],
		['r', 'read it again'],
		['Esc', 'back to Settings'],
	],
} as const;

/** What is shown of a comparison, as lines. */
const linesOf = ({needed, inForce}: PolicyComparison): readonly string[] => {
	if (inForce === undefined) {
		return needed.trimEnd().split('\n');
	}

	const {server, changes, difference, objections} = inForce;
	return changes.length === 0
		? [`The policy of ${server} has all that the cluster needs.`]
		: [
				`The policy of ${server} lacks:`,
				...changes.map((change) => `  ${change}`),
				...objections.map((objection) => `${server} objects: ${objection}`),
				'',
				...difference,
			];
};

const shownLines = (work: Work<PolicyComparison>): readonly string[] => {
	switch (work.phase) {
		case 'idle':
		case 'running': {
			return ['Reading the policy…'];
		}

		case 'failed': {
			return [work.failure.message, ...work.failure.tryNext];
		}

		case 'done': {
			return linesOf(work.result);
		}
	}
};

/** The policy of the tailnet: to copy, or compared with what is in force. */
export const PolicyView = ({
	policy,
	onClose,
}: {
	readonly policy: PolicyModel;
	readonly onClose: () => void;
}) => {
	const {copy} = useUi();
	const work = useObservable(policy.state);
	const [notice, setNotice] = useState<Notice | undefined>(undefined);
	const result = work.phase === 'done' ? work.result : undefined;
	const inForce = result?.inForce;
	const isWritable =
		inForce !== undefined &&
		inForce.changes.length > 0 &&
		inForce.objections.length === 0;
	return (
		<FileView
			isWrapped
			title={
				inForce === undefined
					? "What the tailnet's policy must hold"
					: `Policy of ${inForce.server}`
			}
			help={help}
			notice={notice}
			lines={shownLines(work)}
			further={[
				...(result === undefined
					? []
					: [
							{
								keys: ['c'],
								shown: 'c',
								label: 'copy',
								run() {
									copy(result.needed);
									setNotice({
										tone: 'good',
										text: "What is needed went to the terminal's clipboard, if it takes any (OSC 52).",
									});
								},
							},
							{
								keys: ['s'],
								shown: 's',
								label: 'save',
								run() {
									void (async () => {
										setNotice(await policy.save());
									})();
								},
							},
						]),
				...(isWritable
					? [
							{
								keys: ['w'],
								shown: 'w',
								label: 'write it',
								run() {
									void policy.write();
								},
							},
						]
					: []),
				{
					keys: ['r'],
					shown: 'r',
					label: 'read again',
					run() {
						policy.look();
					},
				},
			]}
			onClose={onClose}
		/>
	);
};
