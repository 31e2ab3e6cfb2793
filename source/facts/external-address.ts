import {
	addressFamily,
	addressScope,
	isAddress,
	sameAddress,
} from '../cluster/addresses.js';
import type {SshTarget} from '../cluster/ssh-target.js';
import {translatingClouds} from './cloud.js';
import type {HostFacts, InterfaceAddress} from './host-facts.js';

/** An address that the facts suggest, or why they suggest none. */
export type AddressProposal =
	| {
			readonly address: string;
			/** For people: where it comes from. */
			readonly origin: string;
			/** Is the address on the machine itself, or on something before it that translates? */
			readonly nat: 'none' | 'behind-nat' | 'unknown';
	  }
	| {
			readonly address: undefined;
			readonly nat?: undefined;
			/** For people: why none, and what to do. */
			readonly reason: string;
	  };

/** Devices of containers, pods and meshes: their addresses are not the machine's own. */
const virtualDevice =
	/^(?:lo|cni|flannel|docker|br-|veth|virbr|cali|cilium|kube|nodelocaldns|podman|lxc|lxd|incus|wg|tailscale|zt|tun|tap|dummy)/;

/** The addresses of a machine itself, without those of containers, pods and meshes. */
export const ownAddresses = (facts: HostFacts): readonly InterfaceAddress[] =>
	facts.addresses.filter(({device}) => !virtualDevice.test(device));

/** Addresses of a scope, the one that the default route sends from first, IPv4 before IPv6. */
const inScope = (
	facts: HostFacts,
	scope: 'public' | 'private',
): readonly InterfaceAddress[] => {
	const defaults = facts.routes.filter(({destination}) =>
		destination.endsWith('/0'),
	);
	const rank = ({address, device, family}: InterfaceAddress): number =>
		(family === 6 ? 4 : 0) +
		(defaults.some(({source}) => source === address) ? 0 : 2) +
		(defaults.some((route) => route.device === device) ? 0 : 1);
	return ownAddresses(facts)
		.filter(({address}) => addressScope(address) === scope)
		.toSorted((one, other) => rank(one) - rank(other));
};

/** The address at the other end of our connection, when it is one that others could dial, too. */
const dialedAddress = (
	target: SshTarget,
	facts: HostFacts,
): string | undefined => {
	const dialed =
		facts.sshConnection?.dialedAddress ??
		(isAddress(target.host) ? target.host : undefined);
	return dialed !== undefined &&
		isAddress(dialed) &&
		addressScope(dialed) === 'public'
		? dialed
		: undefined;
};

const withoutAny = (facts: HostFacts): string => {
	const shared = ownAddresses(facts).find(
		({address}) => addressScope(address) === 'shared',
	);
	if (shared) {
		return `it is behind carrier-grade NAT (${shared.address} on ${shared.device}), which nobody outside can dial`;
	}

	if (facts.cloud !== undefined && translatingClouds.has(facts.cloud)) {
		return `${facts.cloud} translates its public address outside of the machine: take it from the provider's console`;
	}

	const [first] = inScope(facts, 'private');
	return first
		? `it has only private addresses (${first.address} on ${first.device}): give the public address of its router or provider`
		: 'it shows no address that others could dial';
};

/**
 * The address under which other nodes may reach a node, from how we dialed it and what is on its interfaces. It is a
 * candidate: whether packets arrive is for the probes to show.
 */
export const proposeExternalAddress = (
	target: SshTarget,
	facts: HostFacts,
): AddressProposal => {
	const publicOnes = inScope(facts, 'public');
	const dialed = dialedAddress(target, facts);
	const dialedHere =
		dialed === undefined
			? undefined
			: facts.addresses.find(({address}) => sameAddress(address, dialed));
	// WireGuard's endpoints are of one family, and IPv4 is the one that all nodes tend to share.
	const better =
		dialed !== undefined && addressFamily(dialed) === 6
			? publicOnes.find(({family}) => family === 4)
			: undefined;
	if (dialed !== undefined && better === undefined) {
		if (dialedHere) {
			return {
				address: dialed,
				origin: `we logged in to it, and it is on ${dialedHere.device}`,
				nat: 'none',
			};
		}

		const onHost = facts.sshConnection?.serverAddress;
		return onHost === undefined || sameAddress(onHost, dialed)
			? {
					address: dialed,
					origin: 'we logged in to it; the machine does not say where it ends',
					nat: 'unknown',
				}
			: {
					address: dialed,
					origin: `we logged in to it, and it is translated to ${onHost} before the machine`,
					nat: 'behind-nat',
				};
	}

	const [best] = better ? [better] : publicOnes;
	return best
		? {
				address: best.address,
				origin: `it is on ${best.device}`,
				nat: 'none',
			}
		: {address: undefined, reason: withoutAny(facts)};
};

/** The address under which nodes of the same private network may reach a node. */
export const proposeInternalAddress = (facts: HostFacts): AddressProposal => {
	const [best] = inScope(facts, 'private');
	return best
		? {
				address: best.address,
				origin: `the private address on ${best.device}`,
				nat: 'none',
			}
		: {
				address: undefined,
				reason: 'it has no private address on an interface of its own',
			};
};
