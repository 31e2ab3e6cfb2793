import {serversOf} from '../cluster/sites.js';
import {withClusterLock} from '../install/cluster-lock.js';
import {failureText} from '../install/failure.js';
import {makeHostPool} from '../install/host-pool.js';
import {isRunGone, runOwner} from '../install/run-owner.js';
import {hostFixes} from '../plan/firewall/host-fixes.js';
import {fixHost} from './fix-host.js';
import {hostsOf} from './host-source.js';
import type {ApplyFixes, FixOutcome, ProposeFixes} from './operations.js';

/** How long a host waits for a fresh connection when nothing else is said, in s. */
const defaultRollbackSeconds = 120;

/** How long no server may answer before a fix is cut, in ms: fixes that cut their own connection take that long to come back. */
const lockLimitMs = 300_000;

/** Between two looks at a lock that somebody else holds, in ms. The demo's machines answer at once. */
const pollMs = {real: 2000, demo: 250};

/** The fixes that this program can apply itself: one for each host whose own firewall may close a path. */
export const proposeFixes: ProposeFixes = ({report, facts}) =>
	hostFixes(
		{
			cluster: report.cluster,
			facts,
			measurements: report.measurements,
		},
		new Set(
			report.findings
				.filter(({id}) => id === 'forwarding.blocked')
				.flatMap(({nodes}) => nodes),
		),
	);

/**
 * Opens host firewalls while holding the cluster's lock. Nodes whose firewall was changed are contacted again afterwards,
 * so that the fleet's facts show it.
 */
export const applyFixes: ApplyFixes = async ({
	cluster,
	fixes,
	fleet,
	world,
	signal,
	ending = signal,
	mayBreakLock,
	rollbackSeconds = defaultRollbackSeconds,
	onOutcome,
}) => {
	const outcomes = new Map<string, FixOutcome>();
	if (fixes.length === 0) {
		return outcomes;
	}

	const tell = (node: string, outcome: FixOutcome): void => {
		outcomes.set(node, outcome);
		onOutcome(node, outcome);
	};

	const hosts = makeHostPool(hostsOf(cluster, fleet));
	const specOf = (name: string) => {
		const node = cluster.nodes.find((one) => one.name === name);
		if (node === undefined) {
			throw new Error(`The cluster has no node ${name}.`);
		}

		return node;
	};

	const servers = serversOf(cluster.nodes).map(({name}) => name);
	const reached = servers.filter((name) => fleet.hosts().has(name));
	const work = async (held: AbortSignal): Promise<void> => {
		await Promise.all(
			fixes.map(async (fix) => {
				const node = specOf(fix.node);
				try {
					const host = await hosts.get(fix.node);
					tell(
						fix.node,
						await fixHost({
							cluster: cluster.name,
							node,
							fix,
							host,
							world,
							askSecret: fleet.askSecret,
							signal: held,
							rollbackSeconds,
						}),
					);
				} catch (error) {
					tell(fix.node, {kind: 'failed', ...failureText(error, fix.node)});
				}
			}),
		);
	};

	try {
		// Without a server there is nothing yet on which two runs could work.
		await (servers.length === 0
			? work(signal)
			: withClusterLock(
					{
						// A server that is out of reach keeps nobody from opening the others, unless all are.
						servers: reached.length === 0 ? servers : reached,
						hostOf: async (server) => hosts.get(server),
						self: runOwner(world.randomText),
						isGone: isRunGone,
						mayBreak: mayBreakLock,
						signal: AbortSignal.any([signal, ending]),
						atOnce: signal,
						now: world.now,
						pollMs: world.demo ? pollMs.demo : pollMs.real,
						limitMs: lockLimitMs,
						onWaiting() {
							// The outcome follows when the lock is free, or says who holds it.
						},
					},
					async ({lost}) => work(AbortSignal.any([signal, lost])),
				));
	} catch (error) {
		for (const {node} of fixes) {
			if (!outcomes.has(node)) {
				tell(node, {kind: 'failed', ...failureText(error, node)});
			}
		}
	}

	if (!signal.aborted && !ending.aborted) {
		await Promise.all(
			[...outcomes]
				.filter(([, {kind}]) => kind !== 'already')
				.map(async ([name]) => {
					await fleet.remove(name);
					await fleet.add(specOf(name));
				}),
		);
	}

	return outcomes;
};
