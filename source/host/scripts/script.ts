/** A value for a script, read by it from standard input: never part of its source and never in argv. */
export type ScriptField = {
	/** Name of the shell variable that receives it (`a-z`, `0-9`, `_`). */
	readonly name: string;
	/** Any bytes but NUL; line ends are kept. */
	readonly value: string;
	/** The redactor learns it before it is sent. */
	readonly secret?: boolean;
};

/** What a script wrote and how it ended. Only exit code 0 reaches `decode`, unless `acceptCodes` lists others. */
export type ScriptOutput = {
	readonly stdout: string;
	readonly code: number;
};

/**
 * One thing that this program can do on a machine: POSIX sh with typed inputs and a typed result. The catalogue
 * (`catalogue.ts`) lists them all, so that a reader sees everything that is ever run.
 */
export type Script<Input, Output> = {
	/** Unique, such as `files.write`; a simulated host answers by this name. */
	readonly name: string;
	/** For people: what it does on the machine. */
	readonly purpose: string;
	/** `root` runs it by sudo where the login is not root; `any` does so where sudo is allowed and else runs it as the login. */
	readonly as: 'login' | 'root' | 'any';
	/** Limit in ms. */
	readonly timeoutMs: number;
	/**
	 * The body, POSIX sh, run under `set -eu` in the C locale. Its fields are shell variables when it starts; so is
	 * `ssh_connection`, what sshd said of our connection.
	 */
	readonly source: string;
	/** The fields, always the same names in the same order; called right before they are sent. */
	fields(input: Input): readonly ScriptField[];
	/** Reads the result; throws when the machine answered something that cannot be understood. */
	decode(output: ScriptOutput): Output;
	/** Exit codes besides 0 that are answers and no failures. */
	readonly acceptCodes?: readonly number[];
};

/** Writes a script down with its types inferred. */
export const defineScript = <Input, Output>(
	script: Script<Input, Output>,
): Script<Input, Output> => script;
