import type {HostSpec} from '../topology.js';

/** A host whose one card is on the wan. */
export const publicHost = (
	name: string,
	role: HostSpec['role'],
	externalIp: string,
	rest: Partial<HostSpec> = {},
): HostSpec => ({name, role, externalIp, ...rest});
