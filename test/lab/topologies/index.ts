import type {Topology} from '../topology.js';
import {addressTopologies} from './addresses.js';
import {barrierTopologies} from './barriers.js';
import {firewallTopologies} from './firewalls.js';
import {natTopologies} from './nat.js';
import {hostTopologies} from './hosts.js';
import {plainTopologies} from './plain.js';
import {siteTopologies} from './sites.js';
import {tailnetTopologies} from './tailnet.js';
import {wanTopologies} from './wan.js';

/** Every topology that `up` knows. */
export const topologies: readonly Topology[] = [
	...plainTopologies,
	...siteTopologies,
	...firewallTopologies,
	...natTopologies,
	...barrierTopologies,
	...addressTopologies,
	...wanTopologies,
	...hostTopologies,
	...tailnetTopologies,
];
