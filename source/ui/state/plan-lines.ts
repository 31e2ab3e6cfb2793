import type {NodePlan, Plan, Step} from '../../plan/plan.js';
import {renderFile} from '../../plan/render.js';
import {count} from '../format.js';

/** A line of the Review screen. */
export type PlanLine = {
	readonly key: string;
	readonly kind: 'node' | 'change' | 'same' | 'detail';
	readonly text: string;
	/** What stands at the right end. */
	readonly note: string;
	/** A file that can be looked at. */
	readonly file:
		{readonly path: string; readonly lines: readonly string[]} | undefined;
};

const stepNote = ({action}: Step): string => {
	switch (action.kind) {
		case 'write-file': {
			const lines = renderFile(action.content).length;
			return `${action.mode.toString(8).padStart(4, '0')}  ${count(lines, 'line')}`;
		}

		case 'firewall': {
			return count(action.rules.length, 'rule');
		}

		case 'install': {
			return action.version;
		}

		default: {
			return '';
		}
	}
};

/** Steps that only look do not change a node. */
const looksOnly = ({action}: Step): boolean =>
	action.kind === 'await-join' ||
	action.kind === 'await-ready' ||
	action.kind === 'verify';

const stepLines = (step: Step): readonly PlanLine[] => {
	const {action} = step;
	const isSame = step.expectation === 'unchanged';
	const line: PlanLine = {
		key: step.id,
		kind: isSame ? 'same' : 'change',
		text: step.title,
		note: stepNote(step),
		file:
			action.kind === 'write-file'
				? {path: action.path, lines: renderFile(action.content)}
				: undefined,
	};
	return action.kind === 'firewall' && !isSame
		? [
				line,
				...action.rules.map((rule, index): PlanLine => ({
					key: `${step.id} ${index}`,
					kind: 'detail',
					text: rule.add.join(' '),
					note: rule.why,
					file: undefined,
				})),
			]
		: [line];
};

const changes = (node: NodePlan): readonly Step[] =>
	node.steps.filter(
		(step) => step.expectation === 'change' && !looksOnly(step),
	);

/** How many nodes a plan changes. */
export const changedNodes = (plan: Plan): number =>
	plan.nodes.filter((node) => changes(node).length > 0).length;

/** What a plan does to each node, as lines. */
export const planLines = (plan: Plan): readonly PlanLine[] => {
	const width = Math.max(...plan.nodes.map(({node}) => node.length));
	return plan.nodes.flatMap((node): PlanLine[] => {
		const own = node.steps.filter((step) => !looksOnly(step));
		const isChanged = changes(node).length > 0;
		return [
			{
				key: node.node,
				kind: 'node',
				text: node.node.padEnd(width),
				note: `${node.role.padEnd(7)} ${isChanged ? 'will change' : 'nothing to do: already as wanted'}`,
				file: undefined,
			},
			...(isChanged ? own.flatMap((step) => stepLines(step)) : []),
		];
	});
};
