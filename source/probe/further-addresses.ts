import {
	addressFamily,
	addressScope,
	cidrContains,
} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import {ownAddresses} from '../facts/external-address.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {AddressKind} from '../mesh/mesh.js';

/** An address of a node that the cluster file does not name. */
export type FurtherAddress = {
	readonly addressKind: Extract<AddressKind, 'external-ipv6' | 'tailscale'>;
	readonly address: string;
};

/** The ranges of tailnets: 100.64.0.0/10, which carriers use as well, and Tailscale's own of IPv6. */
const tailnets = ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'];

/** The first address of a machine in a tailnet, IPv4 before IPv6: only a device of that name tells it from a carrier's. */
export const tailscaleAddress = (facts: HostFacts): string | undefined =>
	facts.addresses
		.filter(
			({device, address}) =>
				device.startsWith('tailscale') &&
				tailnets.some((tailnet) => cidrContains(tailnet, address)),
		)
		.toSorted((one, other) => one.family - other.family)[0]?.address;

/** A public IPv6 address that a machine has besides an external one of IPv4. */
const publicIpv6 = (node: NodeSpec, facts: HostFacts): string | undefined =>
	node.externalIp !== undefined && addressFamily(node.externalIp) === 6
		? undefined
		: ownAddresses(facts).find(
				({address, family}) =>
					family === 6 && addressScope(address) === 'public',
			)?.address;

/** Addresses besides those of the cluster file under which others may reach a node. */
export const furtherAddresses = (
	node: NodeSpec,
	facts: HostFacts,
): readonly FurtherAddress[] =>
	(
		[
			['external-ipv6', publicIpv6(node, facts)],
			['tailscale', tailscaleAddress(facts)],
		] as const
	).flatMap(([addressKind, address]) =>
		address === undefined ||
		address === node.externalIp ||
		address === node.internalIp
			? []
			: [{addressKind, address}],
	);
