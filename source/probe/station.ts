import {describeError} from '../errors.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Path, ProbeRung} from '../facts/measurements.js';
import {capabilities, chooseRung, type Capabilities} from '../facts/rungs.js';
import type {Host} from '../host/host.js';
import {startAgent, type RunningAgent} from './agent-client.js';
import {leaveToK3s} from './left-to-k3s.js';
import type {Listening} from './messages.js';
import type {ProbeInput} from './probe.js';
import {listenPlaces} from './schedule.js';

/** An agent must run and listen within this time, in ms; nodes that are slower count as not measurable. */
const startLimitMs = 15_000;
/** An agent ends by itself after this time, in s, even when we are gone. */
const agentLimitSeconds = 120;

/**
 * An agent ends when it has not heard of us for this long, in s: as long as our own end of an SSH connection waits for
 * a sign of the host (`host/ssh/log-in.ts`) until it counts as gone.
 */
const agentSilenceSeconds = 30;

/** A node that takes part: its agent, and where that could not listen. */
export type Station = {
	readonly agent: RunningAgent;
	readonly rung: ProbeRung;
	/** What an agent of this rung can do. */
	readonly can: Capabilities;
	readonly host: Host;
	readonly listening: Listening;
	readonly facts: HostFacts;
};

/** Why a node can not take part, or its station. */
export type Start =
	| {readonly station: Station}
	| {readonly station: undefined; readonly problem: string};

/** Starts the agent of a node and lets it listen. Never throws: a node that can not take part is a state. */
export const startStation = async (
	node: string,
	paths: readonly Path[],
	token: string,
	input: ProbeInput & {readonly limit: AbortSignal},
): Promise<Start> => {
	const host = input.hosts.get(node);
	const facts = input.facts.get(node);
	if (host === undefined || facts === undefined) {
		return {station: undefined, problem: `${node} could not be contacted`};
	}

	const chosen = chooseRung(facts);
	if (chosen === undefined) {
		return {
			station: undefined,
			problem: `${node} has nothing to measure with, neither Python 3 nor Perl nor bash (install python3)`,
		};
	}

	const startLimit = AbortSignal.timeout(startLimitMs);
	const late = async (): Promise<never> =>
		new Promise((_resolve, reject) => {
			startLimit.addEventListener('abort', () => {
				reject(new Error(`it did not start within ${startLimitMs / 1000} s`));
			});
		});
	let agent: RunningAgent | undefined;
	try {
		const starting = (async () => {
			agent = await startAgent(host, {
				on: chosen,
				limitSeconds: agentLimitSeconds,
				silenceSeconds: agentSilenceSeconds,
				signal: input.limit,
			});
			if (startLimit.aborted) {
				agent.close();
			}

			const {free, left} = leaveToK3s(listenPlaces(node, paths, facts), facts);
			const listening = await agent.listen(token, free);
			const {rung} = chosen;
			return {
				agent,
				rung,
				can: capabilities[rung],
				host,
				listening: {
					...listening,
					refused: [...listening.refused, ...left],
				},
				facts,
			};
		})();
		return {station: await Promise.race([starting, late()])};
	} catch (error) {
		agent?.close();
		return {
			station: undefined,
			problem: `the probe on ${node} could not be started: ${describeError(error)}`,
		};
	}
};
