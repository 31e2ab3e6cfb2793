import {commandLine} from './firewall/node-firewall.js';
import type {NodePlan, Plan, Step, Template} from './plan.js';
import {maskedText} from './template.js';

/** How a plan's lines are dressed. */
export type RenderOptions = {
	/** May the text hold terminal colours? */
	readonly colors: boolean;
};

type Paint = (text: string) => string;

/** How texts are dressed. */
export const paints = ({
	colors,
}: RenderOptions): Record<'bold' | 'dim' | 'green', Paint> => {
	const paint =
		(begin: number, end: number): Paint =>
		(text) =>
			colors ? `\u{1B}[${begin}m${text}\u{1B}[${end}m` : text;
	return {bold: paint(1, 22), dim: paint(2, 22), green: paint(32, 39)};
};

/** A duration in short, from whole seconds: `1m40s`. */
const duration = (seconds: number): string => {
	const minutes = Math.floor(seconds / 60);
	const rest = seconds % 60;
	return minutes === 0
		? `${rest}s`
		: `${minutes}m${String(rest).padStart(2, '0')}s`;
};

/** The lines of a file that a plan writes, with references by name in place of secrets. */
export const renderFile = (content: Template): readonly string[] =>
	maskedText(content).replace(/\n$/, '').split('\n');

/** What a step does, in a line or more, without secrets. */
const stepLines = (step: Step): readonly string[] => {
	const {action} = step;
	switch (action.kind) {
		case 'write-file': {
			const lines = renderFile(action.content);
			return [
				`${action.path}  ${action.mode.toString(8).padStart(4, '0')}  ${lines.length} lines`,
				...lines.map((line) => `    ${line}`),
			];
		}

		case 'firewall': {
			return action.rules.map(({add, why}) => `${commandLine(add)}  # ${why}`);
		}

		case 'upload': {
			return [
				`${action.path}  ${action.mode.toString(8).padStart(4, '0')}  ${Math.ceil(action.bytes / 1_048_576)} MB from ${action.from} (checked with sha256)`,
			];
		}

		case 'download': {
			return [`${action.url} (checked with sha256)`];
		}

		case 'install': {
			return [`${step.title}, by ${action.scriptUrl}`];
		}

		default: {
			return [step.title];
		}
	}
};

/** Does a node's plan change anything, as far as the facts tell? */
export const nodeChanges = ({steps}: NodePlan): boolean =>
	steps.some(({expectation}) => expectation === 'change');

const nodeLines = (
	plan: NodePlan,
	paint: ReturnType<typeof paints>,
): readonly string[] => {
	const changes = nodeChanges(plan);
	const header = `${paint.bold(plan.node)}  ${plan.role}  ${
		changes ? 'will change' : 'nothing to do: already as wanted'
	}`;
	const lines = plan.steps
		.filter(({stage}) => stage !== 'verify')
		.filter(({expectation}) => expectation === 'change')
		.flatMap((step) => {
			const [first, ...rest] = stepLines(step);
			return step.action.kind === 'firewall'
				? stepLines(step).map((line) => `  ${paint.green('+')} ${line}`)
				: [
						`  ${paint.green('+')} ${first}`,
						...rest.map((line) => `  ${paint.dim(line)}`),
					];
		});
	return [header, ...lines];
};

/** The lines of a plan: for each node what is new, files with their text, secrets by name only. */
export const renderPlanText = (
	plan: Plan,
	options?: RenderOptions,
): readonly string[] => {
	const paint = paints(options ?? {colors: false});
	const changing = plan.nodes.filter((node) => nodeChanges(node)).length;
	return [
		`${paint.bold(plan.cluster)}: K3s ${plan.version}, first server ${plan.firstServer}`,
		...plan.nodes.flatMap((node) => ['', ...nodeLines(node, paint)]),
		'',
		changing === 0
			? 'Nothing to change. An apply would only verify.'
			: `${changing} of ${plan.nodes.length} nodes will change. Nothing has been changed yet. About ${duration(plan.estimateSeconds)}.`,
	];
};

/** One step as `plan --json` prints it. */
export type StepJson = {
	readonly id: string;
	readonly stage: Step['stage'];
	readonly title: string;
	/** Kind of the action, such as `write-file`. */
	readonly action: string;
	readonly expectation: Step['expectation'];
	/** Ids of steps that come before. */
	readonly needs: readonly string[];
	/** For `write-file`: where, with which mode (octal), and the text with secrets by name. */
	readonly file?: {
		readonly path: string;
		readonly mode: string;
		readonly text: string;
	};
	/** For `firewall`: the commands, as they can be pasted. */
	readonly commands?: readonly string[];
	/** For `upload`, `download` and `install`: where it comes from. */
	readonly url?: string;
};

/** The object that `plan --json` prints. */
export type PlanJson = {
	readonly cluster: string;
	readonly version: string;
	readonly firstServer: string;
	readonly changes: boolean;
	readonly estimateSeconds: number;
	readonly nodes: ReadonlyArray<{
		readonly name: string;
		readonly role: NodePlan['role'];
		readonly changes: boolean;
		readonly steps: readonly StepJson[];
	}>;
};

const stepJson = (step: Step): StepJson => {
	const {id, stage, title, action, expectation, needs} = step;
	const base: StepJson = {
		id,
		stage,
		title,
		action: action.kind,
		expectation,
		needs,
	};
	switch (action.kind) {
		case 'write-file': {
			return {
				...base,
				file: {
					path: action.path,
					mode: action.mode.toString(8).padStart(4, '0'),
					text: maskedText(action.content),
				},
			};
		}

		case 'firewall': {
			return {...base, commands: action.rules.map(({add}) => commandLine(add))};
		}

		case 'upload': {
			return {...base, url: action.from};
		}

		case 'download': {
			return {...base, url: action.url};
		}

		case 'install': {
			return {...base, url: action.scriptUrl};
		}

		default: {
			return base;
		}
	}
};

/** A plan as data for other programs, secrets by name only. */
export const planToJson = (plan: Plan): PlanJson => ({
	cluster: plan.cluster,
	version: plan.version,
	firstServer: plan.firstServer,
	changes: plan.nodes.some((node) => nodeChanges(node)),
	estimateSeconds: plan.estimateSeconds,
	nodes: plan.nodes.map((node) => ({
		name: node.node,
		role: node.role,
		changes: nodeChanges(node),
		steps: node.steps.map((step) => stepJson(step)),
	})),
});
