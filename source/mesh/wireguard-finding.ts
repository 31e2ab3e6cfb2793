import type {Finding} from '../checks/finding.js';

/** Where the rules about WireGuard come from. */
export const wireguardSources = {
	'wireguard.external-ip-required':
		'K3s docs: Distributed hybrid or multicloud cluster',
	'wireguard.external-ip-unique': 'k3s-io/k3s#10011, k3s-io/k3s#2701',
	'wireguard.address-family': 'flannel docs: backends, WireGuard',
	'wireguard.cgnat': 'k3s-io/k3s#9535',
	'wireguard.nat': 'k3s-io/k3s#9535, k3s-io/k3s#5717',
	'wireguard.kernel': 'k3s-io/k3s#11166, K3s docs: Basic network options',
	'wireguard.port-in-use': 'k3s-io/k3s#8652',
} as const;

/** Ids of the rules that this mesh brings. */
export type WireguardRule = keyof typeof wireguardSources;

/** Makes one finding of a rule of this mesh. */
export const finding = (
	id: WireguardRule,
	severity: Finding['severity'],
	rest: Pick<Finding, 'message' | 'nodes' | 'fixes'>,
): Finding => ({id, severity, ...rest, source: wireguardSources[id]});
