import {parseCidr} from '../../cluster/addresses.js';
import type {MeshProof} from '../../mesh/mesh.js';
import type {NodeObject} from '../../host/scripts/k3s-read.js';
import {
	verifyHandshakes,
	verifyPing,
	type Handshakes,
} from '../../host/scripts/verify.js';
import type {PingResult} from '../../host/scripts/verify-ping.js';
import type {Proof} from '../events.js';
import type {Prover} from '../steps/verify.js';

const afterThat = (last: string): string => String(Number(last) + 1);

/**
 * The address of a node that answers through the mesh: flannel gives its own interface the first address of the node's
 * pod network, `.0`, and cni0 the one after it. `undefined` while the node has no pod network.
 */
export const meshAddress = (
	node: NodeObject,
	answers: MeshProof['answers'],
): string | undefined => {
	const cidr = node.podCidrs.find((text) => parseCidr(text)?.family === 4);
	const first = cidr?.slice(0, cidr.indexOf('/'));
	return answers === 'flannel' ? first : first?.replace(/\d+$/, afterThat);
};

const pingProof = (
	from: string,
	to: string,
	address: string | undefined,
	ping: PingResult | undefined,
): Proof => ({
	kind: 'mesh-ping',
	from,
	to,
	ok: ping?.ok ?? false,
	detail:
		address === undefined
			? `${to} has no pod network yet`
			: ping?.ok
				? `${address} answers in ${ping.rttMs?.toFixed(1) ?? '?'} ms`
				: (ping?.problem ?? `${address} does not answer`),
});

const ageText = (seconds: number): string =>
	seconds === 1 ? '1 second ago' : `${seconds} seconds ago`;

/** What can be said about the handshake of a pair; without `wg` the ping stands in, and it is said so. */
const handshakeProof = (
	from: string,
	to: NodeObject,
	handshakes: Handshakes,
	ping: Proof,
): Proof => {
	const base = {kind: 'handshake' as const, from, to: to.name};
	if (!handshakes.available) {
		return {
			...base,
			ok: ping.ok,
			standIn: `${handshakes.reason} on ${from}`,
			detail: ping.ok
				? `${handshakes.reason} on ${from}: mesh proven by ping only`
				: `${handshakes.reason} on ${from}, and the mesh address does not answer`,
		};
	}

	const peer = handshakes.peers.find(
		({publicKey}) => publicKey === to.wireguardKey,
	);
	if (peer?.ageSeconds !== undefined) {
		return {...base, ok: true, detail: ageText(peer.ageSeconds)};
	}

	return {
		...base,
		ok: false,
		detail: peer
			? `no handshake yet with ${to.meshEndpoint ?? to.name}`
			: `${from} does not know the key of ${to.name} yet`,
	};
};

/** Pings the mesh address of every other node, then looks at the handshakes that this brought about. */
export const proveMesh: Prover = async (nodeName, ground, context) => {
	const others = ground.participants.filter((name) => name !== nodeName);
	if (others.length === 0) {
		return [];
	}

	const {proof} = context.verification;
	const nodes = await context.nodes.read();
	const known = others.map((name) => ({
		name,
		node: nodes.find((node) => node.name === name),
	}));
	const addresses = new Map(
		known.map(({name, node}) => [
			name,
			node && meshAddress(node, proof.answers),
		]),
	);
	const targets = [...addresses.values()].filter(
		(address) => address !== undefined,
	);
	const {host, signal} = context;
	const pings = await host.run(verifyPing, {targets}, {signal});
	const pingProofs = others.map((name) => {
		const address = addresses.get(name);
		return pingProof(
			nodeName,
			name,
			address,
			pings.find((ping) => ping.address === address),
		);
	});
	if (!proof.handshakes) {
		return pingProofs;
	}

	const handshakes = await host.run(
		verifyHandshakes,
		{interface: proof.interface},
		{signal},
	);
	const handshakeProofs = known.flatMap(({node}, index) => {
		const ping = pingProofs[index];
		return node && ping
			? [handshakeProof(nodeName, node, handshakes, ping)]
			: [];
	});
	return [...pingProofs, ...handshakeProofs];
};
