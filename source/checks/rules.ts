import {tailscaleRules} from '../mesh/tailscale-finding.js';
import {wireguardSources} from '../mesh/wireguard-finding.js';
import {cidrRules} from './cidrs.js';
import {hostRules} from './hosts.js';
import {k3sConfigRules} from './k3s-config.js';
import {k3sRules} from './k3s.js';
import {networkRules} from './networks.js';
import {nodeRules} from './nodes.js';
import {outboundRules} from './outbound.js';
import {relayRules} from './outbound-relays.js';
import {pathRules} from './paths.js';
import {portRules} from './ports.js';
import {proxyRules} from './proxy.js';
import {resourceRules} from './resources.js';
import type {Rule, RuleText} from './rule.js';
import {serverRules} from './servers.js';
import {siteRules} from './sites.js';
import {tailnetRules} from './tailnet.js';
import {tailnetWayRules} from './tailnet-ways.js';

/** All rules but those that a mesh brings itself. */
export const rules: readonly Rule[] = [
	...nodeRules,
	...serverRules,
	...cidrRules,
	...networkRules,
	...hostRules,
	...resourceRules,
	...k3sRules,
	...k3sConfigRules,
	...siteRules,
	...portRules,
	...pathRules,
	...outboundRules,
	...relayRules,
	...tailnetRules,
	...tailnetWayRules,
	...proxyRules,
];

const wireguardSentences: Readonly<
	Record<keyof typeof wireguardSources, string>
> = {
	'wireguard.external-ip-required': 'Every node has an external address.',
	'wireguard.external-ip-unique': 'No two nodes have one external address.',
	'wireguard.address-family':
		'The external addresses of all nodes are of one family.',
	'wireguard.cgnat': 'No node is behind carrier NAT.',
	'wireguard.nat':
		'Of every two nodes one at least can be reached from outside.',
	'wireguard.kernel': 'The kernel of every node has WireGuard.',
	'wireguard.port-in-use': "WireGuard's port is free on every node.",
};

/** Every rule with its sentence and source, as documentation and `--help` print them. */
export const ruleTexts: readonly RuleText[] = [
	...rules.map(({id, severity, sentence, source}) => ({
		id,
		severity,
		sentence,
		source,
	})),
	...Object.entries(wireguardSentences).map(([id, sentence]): RuleText => ({
		id,
		severity: 'error',
		sentence,
		source: wireguardSources[id as keyof typeof wireguardSources],
	})),
	...Object.entries(tailscaleRules).map(([id, text]): RuleText => ({
		id,
		...text,
	})),
].toSorted((one, other) => one.id.localeCompare(other.id, 'en'));
