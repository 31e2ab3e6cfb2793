/** A command of the program, as `--help` shows it. */
export const commandHelp = {
	check:
		'look at the nodes, measure every path between them, and say what would not work',
	plan: 'print what apply would do',
	apply: 'bring the cluster to what the file says; safe to run again',
	kubeconfig: "fetch the cluster's kubeconfig and merge it into yours",
	demo: 'the whole journey on a simulated network: no server, no root, no internet',
} as const;

export type CommandName = keyof typeof commandHelp;

/** An option: which commands take it, and its line in the help. */
type OptionHelp = {
	readonly type: 'boolean' | 'string';
	/** What stands for the value in the help. */
	readonly value?: string;
	/** May it be given more than once? */
	readonly multiple?: boolean;
	readonly commands: readonly CommandName[];
	readonly help: string;
};

const everywhere = ['check', 'plan', 'apply', 'kubeconfig'] as const;

export const optionHelp = {
	json: {
		type: 'boolean',
		commands: everywhere,
		help: 'one JSON object on standard output (apply: JSON lines)',
	},
	progress: {
		type: 'string',
		value: 'plain|json',
		commands: ['apply'],
		help: 'progress as lines for people (the default) or as JSON lines',
	},
	yes: {
		type: 'boolean',
		commands: ['check', 'apply', 'kubeconfig'],
		help: 'do not ask before changing anything (check: with --fix)',
	},
	fix: {
		type: 'boolean',
		commands: ['check'],
		help: 'open the firewalls of hosts that close a path: shows the lines, asks, measures again',
	},
	watch: {
		type: 'boolean',
		commands: ['check'],
		help: 'check again and again until Ctrl-C (with --json: one object a line)',
	},
	interval: {
		type: 'string',
		value: 'SECONDS',
		commands: ['check'],
		help: 'time between two rounds of --watch (default 10)',
	},
	ignore: {
		type: 'string',
		value: 'CHECK-ID',
		multiple: true,
		commands: ['check', 'apply'],
		help: 'override a check by its id; can be repeated',
	},
	strict: {
		type: 'boolean',
		commands: ['check', 'apply'],
		help: 'end with exit code 4 when there are warnings',
	},
	concurrency: {
		type: 'string',
		value: 'N',
		commands: everywhere,
		help: 'nodes worked on at once (default 20)',
	},
	'wait-limit': {
		type: 'string',
		value: 'SECONDS',
		commands: ['apply'],
		help: 'how long a node may wait to join or become ready (default 180)',
	},
	'accept-new-host-keys': {
		type: 'boolean',
		commands: everywhere,
		help: 'trust host keys that known_hosts does not know yet; a changed key is always refused',
	},
	kubeconfig: {
		type: 'string',
		value: 'PATH',
		commands: ['apply', 'kubeconfig'],
		help: 'merge into this file instead of $KUBECONFIG or ~/.kube/config',
	},
	'log-file': {
		type: 'string',
		value: 'PATH',
		commands: ['apply'],
		help: 'write the log of the run there',
	},
	verbose: {
		type: 'boolean',
		commands: ['apply'],
		help: 'print the log lines of every node as well',
	},
} as const satisfies Record<string, OptionHelp>;

export type OptionName = keyof typeof optionHelp;

/** Does the command take the option? */
export const takesOption = (
	command: CommandName,
	option: OptionName,
): boolean =>
	(optionHelp[option].commands as readonly CommandName[]).includes(command);

const optionLabel = (name: string, option: OptionHelp): string =>
	`--${name}${option.value === undefined ? '' : ` ${option.value}`}`;

/** The text of `--help`. */
export const helpText = (): string => {
	const commands = Object.entries(commandHelp).map(
		([name, help]) => `  ${name.padEnd(12)}${help}`,
	);
	const options = Object.entries(optionHelp).map(
		([name, option]) =>
			`  ${optionLabel(name, option).padEnd(32)}${option.help}`,
	);
	return [
		'One K3s cluster across clouds, homes and offices.',
		'',
		'Usage: k3s-mesh-tui                       the wizard',
		'       k3s-mesh-tui COMMAND [FILE|NAME] [options]',
		'',
		'FILE is a cluster file; NAME is a cluster that the wizard saved. Without either: the only saved one.',
		'',
		'Commands',
		...commands,
		'',
		'Options',
		...options,
		`  ${'--version'.padEnd(32)}print the version`,
		`  ${'--help'.padEnd(32)}print this text`,
		'',
		'Exit codes: 0 good, 1 a required check or a step did not succeed, 2 usage or a bad cluster file,',
		'3 a node could not be reached, 4 good but with warnings under --strict, 130 stopped by the user.',
		'',
	].join('\n');
};
