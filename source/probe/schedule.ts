import {addressScope} from '../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../cluster/schema.js';
import {sameSite} from '../cluster/sites.js';
import type {HostFacts} from '../facts/host-facts.js';
import {pathKey, type Path} from '../facts/measurements.js';
import type {Requirement} from '../mesh/mesh.js';
import type {Place} from './messages.js';

const addressOf = (
	node: NodeSpec,
	kind: Requirement['addressKind'],
): string | undefined =>
	kind === 'internal' ? node.internalIp : node.externalIp;

/**
 * The paths that the requirements ask for, each once. A requirement between a node and itself is its hairpin path. One
 * that is scoped to a site counts only for nodes at one site (`cluster/sites.ts`). An address that nobody gave can not
 * be tried.
 */
export const schedulePaths = (
	cluster: Cluster,
	requirements: readonly Requirement[],
): readonly Path[] => {
	const nodes = new Map(cluster.nodes.map((node) => [node.name, node]));
	const paths = new Map<string, Path>();
	for (const requirement of requirements) {
		const from = nodes.get(requirement.from);
		const to = nodes.get(requirement.to);
		const address = to && addressOf(to, requirement.addressKind);
		if (
			from === undefined ||
			to === undefined ||
			address === undefined ||
			(requirement.scope === 'same-site' && !sameSite(from, to))
		) {
			continue;
		}

		const path: Path = {
			from: from.name,
			to: to.name,
			addressKind: requirement.addressKind,
			address,
			protocol: requirement.protocol,
			port: requirement.port,
		};
		paths.set(pathKey(path), path);
	}

	return [...paths.values()];
};

/** Addresses of a machine on which others can reach it: one socket each, so that every answer leaves from the address that was asked. */
const listenAddresses = (facts: HostFacts): readonly string[] => [
	...new Set(
		facts.addresses
			.map(({address}) => address)
			.filter((address) => {
				const scope = addressScope(address);
				return scope !== 'link-local' && scope !== 'multicast';
			}),
	),
];

/** Where the agent of a node has to listen: the ports that some path wants of it, on each of its addresses. */
export const listenPlaces = (
	node: string,
	paths: readonly Path[],
	facts: HostFacts,
): readonly Place[] => {
	const ports = new Map<string, Pick<Path, 'protocol' | 'port'>>();
	for (const {to, protocol, port} of paths) {
		if (to === node) {
			ports.set(`${protocol}/${port}`, {protocol, port});
		}
	}

	return [...ports.values()].flatMap(({protocol, port}) =>
		listenAddresses(facts).map((address) => ({protocol, address, port})),
	);
};
