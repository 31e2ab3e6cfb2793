import type {Protocol} from '../../mesh/mesh.js';
import {commandLine} from './node-firewall.js';
import {portName, type Opening} from './openings.js';

/** A port to be let in by the firewall in front of a machine. */
type CloudRule = {
	/** The node to which the rule leads. */
	readonly node: string;
	/** The peer, when it is one alone. */
	readonly peer: string | undefined;
	readonly protocol: Protocol;
	readonly port: number;
	/** For people: `WireGuard`. */
	readonly why: string;
	/** Single addresses, `198.51.100.11/32`. */
	readonly ipv4: readonly string[];
	/** Single addresses, `2001:db8::11/128`. */
	readonly ipv6: readonly string[];
};

/** One provider's firewall: what it is called, and how its own program is told. */
type CloudFirewall = {
	/** At the end of "in": `the security group of AWS`. */
	readonly title: string;
	/** Words of a command each; capitals stand for ids that only the account knows. */
	readonly commands: (rule: CloudRule) => ReadonlyArray<readonly string[]>;
	/** What has surprised people there, a sentence each. */
	readonly notes: readonly string[];
};

/** A name for the rule, in letters that every provider takes (GCP: RFC 1035, at most 63). */
const nameOf = (
	{node, peer, protocol, port}: CloudRule,
	suffix = '',
): string => {
	const from = peer === undefined ? '' : `-from-${peer}`;
	const longest = 63 - suffix.length;
	return `${`k3s-mesh-${protocol}-${port}-${node}${from}`.slice(0, longest).replace(/-+$/, '')}${suffix}`;
};

/** The sources by family, for providers that do not mix them in one rule. */
const families = (
	rule: CloudRule,
): ReadonlyArray<{
	readonly suffix: string;
	readonly sources: readonly string[];
}> =>
	[
		{suffix: '', sources: rule.ipv4},
		{suffix: '-v6', sources: rule.ipv6},
	].filter(({sources}) => sources.length > 0);

/** Oracle takes so many rules in one call, and Hetzner so many addresses in one rule. */
const oracleLimit = 25;
const hetznerLimit = 100;

const inParts = <Value>(
	values: readonly Value[],
	size: number,
): ReadonlyArray<readonly Value[]> =>
	Array.from({length: Math.ceil(values.length / size)}, (_, index) =>
		values.slice(index * size, (index + 1) * size),
	);

/** Source: https://docs.aws.amazon.com/cli/latest/reference/ec2/authorize-security-group-ingress.html. */
const aws: CloudFirewall = {
	title: 'the security group of AWS',
	commands({protocol, port, ipv4, ipv6}) {
		const ranges = (
			key: string,
			address: string,
			sources: readonly string[],
		): string =>
			sources.length === 0
				? ''
				: `,${key}=[${sources.map((source) => `{${address}=${source},Description=k3s-mesh}`).join(',')}]`;
		return [
			[
				'aws',
				'ec2',
				'authorize-security-group-ingress',
				'--group-id',
				'SECURITY_GROUP_ID',
				'--ip-permissions',
				`IpProtocol=${protocol},FromPort=${port},ToPort=${port}${ranges('IpRanges', 'CidrIp', ipv4)}${ranges('Ipv6Ranges', 'CidrIpv6', ipv6)}`,
			],
		];
	},
	notes: [
		'A security group drops in silence: what was refused was refused elsewhere.',
		'A source that is a security group matches private addresses only, and peers come from their public ones.',
		'A network ACL of the subnet that was changed keeps no state: it must let the answers out, too.',
	],
};

/** Source: https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules/create. */
const gcp: CloudFirewall = {
	title: 'the VPC firewall of Google Cloud',
	commands: (rule) =>
		families(rule).map(({suffix, sources}) => [
			'gcloud',
			'compute',
			'firewall-rules',
			'create',
			nameOf(rule, suffix),
			'--network=NETWORK',
			'--direction=INGRESS',
			'--action=ALLOW',
			`--rules=${rule.protocol}:${rule.port}`,
			`--source-ranges=${sources.join(',')}`,
		]),
	notes: [
		'The rule counts for all machines of the network; --target-tags narrows it to those with a tag.',
		'Its priority is 1000: a rule that denies and has a lower number comes before it; --priority changes that.',
	],
};

/**
 * Sources: https://learn.microsoft.com/cli/azure/network/nsg/rule, and for names, priorities and protocols
 * https://learn.microsoft.com/rest/api/virtualnetwork/security-rules/create-or-update.
 */
const azure: CloudFirewall = {
	title: 'the network security group of Azure',
	commands: (rule) =>
		families(rule).map(({suffix, sources}) => [
			'az',
			'network',
			'nsg',
			'rule',
			'create',
			'--resource-group',
			'RESOURCE_GROUP',
			'--nsg-name',
			'NSG_NAME',
			'--name',
			nameOf(rule, suffix),
			'--priority',
			'PRIORITY',
			'--direction',
			'Inbound',
			'--access',
			'Allow',
			'--protocol',
			rule.protocol === 'tcp' ? 'Tcp' : 'Udp',
			'--source-address-prefixes',
			...sources,
			'--destination-port-ranges',
			String(rule.port),
		]),
	notes: [
		'PRIORITY is a free number from 100 to 4096, another one for each rule, and lower than that of any rule that denies.',
		'The subnet and the network interface can each have a group: both must let it in.',
	],
};

/**
 * Sources: https://github.com/hetznercloud/cli/blob/main/docs/reference/manual/hcloud_firewall_add-rule.md, and for the
 * limit https://docs.hetzner.cloud/reference/cloud#firewall-actions-set-rules.
 */
const hetzner: CloudFirewall = {
	title: 'the firewall of Hetzner Cloud',
	commands: ({protocol, port, ipv4, ipv6}) =>
		inParts([...ipv4, ...ipv6], hetznerLimit).map((sources) => [
			'hcloud',
			'firewall',
			'add-rule',
			'FIREWALL',
			'--direction',
			'in',
			'--protocol',
			protocol,
			'--port',
			String(port),
			...sources.flatMap((source) => ['--source-ips', source]),
			'--description',
			'k3s-mesh',
		]),
	notes: [
		'It filters only where one is attached to the machine, and never what comes over a private network.',
	],
};

/**
 * Sources: https://docs.oracle.com/iaas/tools/oci-cli/latest/oci_cli_docs/cmdref/network/nsg/rules/add.html and
 * https://docs.oracle.com/iaas/api/#/en/iaas/latest/datatypes/AddSecurityRuleDetails.
 */
const oracle: CloudFirewall = {
	title: 'the network security group or security list of Oracle Cloud',
	commands: ({protocol, port, ipv4, ipv6}) =>
		inParts([...ipv4, ...ipv6], oracleLimit).map((sources) => [
			'oci',
			'network',
			'nsg',
			'rules',
			'add',
			'--nsg-id',
			'NSG_OCID',
			'--security-rules',
			JSON.stringify(
				sources.map((source) => ({
					direction: 'INGRESS',
					// Numbers of IANA.
					protocol: protocol === 'tcp' ? '6' : '17',
					source,
					sourceType: 'CIDR_BLOCK',
					isStateless: false,
					[`${protocol}Options`]: {
						destinationPortRange: {min: port, max: port},
					},
					description: 'k3s-mesh',
				})),
			),
		]),
	notes: [
		"Oracle's images reject in the machine's own iptables (Ubuntu) or firewalld (Oracle Linux), too: both must let it in.",
	],
};

/**
 * Source: https://docs.digitalocean.com/reference/doctl/reference/compute/firewall/add-rules. One rule may have several
 * addresses; a space would begin another rule.
 */
const digitalOcean: CloudFirewall = {
	title: 'the cloud firewall of DigitalOcean',
	commands: ({protocol, port, ipv4, ipv6}) => [
		[
			'doctl',
			'compute',
			'firewall',
			'add-rules',
			'FIREWALL_ID',
			'--inbound-rules',
			[
				`protocol:${protocol}`,
				`ports:${port}`,
				...[...ipv4, ...ipv6].map((source) => `address:${source}`),
			].join(','),
		],
	],
	notes: ['It filters only where one is attached to the machine.'],
};

/** By the name that the facts have for the provider. */
const firewalls: ReadonlyMap<string, CloudFirewall> = new Map([
	['aws', aws],
	['gcp', gcp],
	['azure', azure],
	['hetzner', hetzner],
	['oracle', oracle],
	['digitalocean', digitalOcean],
]);

const stateless =
	"A firewall without state (network ACLs, the one of Hetzner's dedicated servers) must let the answers pass, too.";

const rulesOf = (
	node: string,
	openings: ReadonlyArray<Extract<Opening, {kind: 'port'}>>,
): readonly CloudRule[] => {
	const groups = new Map<string, Array<Extract<Opening, {kind: 'port'}>>>();
	for (const opening of openings) {
		const key = `${opening.protocol}/${opening.port}`;
		groups.set(key, [...(groups.get(key) ?? []), opening]);
	}

	return [...groups.values()].map((group): CloudRule => {
		const {protocol, port, peer} = group[0]!;
		const sources = (family: 4 | 6) => [
			...new Set(
				group
					.filter((opening) => opening.family === family)
					.map(({source}) => `${source}/${family === 4 ? 32 : 128}`),
			),
		];
		return {
			node,
			peer: group.every((opening) => opening.peer === peer) ? peer : undefined,
			protocol,
			port,
			why: portName(port, protocol),
			ipv4: sources(4),
			ipv6: sources(6),
		};
	});
};

/**
 * What the firewall in front of a machine must let in, with the peers' addresses: commands of the provider's own
 * program on lines of their own, and sentences around them. `cloud` is the name that the facts have for the provider;
 * where it is none that we know the commands of, the rules are told in words.
 */
export const cloudFixes = (
	cloud: string | undefined,
	node: string,
	openings: ReadonlyArray<Extract<Opening, {kind: 'port'}>>,
): readonly string[] => {
	const rules = rulesOf(node, openings);
	const known = cloud === undefined ? undefined : firewalls.get(cloud);
	if (known !== undefined) {
		return [
			`In ${known.title}, in front of ${node}:`,
			...rules.flatMap((rule) =>
				known.commands(rule).map((words) => commandLine(words)),
			),
			...known.notes,
		];
	}

	const where =
		cloud === undefined
			? `the router or firewall in front of ${node}`
			: `the firewall of the cloud (${cloud}) in front of ${node}`;
	return [
		...rules.map(
			(rule) =>
				`In ${where}: allow ${rule.protocol.toUpperCase()} ${rule.port} (${rule.why}) from ${[...rule.ipv4, ...rule.ipv6].join(', ')}.`,
		),
		stateless,
	];
};
