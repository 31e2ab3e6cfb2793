import type {Cell, Path} from '../../facts/measurements.js';
import {inWords, type CheckContext} from '../rule.js';
import {look} from './look.js';

/**
 * Whose address it is, when it stands on an interface of another node than the one that it should lead to; nothing else
 * has to be looked at then.
 */
export const foreignOwner = (
	context: CheckContext,
	{to, addressKind, address}: Path,
): string | undefined => {
	const owner =
		addressKind === 'external' ? look(context).owners.get(address) : undefined;
	return owner === undefined || owner === to
		? undefined
		: `${address} is on an interface of ${owner}: set externalIp of ${to} to its own address.`;
};

/**
 * What to look at when another machine answers on these ways to one port of one address. No firewall has to do with it:
 * the address is another one's, or a router passes the port on to another machine.
 */
export const wrongHostFix = (
	context: CheckContext,
	cells: readonly Cell[],
): string => {
	const {path} = cells[0]!;
	const {to, addressKind, address, protocol, port} = path;
	const answering = [
		...new Set(
			cells.flatMap(({verdict}) =>
				verdict.kind === 'wrong-host' && verdict.answeredBy !== undefined
					? [verdict.answeredBy]
					: [],
			),
		),
	];
	const other = answering.length === 0 ? 'another machine' : inWords(answering);
	const owner = foreignOwner(context, path);
	if (owner !== undefined) {
		return owner;
	}

	const really = `See whether ${address} is really the ${addressKind} address of ${to}`;
	const senders = [...new Set(cells.map((cell) => cell.path.from))];
	return addressKind === 'internal'
		? `${really}, and whether ${inWords([...senders, to])} are in one network: ${other} has it where ${senders.length === 1 ? `${senders[0]!} looks` : 'they look'}.`
		: `${really}, and whether the router or load balancer that has it passes ${protocol.toUpperCase()} ${port} on to ${to}: now it lands on ${other}.`;
};
