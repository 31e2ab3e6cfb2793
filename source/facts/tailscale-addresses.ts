import {addressFamily} from '../cluster/addresses.js';
import type {TailscaleFacts} from './host-facts.js';

/** A machine's address of one family in its tailnet; `undefined` while it has none. */
export const tailscaleAddress = (
	facts: TailscaleFacts | undefined,
	family: 4 | 6,
): string | undefined =>
	facts?.addresses.find((address) => addressFamily(address) === family);

/** The address by which others join a machine: IPv4 where it has one. */
export const tailscaleJoinAddress = (
	facts: TailscaleFacts | undefined,
): string | undefined =>
	tailscaleAddress(facts, 4) ?? tailscaleAddress(facts, 6);
