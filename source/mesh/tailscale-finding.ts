import type {Finding} from '../checks/finding.js';

/** The rules about meshes on a tailnet: what must hold, and where that comes from. */
export const tailscaleRules = {
	'tailscale.min-version': {
		severity: 'error',
		sentence: "The K3s release knows K3s's Tailscale integration.",
		source: 'K3s docs: Distributed hybrid or multicloud cluster',
	},
	'tailscale.broken-version': {
		severity: 'error',
		sentence: "K3s's Tailscale integration works in the release.",
		source: 'k3s-io/k3s#13457, k3s-io/k3s#13659, k3s-io/k3s#14515',
	},
	'tailscale.key-on-host': {
		severity: 'error',
		sentence: 'K3s does not need the key of the tailnet itself.',
		source: 'k3s-io/k3s#13106, k3s-io/k3s#12830',
	},
	'tailscale.control-server': {
		severity: 'error',
		sentence: "K3s can read the control server's URL.",
		source: 'k3s-io/k3s pkg/vpn',
	},
	'tailscale.install': {
		severity: 'error',
		sentence: 'Tailscale is on every node, or can be installed there.',
		source: 'https://tailscale.com/kb/1347/installation',
	},
	'tailscale.client': {
		severity: 'error',
		sentence: "The node's Tailscale is new enough.",
		source: 'Tailscale change log, 1.34; headscale change log, 0.29',
	},
	'tailscale.tun': {
		severity: 'error',
		sentence: 'Tailscale has an interface in the kernel.',
		source: 'https://tailscale.com/kb/1112/userspace-networking',
	},
	'tailscale.approval': {
		severity: 'error',
		sentence: 'No node waits for its approval in the tailnet.',
		source: 'https://tailscale.com/kb/1099/device-approval',
	},
	'tailscale.other-tailnet': {
		severity: 'error',
		sentence: 'All nodes are in the tailnet that the cluster file means.',
		source: 'K3s docs: Distributed hybrid or multicloud cluster',
	},
	'tailscale.tags': {
		severity: 'error',
		sentence: 'Nodes that are logged in have the tags of the cluster file.',
		source: 'https://tailscale.com/kb/1068/tags',
	},
	'tailscale.hostname': {
		severity: 'info',
		sentence: 'A node has one name in the cluster and in the tailnet.',
		source: 'https://tailscale.com/kb/1098/machine-names',
	},
	'tailscale.key-expiry': {
		severity: 'warning',
		sentence: 'The login of a node does not end.',
		source: 'https://tailscale.com/kb/1028/key-expiry',
	},
	'tailscale.exit-node': {
		severity: 'error',
		sentence: 'No node sends all its traffic through another machine.',
		source: 'https://tailscale.com/kb/1103/exit-nodes',
	},
	'tailscale.dns': {
		severity: 'warning',
		sentence: "Pods do not ask Tailscale's own name server.",
		source: 'tailscale/tailscale#6651, k0sproject/k0s#4459',
	},
	'tailscale.own-preferences': {
		severity: 'error',
		sentence: "What somebody set in a node's Tailscale suits the cluster.",
		source: 'k3s-io/k3s#8012, k3s-io/k3s#11512',
	},
	'tailscale.cgnat-collision': {
		severity: 'error',
		sentence: 'No node uses 100.64.0.0/10 for anything but Tailscale.',
		source: 'tailscale/tailscale#21249, tailscale/tailscale#7472',
	},
	'tailscale.routes-conflict': {
		severity: 'error',
		sentence: "No other machine of the tailnet routes the cluster's networks.",
		source: 'K3s docs: Distributed hybrid or multicloud cluster',
	},
	'tailscale.dual-stack': {
		severity: 'error',
		sentence: 'Nodes have the address families of the pods in the tailnet.',
		source: 'k3s-io/k3s#11572, k3s-io/k3s pkg/vpn',
	},
	'tailscale.direct-pods': {
		severity: 'error',
		sentence:
			'Pods whose packets stay out of the tailnet have a network that all nodes share.',
		source: 'K3s docs: Basic network options',
	},
	'tailscale.lost-tunnel': {
		severity: 'warning',
		sentence: "Flannel's interface outlives a new start of Tailscale.",
		source: 'k3s-io/k3s#12436, k3s-io/k3s#14142',
	},
	'tailscale.close-ports': {
		severity: 'error',
		sentence: 'The ports of K3s can be closed outside of the tailnet.',
		source: 'K3s docs: Requirements, "should not be exposed to the world"',
	},
	'tailscale.firewall': {
		severity: 'info',
		sentence: 'It is known who may do what in the tailnet.',
		source: 'tailscale/tailscale#9084, tailscale/tailscale#11717',
	},
	'ssh.over-tailnet': {
		severity: 'error',
		sentence: 'SSH does not go through the tailnet that is being set up.',
		source: 'k3s-io/k3s#8012; flannel, extension backend',
	},
} as const satisfies Readonly<
	Record<string, Pick<Finding, 'severity' | 'source'> & {sentence: string}>
>;

export type TailscaleRule = keyof typeof tailscaleRules;

/** The rules that speak about the K3s release alone: they are asked again once a channel has named one. */
export const releaseRules: ReadonlySet<string> = new Set<TailscaleRule>([
	'tailscale.min-version',
	'tailscale.broken-version',
]);

/** Makes one finding of a rule of these meshes. */
export const finding = (
	id: TailscaleRule,
	severity: Finding['severity'],
	rest: Pick<Finding, 'message' | 'nodes' | 'fixes'>,
): Finding => ({id, severity, ...rest, source: tailscaleRules[id].source});

/** A mesh that uses a tailnet. */
export type TailnetKind = 'tailscale' | 'tailscale-ip';

/** Names in a sentence. */
export const list = (names: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'conjunction'}).format(names);

/** Makes findings about one node. */
export type Say = (
	id: TailscaleRule,
	severity: Finding['severity'],
	message: string,
	fixes?: readonly string[],
) => Finding;
