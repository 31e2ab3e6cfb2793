import {setImmediate as soon} from 'node:timers/promises';
import type {Host} from '../../source/host/host.js';
import {probeHandshakes} from '../../source/host/scripts/probe-handshakes.js';
import type {
	Command,
	Listening,
	Message,
	Outcome,
	Place,
	Try,
} from '../../source/probe/messages.js';

/** How an agent of a test answers. What it leaves out is answered as by a host where all is open. */
export type AgentScript = {
	/** The places that it can not bind. */
	readonly held?: ReadonlyArray<{
		readonly protocol: 'tcp' | 'udp';
		readonly port: number;
	}>;
	/** What it says of places that it has bound, when it is asked again. */
	readonly lost?: Listening['refused'];
	readonly outcome?: (wanted: Try) => Outcome | undefined;
	/** What has arrived, by the tries that all agents were asked for so far. */
	readonly arrived?: (tries: readonly Try[]) => ReadonlyArray<{
		readonly id: number;
		readonly source: string;
	}>;
	/** The counter of packets to closed ports, by the tries that all agents were asked for so far. */
	readonly counted?: (tries: readonly Try[]) => number;
	/** Told the places that it is asked to bind. */
	readonly onListen?: (places: readonly Place[]) => void;
	/** What other scripts answer, by their names. */
	readonly answers?: Readonly<Record<string, unknown>>;
	/** What `wg` says. */
	readonly peers?: ReadonlyArray<{
		readonly endpoint: string;
		readonly ageSeconds: number | undefined;
	}>;
};

/** Hosts whose agents play a script. They share what they were asked to try. */
export const scriptedHosts = (
	scripts: Readonly<Record<string, AgentScript>>,
): {readonly hosts: ReadonlyMap<string, Host>; readonly tries: Try[]} => {
	const tries: Try[] = [];
	const hosts = new Map(
		Object.entries(scripts).map(([name, script]) => [
			name,
			makeHost(name, script, tries),
		]),
	);
	return {hosts, tries};
};

const openOutcome = (wanted: Try): Outcome => {
	switch (wanted.what) {
		case 'latency': {
			return {
				result: 'sampled',
				rtts: Array.from({length: wanted.count}, () => 2),
			};
		}

		case 'mtu': {
			return {result: 'largest', bytes: 1500};
		}

		case 'service': {
			return {result: 'served', rtt: 3};
		}

		case 'burst': {
			return {result: 'sent'};
		}

		case 'tls': {
			return {result: 'tls', key: 'a'.repeat(64), rtt: 1};
		}

		default: {
			return {result: 'silent'};
		}
	}
};

const makeHost = (name: string, script: AgentScript, tries: Try[]): Host => {
	const unexpected = async (): Promise<never> => {
		throw new Error('only the probe is played here');
	};

	const answer = (command: Command): readonly Message[] => {
		switch (command.do) {
			case 'listen': {
				script.onListen?.(command.places);
				return [
					{
						listening: true,
						refused: [
							...(command.places.length === 0 ? (script.lost ?? []) : []),
							...command.places
								.filter(({protocol, port}) =>
									script.held?.some(
										(one) => one.protocol === protocol && one.port === port,
									),
								)
								.map((place) => ({...place, problem: 'in use'})),
						],
					},
				];
			}

			case 'arrivals': {
				return [
					{
						arrivals: (script.arrived?.(tries) ?? []).map((one) => ({
							...one,
							packets: 1,
						})),
					},
				];
			}

			case 'count': {
				return [{counted: {udp: script.counted?.(tries) ?? 0, udp6: 0}}];
			}

			case 'stay': {
				return [];
			}

			case 'try': {
				tries.push(...command.tries);
				return command.tries.map((wanted) => ({
					tried: wanted.id,
					sent: 'count' in wanted ? wanted.count : 1,
					...(wanted.what === 'mapping' && {localPort: wanted.localPort}),
					...(script.outcome?.(wanted) ?? openOutcome(wanted)),
				}));
			}
		}
	};

	return {
		name,
		address: name,
		rttMs: 0,
		run: (async (called: {readonly name: string}) =>
			called.name === probeHandshakes.name
				? script.peers
				: called.name in (script.answers ?? {})
					? script.answers![called.name]
					: unexpected()) as Host['run'],
		stream: unexpected,
		upload: unexpected,
		async converse() {
			const lines: string[] = [
				JSON.stringify({ready: true, version: '3', interpreter: name}),
			];
			const conversation = {open: true};
			return {
				lines: (async function* () {
					while (conversation.open) {
						const line = lines.shift();
						if (line === undefined) {
							await soon();
						} else {
							yield line;
						}
					}
				})(),
				send(line) {
					lines.push(
						...answer(JSON.parse(line) as Command).map((message) =>
							JSON.stringify(message),
						),
					);
				},
				close() {
					conversation.open = false;
				},
			};
		},
		async close() {
			// Nothing is open.
		},
	};
};
