/** A command of the program, as `--help` shows it. */
export const commandHelp = {
	check:
		'look at the nodes, measure every path between them, and say what would not work',
	plan: 'print what apply would do',
	apply: 'bring the cluster to what the file says; safe to run again',
	remove:
		'take the node NODE out of the cluster and its file, and give its machine back as it was; safe to run again',
	uninstall:
		'take the whole cluster away, and give every machine back as it was; safe to run again',
	policy:
		"print what the tailnet's policy must hold, compare it with what is in force, and add what is missing",
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

/** Commands that log in to nodes. */
const everywhere = [
	'check',
	'plan',
	'apply',
	'remove',
	'uninstall',
	'kubeconfig',
] as const;

/** Commands that work on nodes, step by step. */
const runs = ['apply', 'remove', 'uninstall'] as const;

export const optionHelp = {
	json: {
		type: 'boolean',
		commands: [...everywhere, 'policy'],
		help: 'one JSON object on standard output (apply, remove, uninstall: JSON lines)',
	},
	write: {
		type: 'boolean',
		commands: ['policy'],
		help: "put what is missing into the tailnet's policy: shows it, asks, and writes only over what it has read",
	},
	output: {
		type: 'string',
		value: 'PATH',
		commands: ['policy'],
		help: 'save the policy there: what is needed, or with credentials the one in force with what is missing; asks before it replaces a file',
	},
	progress: {
		type: 'string',
		value: 'plain|json',
		commands: runs,
		help: 'progress as lines for people (the default) or as JSON lines',
	},
	yes: {
		type: 'boolean',
		commands: ['check', ...runs, 'kubeconfig', 'policy'],
		help: 'do not ask before changing anything (check: with --fix)',
	},
	'break-lock': {
		type: 'boolean',
		commands: ['check', ...runs],
		help: 'take the lock from another run that is not at work any more; asks first (check: with --fix)',
	},
	force: {
		type: 'boolean',
		commands: ['remove', 'uninstall'],
		help: 'go on without a node that is not reached (remove: also without waiting for its pods, and when the others join it)',
	},
	'log-out': {
		type: 'boolean',
		commands: ['remove', 'uninstall'],
		help: 'take the machines off the tailnet, too, where this program put them there',
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
		commands: runs,
		help: 'how long a node may wait to join or become ready, or for its pods to go (default 180)',
	},
	'accept-new-host-keys': {
		type: 'boolean',
		commands: everywhere,
		help: 'trust host keys that known_hosts does not know yet; never a changed one, or one of a host with a @cert-authority line',
	},
	kubeconfig: {
		type: 'string',
		value: 'PATH',
		commands: ['apply', 'uninstall', 'kubeconfig'],
		help: 'merge into this file (uninstall: take out of it) instead of $KUBECONFIG or ~/.kube/config',
	},
	'log-file': {
		type: 'string',
		value: 'PATH',
		commands: runs,
		help: 'write the log of the run there',
	},
	verbose: {
		type: 'boolean',
		commands: runs,
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
		'       k3s-mesh-tui remove NODE [FILE|NAME] [options]',
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
		'Passwords and passphrases are asked for on the terminal, and never taken from the command line. Without a',
		'terminal they come from the environment: K3S_MESH_SSH_PASSWORD, K3S_MESH_SSH_PASSPHRASE, K3S_MESH_SUDO_PASSWORD',
		'and K3S_MESH_TAILNET_KEY, or the same with _FILE behind it, which names a file that holds the answer.',
		'',
		'Exit codes: 0 good, 1 a required check or a step did not succeed, 2 usage or a bad cluster file,',
		'3 a node could not be reached, 4 good but with warnings under --strict, 130 stopped by the user,',
		'129, 141 and 143 ended by SIGHUP, by a reader of the output that is gone, by SIGTERM.',
		'',
	].join('\n');
};
