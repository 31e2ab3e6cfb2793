import {addressFamily, addressScope, parseCidr} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {ownAddresses} from '../facts/external-address.js';
import type {HostFacts} from '../facts/host-facts.js';

/** Scopes of addresses that a kubelet can have. */
const usable = new Set<ReturnType<typeof addressScope>>([
	'public',
	'private',
	'shared',
]);

/** The address families of the pods, in the order of the file: the first is the main one. */
export const podFamilies = ({
	network,
}: Pick<Cluster, 'network'>): ReadonlyArray<4 | 6> =>
	network.podCidr.flatMap((cidr) => parseCidr(cidr)?.family ?? []);

/**
 * A public IPv6 address that a machine has besides an external one of IPv4. Not that of a container or a mesh. `undefined`
 * where the external address is of IPv6 itself.
 */
export const furtherIpv6 = (
	{externalIp}: Pick<NodeSpec, 'externalIp'>,
	facts: HostFacts,
): string | undefined =>
	externalIp !== undefined && addressFamily(externalIp) === 6
		? undefined
		: ownAddresses(facts).find(
				({address, family}) =>
					family === 6 && addressScope(address) === 'public',
			)?.address;

/**
 * The addresses that K3s is told others reach the node under, which flannel then sends to. The file gives one; where
 * pods have IPv6 as well, the machine gives the other: without it flannel would take any that the interface has.
 */
export const nodeExternalIps = (
	cluster: Cluster,
	facts: HostFacts | undefined,
	node: NodeSpec,
): readonly string[] => {
	if (node.externalIp === undefined) {
		return [];
	}

	const further =
		facts !== undefined && podFamilies(cluster).includes(6)
			? furtherIpv6(node, facts)
			: undefined;
	return further === undefined ? [node.externalIp] : [node.externalIp, further];
};

/** Has the machine an address of the family that its kubelet could have? */
export const hasFamily = (facts: HostFacts, family: 4 | 6): boolean =>
	facts.addresses.some(
		(one) => one.family === family && usable.has(addressScope(one.address)),
	);

/**
 * The addresses that K3s is told are the node's own: one of each family of the pods, or it does not start
 * (k3s-io/k3s#5781). The file gives one, the machine the other, rather from the same interface. Empty where the file
 * gives none: K3s then finds both by itself.
 */
export const nodeIps = (
	cluster: Cluster,
	facts: HostFacts | undefined,
	{internalIp}: NodeSpec,
): readonly string[] => {
	if (internalIp === undefined) {
		return [];
	}

	const own = facts === undefined ? [] : ownAddresses(facts);
	const device = own.find(({address}) => address === internalIp)?.device;
	const given = addressFamily(internalIp);
	const families = podFamilies(cluster);
	return (families.includes(given) ? families : [given]).flatMap((family) => {
		if (family === given) {
			return [internalIp];
		}

		const candidates = own.filter(
			(one) => one.family === family && usable.has(addressScope(one.address)),
		);
		const best =
			candidates.find((one) => one.device === device) ?? candidates[0];
		return best === undefined ? [] : [best.address];
	});
};
