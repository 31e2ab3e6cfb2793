import type {Topology} from '../topology.js';
import {firewallTopologies} from './firewalls.js';
import {plainTopologies} from './plain.js';
import {siteTopologies} from './sites.js';
import {wanTopologies} from './wan.js';

/** Every topology that `up` knows. */
export const topologies: readonly Topology[] = [
	...plainTopologies,
	...siteTopologies,
	...firewallTopologies,
	...wanTopologies,
];
