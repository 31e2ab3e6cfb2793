import type {HostFacts, TailscaleFacts} from '../../facts/host-facts.js';
import type {Role} from '../../cluster/schema.js';
import type {FirewallWords} from '../scripts/firewall-unit.js';
import type {UnitState} from '../scripts/k3s-run.js';
import {makeMachineFacts} from './machine-facts.js';

/** A port of a machine that does not answer as it should. */
export type ClosedPort = {
	readonly protocol: 'tcp' | 'udp';
	readonly port: number;
	/** Swallowed, or answered with a refusal. */
	readonly how: 'filtered' | 'refused';
	/** The host's own firewall can be opened by a rule; what stands before the machine can not. */
	readonly by: 'host-firewall' | 'cloud-firewall';
};

/** What goes wrong with a machine. */
export type Faults = {
	/** How its SSH fails. */
	readonly ssh?: 'refused' | 'silent' | 'no-login' | 'changed-key';
	/** Its host key is not known yet, so that the person is asked. */
	readonly unknownKey?: boolean;
	/** It lets nobody in without this password. */
	readonly password?: string;
	/** There is no sudo. */
	readonly noSudo?: boolean;
	/** So many downloads of K3s fail before one succeeds. */
	readonly failingDownloads?: number;
	/** K3s starts and waits for its server for ever. */
	readonly neverJoins?: boolean;
	/** The probe agent dies as soon as it is asked to measure. */
	readonly dyingProbe?: boolean;
};

/** A machine of the simulated world, as its author describes it. */
export type MachineSpec = {
	/** Its hostname. */
	readonly hostname: string;
	/** Names and addresses under which SSH finds it. */
	readonly dial: readonly string[];
	/** Default 22. */
	readonly sshPort?: number;
	/** The login that is used when none is named; default `root`. */
	readonly user?: string;
	/** What sudo asks of a login that is not root; `any` takes whatever is given. Without it, sudo does not ask. */
	readonly sudoPassword?: string;
	/** The address under which the internet reaches it. */
	readonly externalIp: string;
	/** Its address in a private network; with one, the external address is not on the machine itself. */
	readonly internal?: {
		readonly address: string;
		/** Machines of one network reach each other's internal addresses. */
		readonly network: string;
	};
	/**
	 * What its router does when it has an internal address. The default maps the external address to it alone; the
	 * others let nobody in who was not sent to, and `symmetric` has a port for every target.
	 */
	readonly nat?: 'one-to-one' | 'port-restricted' | 'symmetric';
	/** Can it reach nothing of the internet but the other machines? */
	readonly offline?: boolean;
	/** Can it reach itself under its external address? Default true. */
	readonly hairpin?: boolean;
	/** Round trip from here, in ms. */
	readonly rttMs: number;
	/** The largest packet that the internet carries to it, in bytes; default 1500. */
	readonly pathMtu?: number;
	readonly facts?: Partial<HostFacts>;
	readonly closed?: readonly ClosedPort[];
	readonly faults?: Faults;
};

export type SimulatedFile = {readonly content: string; readonly mode: number};

/** A node object that a simulated server holds. */
export type RegisteredNode = {
	readonly name: string;
	readonly machine: Machine;
	readonly internalIp: string;
	readonly externalIp: string | undefined;
	/** Such as `10.42.1.0/24`. */
	readonly podCidr: string;
	readonly role: Role;
	ready: boolean;
};

/** What all servers of a simulated cluster share. */
export type SimulatedCluster = {
	/** sha256 of the CA, hexadecimal. */
	readonly caHash: string;
	/** Short forms. */
	readonly serverToken: string;
	readonly agentToken: string;
	readonly clusterCidr: string;
	readonly serviceCidr: string;
	readonly nodes: Map<string, RegisteredNode>;
	/** Do the pods of verification run? */
	verifying: boolean;
};

/** K3s on a simulated machine. */
export type SimulatedK3s = {
	/** The release of the binary in /usr/local/bin. */
	binary: string | undefined;
	installed: {readonly role: Role; readonly version: string} | undefined;
	unit: UnitState;
	/** What the running process was started with. */
	appliedHash: string | undefined;
	/** Lines of the unit's journal. */
	readonly journal: string[];
	/** Rises with every start, so that an earlier one gives up. */
	starts: number;
	/** The cluster that this machine serves or has joined. */
	cluster: SimulatedCluster | undefined;
};

/** A machine with its state. */
export type Machine = {
	readonly spec: MachineSpec;
	readonly facts: HostFacts;
	readonly files: Map<string, SimulatedFile>;
	readonly rules: FirewallWords[];
	/** The rules as they were before a change that waits for its confirmation. */
	rulesBefore: readonly FirewallWords[] | undefined;
	readonly k3s: SimulatedK3s;
	/** What its Tailscale says; the other machines of the tailnet are looked up. */
	tailscale: TailscaleFacts | undefined;
	lock:
		| {
				/** Empty once it was given back. */
				readonly runId: string;
				readonly owner: string;
				/** ms since 1970. */
				readonly takenAt: number;
				readonly refreshedAt: number;
		  }
		| undefined;
	downloadsToFail: number;
	/** Was its host key accepted meanwhile? */
	trusted: boolean;
	/** Has somebody given its password? */
	isUnlocked: boolean;
};

const defaultRoute = (gateway: string, source: string) => ({
	destination: '0.0.0.0/0',
	via: gateway,
	device: 'eth0',
	source,
});

/** The first address of the /24 that an address is in, where routers usually are. */
const gatewayOf = (address: string): string => address.replace(/\d+$/, '1');

/** Puts a machine into the state in which a person hands it to us. */
export const makeMachine = (spec: MachineSpec): Machine => {
	const onMachine = spec.internal?.address ?? spec.externalIp;
	return {
		spec,
		facts: makeMachineFacts({
			hostname: spec.hostname,
			machineId: [...spec.hostname]
				.map((letter) => letter.codePointAt(0)!.toString(16))
				.join('')
				.padEnd(32, '0')
				.slice(0, 32),
			addresses: [
				{
					device: 'eth0',
					address: onMachine,
					prefix: 24,
					family: 4,
					mtu: 1500,
				},
			],
			routes: [defaultRoute(gatewayOf(onMachine), onMachine)],
			privilege: (spec.user ?? 'root') === 'root' ? 'root' : 'sudo',
			...spec.facts,
		}),
		files: new Map(),
		rules: [],
		rulesBefore: undefined,
		k3s: {
			binary: undefined,
			installed: undefined,
			unit: {
				activeState: 'inactive',
				subState: 'dead',
				restarts: 0,
				mainPid: 0,
			},
			appliedHash: undefined,
			journal: [],
			starts: 0,
			cluster: undefined,
		},
		tailscale: spec.facts?.tailscale,
		lock: undefined,
		downloadsToFail: spec.faults?.failingDownloads ?? 0,
		trusted: !spec.faults?.unknownKey,
		isUnlocked: spec.faults?.password === undefined,
	};
};
