/**
 * A problem that the person can do something about: bad input, a machine that refuses, a path that is closed.
 * It is shown as it is. Any other error is a bug of ours.
 */
export class UserError extends Error {
	/** What the person can try next, one sentence each. */
	readonly tryNext: readonly string[];
	/** The node that it is about, when it is about one. */
	readonly node: string | undefined;
	/** The exit code that a headless command ends with. */
	readonly exitCode: ExitCode;

	constructor(
		message: string,
		details: {
			readonly tryNext?: readonly string[];
			readonly node?: string | undefined;
			readonly exitCode?: ExitCode;
			readonly cause?: unknown;
		} = {},
	) {
		super(message, {cause: details.cause});
		this.name = 'UserError';
		this.tryNext = details.tryNext ?? [];
		this.node = details.node;
		this.exitCode = details.exitCode ?? exitCodes.failed;
	}
}

/** The exit codes of every command, as the README documents them. */
export const exitCodes = {
	/** All is as wanted. */
	good: 0,
	/** A required check or a step did not succeed. */
	failed: 1,
	/** The command line or the cluster file is wrong. */
	usage: 2,
	/** A node could not be reached. */
	unreachable: 3,
	/** Good, but with warnings, under `--strict`. */
	warnings: 4,
	/** The terminal was closed (SIGHUP). */
	hungUp: 129,
	/** Stopped by the user. */
	stopped: 130,
	/** Nobody read the output any more (SIGPIPE). */
	brokenPipe: 141,
	/** Told to end by SIGTERM. */
	terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** One line for a person about any thrown value; a bug keeps its class name so that it can be reported. */
export const describeError = (error: unknown): string => {
	if (error instanceof UserError) {
		return error.message;
	}

	return error instanceof Error
		? `${error.name}: ${error.message}`
		: String(error);
};
