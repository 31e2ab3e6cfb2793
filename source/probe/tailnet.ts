import type {TailscaleFacts} from '../facts/host-facts.js';
import {verdictArrives, type Cell} from '../facts/measurements.js';
import type {
	NodeNetcheck,
	TailnetPath,
	TailnetWay,
} from '../facts/tailnet-measures.js';
import type {Host} from '../host/host.js';
import {tailscaleNetcheck} from '../host/scripts/tailscale-netcheck.js';
import {tailscalePing} from '../host/scripts/tailscale-ping.js';
import {tailscaleStatus} from '../host/scripts/tailscale-status.js';
import {isLoggedIn} from '../mesh/tailnet.js';
import {tailscaleAddress} from './further-addresses.js';
import type {Run} from './run.js';

/** The hosts that are in a tailnet. */
const membersOf = ({
	input: {hosts, facts},
}: Run): ReadonlyArray<readonly [string, Host]> =>
	[...hosts].filter(([name]) => isLoggedIn(facts.get(name)));

/** Has every node's Tailscale look at its ways out. One that can not tell is left out. Never throws. */
export const measureNetchecks = async (
	run: Run,
	onNetcheck: (netcheck: NodeNetcheck) => void,
): Promise<void> => {
	await Promise.allSettled(
		membersOf(run).map(async ([node, host]) => {
			const netcheck = await host.run(
				tailscaleNetcheck,
				{},
				{signal: run.limit},
			);
			if (netcheck !== undefined) {
				onNetcheck({node, ...netcheck});
			}
		}),
	);
};

/** The way that Tailscale uses to a peer to which something was sent lately. */
const wayInUse = (
	status: TailscaleFacts | undefined,
	address: string,
): TailnetWay | undefined => {
	const peer = status?.peers.find(({addresses}) => addresses.includes(address));
	if (peer?.directAddress !== undefined) {
		return {
			kind: 'direct',
			endpoint: peer.directAddress,
			rttMs: undefined,
		};
	}

	const relay =
		peer?.peerRelay === undefined
			? peer?.relay && `DERP(${peer.relay})`
			: `peer-relay(${peer.peerRelay})`;
	return relay === undefined
		? undefined
		: {kind: 'relayed', relay, rttMs: undefined};
};

/**
 * Which way Tailscale takes between nodes that reach each other in the tailnet: what its status says after so much was
 * sent, and where that is no direct way, what it says after it has tried for one. Never throws.
 */
export const measureTailnetPaths = async (
	run: Run,
	cells: readonly Cell[],
	onPath: (path: TailnetPath) => void,
): Promise<void> => {
	const {facts} = run.input;
	const addressOf = (name: string): string | undefined => {
		const host = facts.get(name);
		return host && tailscaleAddress(host);
	};

	await Promise.allSettled(
		membersOf(run).map(async ([from, host]) => {
			const reached = new Map(
				cells.flatMap(({path, verdict}) =>
					path.from === from &&
					path.to !== from &&
					verdictArrives(verdict) &&
					path.address === addressOf(path.to)
						? [[path.address, path.to] as const]
						: [],
				),
			);
			if (reached.size === 0) {
				return;
			}

			const status = await host.run(tailscaleStatus, {}, {signal: run.limit});
			const tell = (address: string, way: TailnetWay | undefined) => {
				if (way !== undefined) {
					onPath({from, to: reached.get(address)!, address, way});
				}
			};

			const targets = [...reached.keys()].filter((address) => {
				const way = wayInUse(status, address);
				if (way?.kind !== 'direct') {
					return true;
				}

				tell(address, way);
				return false;
			});
			if (targets.length === 0) {
				return;
			}

			try {
				for (const {address, way} of await host.run(
					tailscalePing,
					{targets},
					{signal: run.limit},
				)) {
					// Packets do arrive there: an answer that got lost is no silence.
					tell(
						address,
						way.kind === 'silent' ? wayInUse(status, address) : way,
					);
				}
			} catch {
				for (const address of targets) {
					tell(address, wayInUse(status, address));
				}
			}
		}),
	);
};
