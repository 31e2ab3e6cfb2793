import type {SshTarget} from '../cluster/ssh-target.js';
import type {Script} from './scripts/script.js';

/** Every wait on a host can be cut short and has an end. */
export type CallOptions = {
	readonly signal: AbortSignal;
	/** Instead of the script's own limit, in ms. */
	readonly timeoutMs?: number;
};

/** A process on the host that we talk with line by line, such as the probe agent. */
export type Conversation = {
	/** Sends one line; throws `HostLost` when the process is gone. */
	send(line: string): void;
	/**
	 * Lines as they arrive, without control characters. Ends when the process ends, throws `ScriptFailed` when that
	 * was with a failure, and `HostLost` when the connection went.
	 */
	readonly lines: AsyncIterable<string>;
	/** Ends standard input, and the process with it. Safe to call twice. */
	close(): void;
};

/**
 * One machine. Everything that this program does on a machine goes through these calls, with scripts of the
 * catalogue, so that a simulated machine can stand in for a real one.
 *
 * Errors: `HostLost` when the connection goes away (never mistaken for an exit code), `DeadlineExceeded`,
 * `ScriptFailed` with the exit code and the last lines, and the signal's reason when aborted.
 */
export type Host = {
	/** The node's name. */
	readonly name: string;
	/** What we logged in to and how, for people: `root@198.51.100.11:22`. */
	readonly address: string;
	/** The address that was dialed in the end, by us or by the last jump host; `undefined` when a jump host looked up a name. */
	readonly dialed?: string | undefined;
	/** Round trip from here over the open connection, in ms. */
	readonly rttMs: number;
	/** Runs a script to its end and returns its typed result. */
	run<Input, Output>(
		script: Script<Input, Output>,
		input: Input,
		options: CallOptions,
	): Promise<Output>;
	/** Runs a script and hands over each line of its output at once; ends with its typed result. */
	stream<Input, Output>(
		script: Script<Input, Output>,
		input: Input,
		options: CallOptions & {readonly onLine: (line: string) => void},
	): Promise<Output>;
	/** Starts a script that goes on talking. */
	converse<Input>(
		script: Script<Input, void>,
		input: Input,
		options: CallOptions,
	): Promise<Conversation>;
	/** Closes the connection. Safe to call twice. */
	close(): Promise<void>;
};

/** A host key that known_hosts does not know yet. */
export type UnknownHostKey = {
	readonly host: string;
	readonly port: number;
	/** Such as `ssh-ed25519`. */
	readonly algorithm: string;
	/** `SHA256:…`, as ssh-keygen prints it. */
	readonly fingerprint: string;
};

/** What a connection asks of the person while it is made. */
export type ConnectQuestions = {
	/** May this key be trusted and remembered? */
	trustHostKey(key: UnknownHostKey): Promise<boolean>;
};

/** Opens hosts: over SSH, or in the simulated world. Throws a `UserError` that says what to do. */
export type Connector = (
	target: {
		readonly name: string;
		readonly ssh: SshTarget;
	},
	options: {
		readonly signal: AbortSignal;
		readonly questions: ConnectQuestions;
	},
) => Promise<Host>;
