import {removalLines} from '../firewall/node-firewall.js';
import type {NodePlan, Step} from '../plan.js';
import {paints, type RenderOptions} from '../render.js';
import type {LeavingPlan} from './leaving.js';

/** What a step takes away, a line each. */
const stepLines = ({action, title}: Step): readonly string[] => {
	switch (action.kind) {
		case 'take-back-firewall': {
			return [
				title,
				// In nftables several rules go with their chain.
				...new Set(
					removalLines(action.rules.map(({remove}) => remove)).map(
						(line) => `    ${line}`,
					),
				),
			];
		}

		case 'take-back-files': {
			return [
				...action.ours.map((path) => `remove ${path}`),
				...action.kept.map((path) => `put back what was in ${path}`),
			];
		}

		default: {
			return [title];
		}
	}
};

const nodeLines = (
	{node, role, steps}: NodePlan,
	paint: ReturnType<typeof paints>,
): readonly string[] => [
	`${paint.bold(node)}  ${role}${steps.length === 0 ? '  nothing of ours is left there' : ''}`,
	...steps.flatMap((step) =>
		stepLines(step).map((line) =>
			line.startsWith(' ') ? `  ${paint.dim(line)}` : `  - ${line}`,
		),
	),
];

/** The lines of a plan that takes something away: for each node what goes, then what is lost, and what else is to be known. */
export const renderLeavingText = (
	{plan, losses, notes}: LeavingPlan,
	options?: RenderOptions,
): readonly string[] => {
	const paint = paints(options ?? {colors: false});
	return [
		...plan.nodes.flatMap((node) => [...nodeLines(node, paint), '']),
		...(losses.length === 0
			? []
			: [
					paint.bold('Deleted for good:'),
					...losses.map((line) => `  ${line}`),
					'',
				]),
		...notes,
		...(notes.length === 0 ? [] : ['']),
	];
};
