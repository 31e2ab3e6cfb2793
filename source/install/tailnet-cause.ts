import {bracketed, cidrContains, isAddress} from '../cluster/addresses.js';
import type {TailscaleFacts} from '../facts/host-facts.js';
import {tailnetRanges} from '../mesh/tailnet.js';
import type {PingCause} from './ping-cause.js';

const seePolicy =
	'Add what the cluster needs to the policy of the tailnet; "k3s-mesh-tui policy" prints it.';

/** The address in `100.64.0.1:6443` or `[fd7a::1]:6443`, when it is one of a tailnet. */
const tailnetAddressIn = (endpoint: string): string | undefined => {
	const address = endpoint.replace(/:\d+$/, '').replace(/^\[(.*)]$/, '$1');
	return isAddress(address) &&
		Object.values(tailnetRanges).some((range) => cidrContains(range, address))
		? address
		: undefined;
};

/**
 * What the node's own Tailscale knows of a server in the tailnet that gives no answer: a machine that it does not see is
 * hidden by the policy, or is not there; one that it sees may still be kept from it. The cause as it is known elsewhere.
 */
export const tailnetCause = (
	endpoint: string,
	status: TailscaleFacts | undefined,
	known: PingCause,
): PingCause => {
	const address = tailnetAddressIn(endpoint);
	if (address === undefined || status?.state !== 'Running') {
		return known;
	}

	const peer = status.peers.find(({addresses}) => addresses.includes(address));
	if (peer === undefined) {
		return {
			text: `waits for ${endpoint}: the tailnet does not show it that machine, so that the policy of the tailnet lets it reach nothing there`,
			tryNext: [
				seePolicy,
				`Or look whether ${bracketed(address)} is still the server's address in the tailnet.`,
			],
		};
	}

	if (!peer.online) {
		return {
			text: `waits for ${endpoint}: that machine is not connected to the tailnet now`,
			tryNext: [
				'Look on the server: tailscale status; systemctl status tailscaled.',
			],
		};
	}

	// A policy drops; whoever refuses has been reached.
	return known.text.includes('refuses the connection')
		? known
		: {
				...known,
				tryNext: [
					`${seePolicy} Without a rule for it the tailnet drops what is sent to ${endpoint}.`,
					...known.tryNext,
				],
			};
};
