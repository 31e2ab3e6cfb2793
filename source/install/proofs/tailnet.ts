import type {TailscaleFacts} from '../../facts/host-facts.js';
import {wayText} from '../../facts/tailnet-measures.js';
import type {NodeObject} from '../../host/scripts/k3s-read.js';
import {
	tailscalePing,
	type TailnetPing,
} from '../../host/scripts/tailscale-ping.js';
import {tailscaleStatus} from '../../host/scripts/tailscale-status.js';
import type {Proof} from '../events.js';
import type {Prover} from '../steps/verify.js';

/** Is the node in the tailnet, and does Kubernetes know it by its address there? */
const tailnetProof = (
	from: string,
	status: TailscaleFacts | undefined,
	node: NodeObject | undefined,
): Proof => {
	const base = {kind: 'tailnet' as const, from, to: undefined};
	if (status?.state !== 'Running') {
		return {
			...base,
			ok: false,
			detail: `Tailscale is ${status === undefined ? 'not installed' : `in the state ${status.state}`}`,
		};
	}

	if (!status.tun) {
		return {
			...base,
			ok: false,
			detail: 'Tailscale has no interface in the kernel',
		};
	}

	const shown = status.addresses.filter((address) =>
		node?.internalIps.includes(address),
	);
	return shown.length === 0
		? {
				...base,
				ok: false,
				detail: `the node object shows ${node === undefined || node.internalIps.length === 0 ? 'no address' : node.internalIps.join(', ')} instead of ${status.addresses.join(', ')}`,
			}
		: {...base, ok: true, detail: `${shown.join(', ')} on its interface`};
};

/** The machine of the tailnet that a node is, as another node sees it. */
const peerOf = (status: TailscaleFacts | undefined, node: NodeObject) =>
	status?.peers.find(({addresses}) =>
		addresses.some((address) => node.internalIps.includes(address)),
	);

/** Does the tailnet send packets for the other node's pods to it? */
const routeProof = (
	from: string,
	to: string,
	status: TailscaleFacts | undefined,
	node: NodeObject | undefined,
): Proof => {
	const base = {kind: 'route' as const, from, to};
	const peer = node && peerOf(status, node);
	if (peer === undefined) {
		return {
			...base,
			ok: false,
			detail: `${from} does not see ${to} in the tailnet`,
		};
	}

	const missing = node!.podCidrs.filter(
		(cidr) => !peer.allowedIps.includes(cidr),
	);
	return missing.length === 0 && node!.podCidrs.length > 0
		? {...base, ok: true, detail: `${node!.podCidrs.join(', ')} goes to ${to}`}
		: {
				...base,
				ok: false,
				detail:
					missing.length === 0
						? `${to} has no pod network yet`
						: `the tailnet does not carry ${missing.join(', ')} to ${to}`,
			};
};

const pathProof = (
	from: string,
	to: string,
	address: string | undefined,
	path: TailnetPing | undefined,
): Proof => ({
	kind: 'tailnet-path',
	from,
	to,
	ok: path !== undefined && path.way.kind !== 'silent',
	detail:
		address === undefined
			? `${from} does not see ${to} in the tailnet`
			: path === undefined
				? `${address} does not answer`
				: wayText(path.way),
});

/** Looks at the node's own Tailscale, what it knows of the other nodes, and which way it reaches them. */
export const proveTailnet: Prover = async (nodeName, ground, context) => {
	const {proof} = context.verification;
	if (proof.tailnet === 'none') {
		return [];
	}

	const {host, signal} = context;
	const [nodes, status] = await Promise.all([
		context.nodes.read(),
		host.run(tailscaleStatus, {}, {signal}),
	]);
	const nodeOf = (name: string) => nodes.find((node) => node.name === name);
	const others = ground.participants.filter((name) => name !== nodeName);
	const addresses = new Map(
		others.map((name) => {
			const node = nodeOf(name);
			return [name, node && peerOf(status, node)?.addresses[0]];
		}),
	);
	const targets = [...addresses.values()].filter(
		(address) => address !== undefined,
	);
	const paths =
		targets.length === 0
			? []
			: await host.run(tailscalePing, {targets}, {signal});
	return [
		tailnetProof(nodeName, status, nodeOf(nodeName)),
		...(proof.tailnet === 'routes'
			? others.map((to) => routeProof(nodeName, to, status, nodeOf(to)))
			: []),
		...others.map((to) => {
			const address = addresses.get(to);
			return pathProof(
				nodeName,
				to,
				address,
				paths.find((path) => path.address === address),
			);
		}),
	];
};
