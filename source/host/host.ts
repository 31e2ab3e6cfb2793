import type {SshTarget} from '../cluster/ssh-target.js';
import type {Script} from './scripts/script.js';

/** Every wait on a host can be cut short and has an end. */
export type CallOptions = {
	readonly signal: AbortSignal;
	/** Instead of the script's own limit, in ms. */
	readonly timeoutMs?: number;
};

/** The bytes of a file that is sent to a host. */
export type UploadSource = {
	/** The bytes from an offset on. */
	readonly read: (offset: number) => AsyncIterable<Uint8Array>;
	/** How many bytes are on their way or there, from time to time. */
	readonly onProgress: (doneBytes: number) => void;
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
	/** Why scripts can not run as root, as the end of a sentence; `undefined` where they can. */
	readonly rootRefused?: string;
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
	/**
	 * Runs a script that takes a file's bytes and has said before how many of them it has (`have N`), and returns its
	 * typed result.
	 */
	upload<Input, Output>(
		script: Script<Input, Output>,
		input: Input,
		options: CallOptions & UploadSource,
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
	/** The line (`file:line`) that trusts the host by a certificate of an authority, which we can not check. */
	readonly authority?: string | undefined;
};

/** A secret that is needed from the person. `attempt` counts from 1 and grows when an answer was wrong. */
export type SecretQuestion =
	| {
			readonly kind: 'login-password';
			readonly user: string;
			readonly host: string;
			readonly port: number;
			readonly attempt: number;
	  }
	| {
			readonly kind: 'passphrase';
			/** The encrypted key file. */
			readonly file: string;
			readonly attempt: number;
	  }
	/** A question of the host itself (keyboard-interactive): its own text, cleaned of control characters. */
	| {
			readonly kind: 'prompt';
			readonly user: string;
			readonly host: string;
			readonly port: number;
			readonly instructions: string;
			readonly prompt: string;
			/** Why it comes now, in our own words, where that is no plain login. */
			readonly why?: string;
			/** Must the answer stay invisible while it is typed? */
			readonly isHidden: boolean;
	  }
	| {
			readonly kind: 'sudo-password';
			readonly user: string;
			readonly host: string;
			readonly attempt: number;
			/** What sudo said when it refused to go on without one. */
			readonly refused?: string;
	  }
	/** The key that nodes log in to the tailnet with. */
	| {
			readonly kind: 'tailnet-key';
			/** Whose: `Tailscale`, or the URL of a control server. */
			readonly controlServer: string;
			readonly attempt: number;
			/** Why the last answer was none. */
			readonly problem?: string;
	  };

/** What a connection asks of the person while it is made. */
export type ConnectQuestions = {
	/** May this key be trusted and remembered? */
	trustHostKey(key: UnknownHostKey): Promise<boolean>;
	/** Asks for a secret; `undefined` when nobody will answer. */
	askSecret(question: SecretQuestion): Promise<string | undefined>;
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
