import type {PingAnswer} from '../host/scripts/k3s-run.js';

/** Why a node cannot join, as seen by a ping from the node itself. */
export type PingCause = {
	/** Goes on from the node's name; names the address and port. */
	readonly text: string;
	readonly tryNext: readonly string[];
};

const openIt = (endpoint: string): string =>
	`Open TCP ${endpoint} for this node, in the server's own firewall and in the cloud's; k3s-mesh-tui check shows which paths are closed.`;

/** Puts the answer of a server into words; `undefined` when the server answers and the way is not the problem. Pure. */
export const pingCause = (
	endpoint: string,
	answer: PingAnswer,
): PingCause | undefined => {
	switch (answer.outcome) {
		case 'pong':
		case 'no-tool': {
			return undefined;
		}

		case 'refused': {
			return {
				text: `waits for ${endpoint}: it refuses the connection`,
				tryNext: [
					'Nothing listens there, or a firewall rejects it: look whether K3s runs on the server, and whether the address is right.',
				],
			};
		}

		case 'timeout': {
			return {
				text: `waits for ${endpoint}: it does not answer`,
				tryNext: [
					openIt(endpoint),
					'If the address is wrong, correct it in the cluster file and run the same command again.',
				],
			};
		}

		case 'unreachable': {
			return {
				text: `waits for ${endpoint}: there is no way to it, or a firewall rejects it`,
				tryNext: [
					openIt(endpoint),
					'If the address is wrong, correct it in the cluster file and run the same command again.',
				],
			};
		}

		case 'no-name': {
			return {
				text: `waits for ${endpoint}: this machine cannot resolve the name`,
				tryNext: [
					'Use an address, or a name that every node can resolve, as apiEndpoint.',
				],
			};
		}

		case 'other': {
			return {
				text: `waits for ${endpoint}: something else than K3s answers there`,
				tryNext: [
					'Look whether the address belongs to the server, and whether another program holds the port.',
				],
			};
		}

		case 'failed': {
			return {
				text: `waits for ${endpoint}: the connection fails${answer.detail === '' ? '' : ` (${answer.detail})`}`,
				tryNext: [openIt(endpoint)],
			};
		}
	}
};
