import type {Result} from './run.js';
import type {HostFile} from './host-files.js';
import type {HostSpec, Topology} from './topology.js';

/** What a kind of host gets to make its hosts from. */
export type Workshop = {
	readonly instance: string;
	readonly id: string;
	readonly topology: Topology;
	/** The private key that every host lets in. */
	readonly sshKey: string;
	readonly signal?: AbortSignal | undefined;
};

export type HostExecOptions = {
	readonly input?: string | Uint8Array | undefined;
	readonly timeoutMs?: number | undefined;
};

/** A way to make hosts: as containers or as virtual machines. */
export type HostKind = {
	/** Have its hosts a systemd that can boot them again? */
	readonly bootsAgain: boolean;
	/** Makes what all hosts share, unless it is cached. */
	readonly prepare: () => Promise<void>;
	/** Starts a host; it may still be booting afterwards. */
	readonly start: (host: HostSpec, files: readonly HostFile[]) => Promise<void>;
	/** Settles when the host lets people in. `previous`: a boot identity that does not count any more. */
	readonly ready: (host: HostSpec, previous?: string) => Promise<void>;
	/** Names this boot of the host; changes when it boots again. */
	readonly bootId: (host: HostSpec) => Promise<string>;
	/** Runs a program as root inside the host, without asking its sshd where that is possible. */
	readonly exec: (
		host: HostSpec,
		argv: readonly string[],
		options?: HostExecOptions,
	) => Promise<Result>;
	/** The process on this machine that is the host: its init, or its emulator. */
	readonly pid: (host: HostSpec) => number;
};
