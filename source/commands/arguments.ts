import {parseArgs} from 'node:util';
import {ruleTexts} from '../checks/rules.js';
import {nearest} from '../cluster/nearest.js';
import {UserError, exitCodes} from '../errors.js';
import {
	commandHelp,
	optionHelp,
	takesOption,
	type CommandName,
	type OptionName,
} from './usage.js';

export type ProgressMode = 'plain' | 'json';

/** What the command line asks for, checked. */
export type Invocation = {
	readonly command: CommandName | 'wizard';
	/** remove: the node; `undefined` for every other command. */
	readonly node: string | undefined;
	/** FILE or NAME; `undefined` when none was given. */
	readonly cluster: string | undefined;
	readonly json: boolean;
	readonly progress: ProgressMode;
	readonly yes: boolean;
	/** Take the cluster's lock from another run, after asking. */
	readonly breakLock: boolean;
	/** Go on where a node is not reached, or where else a yes is needed beforehand. */
	readonly force: boolean;
	/** Take machines off the tailnet. */
	readonly logOut: boolean;
	/** check: open the firewalls of hosts. */
	readonly fix: boolean;
	/** policy: write what is missing. */
	readonly write: boolean;
	/** policy: the file that it is saved in. */
	readonly output: string | undefined;
	/** check: again and again. */
	readonly watch: boolean;
	/** Between two rounds of `watch`, in ms. */
	readonly intervalMs: number;
	readonly ignore: readonly string[];
	readonly strict: boolean;
	readonly concurrency: number;
	/** ms */
	readonly waitLimitMs: number;
	readonly acceptNewHostKeys: boolean;
	readonly kubeconfig: string | undefined;
	readonly logFile: string | undefined;
	readonly verbose: boolean;
};

const usageError = (message: string, tryNext?: string): UserError =>
	new UserError(message, {
		exitCode: exitCodes.usage,
		tryNext: [tryNext ?? 'k3s-mesh-tui --help lists commands and options.'],
	});

const wholeNumber = (
	option: string,
	text: string,
	{min, max}: {readonly min: number; readonly max: number},
): number => {
	const value = Number(text);
	if (!Number.isInteger(value) || value < min || value > max) {
		throw usageError(
			`--${option} ${text}: must be a whole number from ${min} to ${max}.`,
		);
	}

	return value;
};

const isCommand = (text: string): text is CommandName => text in commandHelp;

/** A misspelt id would override nothing, and nobody would notice. */
const requireChecks = (ids: readonly string[]): void => {
	const known = ruleTexts.map(({id}) => id);
	const wrong = ids.find((id) => !known.includes(id));
	if (wrong !== undefined) {
		const near = nearest(wrong, known);
		throw usageError(
			`--ignore ${wrong}: there is no such check.`,
			near === undefined
				? 'The ids of checks stand in what k3s-mesh-tui check prints.'
				: `Did you mean ${near}?`,
		);
	}
};

const progressModes = new Set<string>(['plain', 'json']);

/** Reads the command line. Throws a `UserError` with exit code 2 that names the word that is wrong. */
export const parseArguments = (words: readonly string[]): Invocation => {
	const parsed = (() => {
		try {
			return parseArgs({
				args: [...words],
				allowPositionals: true,
				options: Object.fromEntries(
					Object.entries(optionHelp).map(([name, option]) => [
						name,
						{
							type: option.type,
							multiple: 'multiple' in option && option.multiple,
						},
					]),
				),
			});
		} catch (error) {
			throw usageError(error instanceof Error ? error.message : String(error));
		}
	})();

	const [first, ...further] = parsed.positionals;
	const node = first === 'remove' ? further.shift() : undefined;
	const [second, ...rest] = further;
	if (first !== undefined && !isCommand(first)) {
		throw usageError(`There is no command "${first}".`);
	}

	if (rest.length > 0 || (first === 'demo' && second !== undefined)) {
		throw usageError(
			`"${rest[0] ?? second}" is one word too many for ${first}.`,
		);
	}

	if (first === 'remove' && node === undefined) {
		throw usageError(
			'remove needs the name of a node.',
			'k3s-mesh-tui remove NODE [FILE|NAME]',
		);
	}

	const values = parsed.values as Partial<
		Record<OptionName, string | boolean | string[]>
	>;
	for (const name of Object.keys(values) as OptionName[]) {
		if (first === undefined || !takesOption(first, name)) {
			throw usageError(
				first === undefined
					? `--${name} needs a command, such as: k3s-mesh-tui ${optionHelp[name].commands[0]} --${name}`
					: `${first} does not take --${name}.`,
			);
		}
	}

	const text = (name: OptionName): string | undefined => {
		const value = values[name];
		return typeof value === 'string' ? value : undefined;
	};

	if (values.fix === true && values.watch === true) {
		throw usageError(
			'--fix and --watch do not go together.',
			'Fix first; then watch.',
		);
	}

	if (values.interval !== undefined && values.watch !== true) {
		throw usageError('--interval needs --watch.');
	}

	if (first === 'check' && values.yes === true && values.fix !== true) {
		throw usageError('check asks nothing without --fix: leave --yes out.');
	}

	if (
		first === 'policy' &&
		values.yes === true &&
		values.write !== true &&
		values.output === undefined
	) {
		throw usageError(
			'policy asks nothing without --write and --output: leave --yes out.',
		);
	}

	if (
		first === 'check' &&
		values['break-lock'] === true &&
		values.fix !== true
	) {
		throw usageError(
			'check takes no lock without --fix: leave --break-lock out.',
		);
	}

	const progress = text('progress') ?? 'plain';
	if (!progressModes.has(progress)) {
		throw usageError(`--progress ${progress}: must be plain or json.`);
	}

	const ignore = Array.isArray(values.ignore) ? values.ignore : [];
	requireChecks(ignore);
	return {
		command: first ?? 'wizard',
		node,
		cluster: second,
		json: values.json === true,
		progress: values.json === true ? 'json' : (progress as ProgressMode),
		yes: values.yes === true,
		breakLock: values['break-lock'] === true,
		force: values.force === true,
		logOut: values['log-out'] === true,
		fix: values.fix === true,
		write: values.write === true,
		output: text('output'),
		watch: values.watch === true,
		intervalMs:
			wholeNumber('interval', text('interval') ?? '10', {
				min: 1,
				max: 86_400,
			}) * 1000,
		ignore,
		strict: values.strict === true,
		concurrency: wholeNumber('concurrency', text('concurrency') ?? '20', {
			min: 1,
			max: 200,
		}),
		waitLimitMs:
			wholeNumber('wait-limit', text('wait-limit') ?? '180', {
				min: 5,
				max: 86_400,
			}) * 1000,
		acceptNewHostKeys: values['accept-new-host-keys'] === true,
		kubeconfig: text('kubeconfig'),
		logFile: text('log-file'),
		verbose: values.verbose === true,
	};
};
