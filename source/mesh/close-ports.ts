import type {NodeSpec} from '../cluster/schema.js';
import {addressFamily} from '../cluster/addresses.js';
import type {HostFacts} from '../facts/host-facts.js';
import {fileExpectation} from '../plan/expectation.js';
import {closeRulesPath} from '../plan/paths.js';
import {k3sPorts} from './k3s-requirements.js';
import type {MeshContext, MeshStep} from './mesh.js';
import {hasDirectPods, tailnetInterface} from './tailnet.js';

/** Does a firewall of the machine keep out what nothing names? Then nothing of K3s is open to others anyway. */
export const keepsOut = ({firewall}: HostFacts): boolean =>
	firewall.active && firewall.defaultDeny;

/** Ports of K3s that nobody outside of the tailnet may reach. */
const tcp = [
	k3sPorts.etcdClient,
	k3sPorts.etcdPeer,
	k3sPorts.api,
	k3sPorts.kubelet,
];

/**
 * Closes K3s's ports to all but the tailnet and pods, on a machine whose own firewall does not. Flannel's port stays open
 * for the internal addresses of the other nodes where pods' packets take the ordinary network.
 */
export const closePortsStep = (
	{cluster}: MeshContext,
	node: NodeSpec,
	facts: HostFacts,
): readonly MeshStep[] => {
	if (keepsOut(facts)) {
		return [];
	}

	const peers = hasDirectPods(cluster)
		? cluster.nodes.flatMap(({name, internalIp}) =>
				name === node.name || internalIp === undefined ? [] : [internalIp],
			)
		: [];
	return [
		{
			stage: 'prepare',
			what: 'close-ports',
			title: 'close the ports of K3s to all but the tailnet and pods',
			action: {
				kind: 'close-ports',
				tcp,
				udp: [k3sPorts.vxlan],
				openOn: ['lo', tailnetInterface, 'cni0', 'flannel.1', 'flannel-v6.1'],
				udpPeers: peers.toSorted(
					(one, other) => addressFamily(one) - addressFamily(other),
				),
			},
			expectation: fileExpectation(facts, closeRulesPath),
		},
	];
};
