import {addressFamily, parseCidr} from './addresses.js';
import type {NodeSpec} from './schema.js';

/** The network that two internal addresses must share to be taken for neighbours when no site is named: /24, or /64 for IPv6. */
const neighbourhood = (address: string): string => {
	const prefix = addressFamily(address) === 4 ? 24 : 64;
	return `${parseCidr(`${address}/${prefix}`)!.network}/${prefix}`;
};

/**
 * Are two nodes at one place, so that their internal addresses are expected to reach each other?
 * A named `site` decides. Where neither node has one, internal addresses in one /24 (IPv6: /64) count as one place.
 */
export const sameSite = (one: NodeSpec, other: NodeSpec): boolean => {
	if (one.name === other.name) {
		return true;
	}

	if (one.site !== undefined || other.site !== undefined) {
		return one.site === other.site;
	}

	return (
		one.internalIp !== undefined &&
		other.internalIp !== undefined &&
		neighbourhood(one.internalIp) === neighbourhood(other.internalIp)
	);
};

/** The servers of a cluster, in file order. */
export const serversOf = (nodes: readonly NodeSpec[]): readonly NodeSpec[] =>
	nodes.filter((node) => node.role === 'server');
