import {sameAddress} from '../../cluster/addresses.js';
import type {Cell} from '../../facts/measurements.js';
import {closingNats} from '../../mesh/wireguard-nat.js';
import {concludeNat} from '../conclusions/nat.js';
import {inWords, type CheckContext} from '../rule.js';

/** Why nothing arrives from outside at a node behind NAT, and what lets it in. */
export type NatReason = {
	/** The NAT, as a sentence without its full stop. */
	readonly sentence: string;
	readonly fixes: readonly string[];
};

/** What a router says of packets that it knows no one to pass on to; every other refusal is a firewall's. */
const routerRefusals = new Set(['connection refused', 'port-unreachable']);

/**
 * The NAT before the target that explains that these ways to one port of its external address are closed; `undefined`
 * where none is known to.
 */
export const natReason = (
	context: CheckContext,
	cells: readonly Cell[],
): NatReason | undefined => {
	const {
		path: {to, addressKind, address, protocol, port},
		verdict,
	} = cells[0]!;
	const kind = concludeNat(context).get(to)?.kind ?? 'unknown';
	const words = closingNats.get(kind);
	const isNatural =
		verdict.kind === 'filtered' ||
		(verdict.kind === 'refused' && routerRefusals.has(verdict.reason));
	if (words === undefined || addressKind !== 'external' || !isNatural) {
		return undefined;
	}

	const sentence = `${to} is behind ${words}, which lets in answers alone`;
	if (kind === 'carrier-grade') {
		return {
			sentence,
			fixes: [
				`Nothing that is yours opens the NAT of a carrier: ask the provider of ${to} for a public address of its own.`,
			],
		};
	}

	const sharing = context.cluster.nodes
		.filter(
			({name, externalIp}) =>
				name !== to &&
				externalIp !== undefined &&
				sameAddress(externalIp, address),
		)
		.map(({name}) => name);
	return {
		sentence,
		fixes: [
			sharing.length > 0
				? `${address} is the external address of ${inWords(sharing)}, too, and carries one node: give ${to} a public address of its own.`
				: `If the router of ${to} is yours: let it pass ${protocol.toUpperCase()} ${port} of ${address} on to ${to}.`,
		],
	};
};
