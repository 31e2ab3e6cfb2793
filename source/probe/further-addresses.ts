import {cidrContains} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {AddressKind} from '../mesh/mesh.js';
import {furtherIpv6} from '../mesh/node-ips.js';

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

/** Addresses besides those of the cluster file under which others may reach a node. */
export const furtherAddresses = (
	node: NodeSpec,
	facts: HostFacts,
): readonly FurtherAddress[] =>
	(
		[
			['external-ipv6', furtherIpv6(node, facts)],
			['tailscale', tailscaleAddress(facts)],
		] as const
	).flatMap(([addressKind, address]) =>
		address === undefined ||
		address === node.externalIp ||
		address === node.internalIp
			? []
			: [{addressKind, address}],
	);
