import type {NodeObject} from '../host/scripts/k3s-read.js';

/** What a node object is to show. */
export type PlannedNode = {
	readonly nodeName: string;
	readonly internalIp: string | undefined;
	readonly externalIp: string | undefined;
};

/** Is the node as planned, or what is missing. */
export type Readiness =
	| {readonly ready: true; readonly node: NodeObject}
	| {
			readonly ready: false;
			/** For people: goes on from the node's name. */
			readonly missing: string;
			readonly tryNext: readonly string[];
	  };

const uninitialized = 'node.cloudprovider.kubernetes.io/uninitialized';

const wrongAddress = (
	kind: string,
	planned: string | undefined,
	shown: readonly string[],
): string | undefined =>
	planned === undefined || shown.includes(planned)
		? undefined
		: `shows ${shown.length === 0 ? `no ${kind} address` : `the ${kind} address ${shown.join(', ')}`} instead of ${planned}`;

/** Compares the node objects of the API with what was planned for a node. Pure. */
export const judgeReadiness = (
	nodes: readonly NodeObject[],
	planned: PlannedNode,
): Readiness => {
	const node = nodes.find(({name}) => name === planned.nodeName);
	if (!node) {
		return {
			ready: false,
			missing: 'is not in the list of nodes yet',
			tryNext: ['Look at the log of this node and of the first server.'],
		};
	}

	if (!node.ready) {
		return {
			ready: false,
			missing: `is not Ready: ${node.notReadyMessage ?? 'the kubelet has not said why'}`,
			tryNext: [`kubectl describe node ${planned.nodeName} says more.`],
		};
	}

	if (node.taints.includes(uninitialized)) {
		return {
			ready: false,
			missing: 'has not got its addresses from the cloud controller of K3s yet',
			tryNext: [
				'Look whether disable-cloud-controller is set in a config.yaml of your own: this mesh needs it off.',
			],
		};
	}

	const wrong =
		wrongAddress('internal', planned.internalIp, node.internalIps) ??
		wrongAddress('external', planned.externalIp, node.externalIps);
	return wrong === undefined
		? {ready: true, node}
		: {
				ready: false,
				missing: wrong,
				tryNext: [
					'Look for node-ip or node-external-ip in a config.yaml of your own on this machine: it wins over ours when its file comes later.',
				],
			};
};
