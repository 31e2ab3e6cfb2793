import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {cloudFixes} from '../../source/plan/firewall/clouds.js';
import type {Opening} from '../../source/plan/firewall/openings.js';

type PortOpening = Extract<Opening, {kind: 'port'}>;

const opening = (
	peer: string,
	source: string,
	protocol: 'tcp' | 'udp' = 'udp',
	port = 51_820,
): PortOpening => ({
	kind: 'port',
	why: `from ${peer}`,
	protocol,
	port,
	peer,
	source,
	family: source.includes(':') ? 6 : 4,
});

const one = [opening('nuc', '198.51.100.12')];
const many = [
	...one,
	opening('pi4', '203.0.113.13'),
	opening('six', '2001:db8::16'),
];

for (const [cloud, openings, expected] of [
	[
		'aws',
		many,
		[
			"aws ec2 authorize-security-group-ingress --group-id SECURITY_GROUP_ID --ip-permissions 'IpProtocol=udp,FromPort=51820,ToPort=51820,IpRanges=[{CidrIp=198.51.100.12/32,Description=k3s-mesh},{CidrIp=203.0.113.13/32,Description=k3s-mesh}],Ipv6Ranges=[{CidrIpv6=2001:db8::16/128,Description=k3s-mesh}]'",
		],
	],
	[
		'gcp',
		many,
		[
			'gcloud compute firewall-rules create k3s-mesh-udp-51820-fra1 --network=NETWORK --direction=INGRESS --action=ALLOW --rules=udp:51820 --source-ranges=198.51.100.12/32,203.0.113.13/32',
			'gcloud compute firewall-rules create k3s-mesh-udp-51820-fra1-v6 --network=NETWORK --direction=INGRESS --action=ALLOW --rules=udp:51820 --source-ranges=2001:db8::16/128',
		],
	],
	[
		'azure',
		many,
		[
			'az network nsg rule create --resource-group RESOURCE_GROUP --nsg-name NSG_NAME --name k3s-mesh-udp-51820-fra1 --priority PRIORITY --direction Inbound --access Allow --protocol Udp --source-address-prefixes 198.51.100.12/32 203.0.113.13/32 --destination-port-ranges 51820',
			'az network nsg rule create --resource-group RESOURCE_GROUP --nsg-name NSG_NAME --name k3s-mesh-udp-51820-fra1-v6 --priority PRIORITY --direction Inbound --access Allow --protocol Udp --source-address-prefixes 2001:db8::16/128 --destination-port-ranges 51820',
			'PRIORITY is a free number from 100 to 4096, another one for each rule, and lower than that of any rule that denies.',
		],
	],
	[
		'azure',
		one,
		[
			'az network nsg rule create --resource-group RESOURCE_GROUP --nsg-name NSG_NAME --name k3s-mesh-udp-51820-fra1-from-nuc --priority PRIORITY --direction Inbound --access Allow --protocol Udp --source-address-prefixes 198.51.100.12/32 --destination-port-ranges 51820',
		],
	],
	[
		'hetzner',
		many,
		[
			'hcloud firewall add-rule FIREWALL --direction in --protocol udp --port 51820 --source-ips 198.51.100.12/32 --source-ips 203.0.113.13/32 --source-ips 2001:db8::16/128 --description k3s-mesh',
		],
	],
	[
		'oracle',
		[opening('nuc', '198.51.100.12', 'tcp', 6443)],
		[
			`oci network nsg rules add --nsg-id NSG_OCID --security-rules '[{"direction":"INGRESS","protocol":"6","source":"198.51.100.12/32","sourceType":"CIDR_BLOCK","isStateless":false,"tcpOptions":{"destinationPortRange":{"min":6443,"max":6443}},"description":"k3s-mesh"}]'`,
		],
	],
	[
		'oracle',
		[opening('nuc', '198.51.100.12'), opening('six', '2001:db8::16')],
		[
			`oci network nsg rules add --nsg-id NSG_OCID --security-rules '[{"direction":"INGRESS","protocol":"17","source":"198.51.100.12/32","sourceType":"CIDR_BLOCK","isStateless":false,"udpOptions":{"destinationPortRange":{"min":51820,"max":51820}},"description":"k3s-mesh"},{"direction":"INGRESS","protocol":"17","source":"2001:db8::16/128","sourceType":"CIDR_BLOCK","isStateless":false,"udpOptions":{"destinationPortRange":{"min":51820,"max":51820}},"description":"k3s-mesh"}]'`,
		],
	],
	[
		'digitalocean',
		many,
		[
			'doctl compute firewall add-rules FIREWALL_ID --inbound-rules protocol:udp,ports:51820,address:198.51.100.12/32,address:203.0.113.13/32,address:2001:db8::16/128',
		],
	],
	[
		undefined,
		many,
		[
			'In the router or firewall in front of fra1: allow UDP 51820 (WireGuard) from 198.51.100.12/32, 203.0.113.13/32, 2001:db8::16/128.',
		],
	],
	[
		'vultr',
		one,
		[
			'In the firewall of the cloud (vultr) in front of fra1: allow UDP 51820 (WireGuard) from 198.51.100.12/32.',
		],
	],
] as const) {
	test(`${cloud ?? 'an unknown firewall'} gets its rules with the peers' addresses (${openings.length})`, () => {
		const lines = cloudFixes(cloud, 'fra1', openings);
		for (const line of expected) {
			assert.ok(lines.includes(line), lines.join('\n'));
		}
	});
}

test("Oracle's own limit of rules in a call is kept", () => {
	const openings = Array.from({length: 60}, (_, index) =>
		opening(`node${index}`, `198.51.100.${index + 1}`),
	);
	const counts = cloudFixes('oracle', 'fra1', openings).flatMap((line) => {
		const rules = /--security-rules '(?<json>.*)'$/.exec(line);
		return rules === null
			? []
			: [(JSON.parse(rules.groups!.json!) as unknown[]).length];
	});
	assert.deepEqual(counts, [25, 25, 10]);
});

test("Hetzner's own limit of addresses in a rule is kept", () => {
	const openings = Array.from({length: 130}, (_, index) =>
		opening(`node${index}`, `198.51.100.${index + 1}`),
	);
	assert.deepEqual(
		cloudFixes('hetzner', 'fra1', openings)
			.filter((line) => line.startsWith('hcloud '))
			.map((line) => line.split(' --source-ips ').length - 1),
		[100, 30],
	);
});

test('every peer and port is named, single addresses only, and names fit their providers', () => {
	const peers = fc.uniqueArray(
		fc.record({
			peer: fc.stringMatching(/^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/),
			source: fc.integer({min: 1, max: 254}).map((last) => `203.0.113.${last}`),
			port: fc.constantFrom(6443, 10_250, 2379, 2380),
		}),
		{selector: ({source, port}) => `${source}:${port}`, minLength: 1},
	);
	const node = fc.stringMatching(/^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/);
	fc.assert(
		fc.property(
			fc.constantFrom(
				'aws',
				'gcp',
				'azure',
				'hetzner',
				'oracle',
				'digitalocean',
				undefined,
			),
			node,
			peers,
			(cloud, name, all) => {
				const text = cloudFixes(
					cloud,
					name,
					all.map(({peer, source, port}) => opening(peer, source, 'tcp', port)),
				).join('\n');
				for (const {source, port} of all) {
					assert.ok(text.includes(`${source}/32`));
					assert.ok(text.includes(String(port)));
				}

				const addresses = text.match(/\b\d+\.\d+\.\d+\.\d+(?:\/\d+)?/g) ?? [];
				assert.ok(addresses.every((address) => address.endsWith('/32')));
				for (const [rule] of text.matchAll(/\bk3s-mesh-\S+/g)) {
					assert.match(rule, /^[a-z][a-z\d-]{0,61}[a-z\d]$/);
				}
			},
		),
	);
});
