import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
	proposeExternalAddress,
	proposeInternalAddress,
} from '../../source/facts/external-address.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {parseHostFacts} from '../../source/facts/parse-facts.js';

const bare = parseHostFacts(
	'= call\n|clock 1\n\n= identity\n|nuc\n|x86_64\n|6.1\n',
);

/** Facts with addresses such as `eth0 198.51.100.11/24`, the first device with the default route. */
const facts = (
	addresses: readonly string[],
	rest: Partial<HostFacts> = {},
): HostFacts => {
	const parsed = addresses.map((text) => {
		const [device = '', cidr = ''] = text.split(' ');
		const [address = '', prefix] = cidr.split('/');
		return {
			device,
			address,
			prefix: Number(prefix),
			family: address.includes(':') ? (6 as const) : (4 as const),
			mtu: 1500,
		};
	});
	return {
		...bare,
		addresses: parsed,
		routes: [
			{
				destination: '0.0.0.0/0',
				via: '192.0.2.1',
				device: parsed[0]?.device ?? '',
				source: undefined,
			},
		],
		...rest,
	};
};

const connection = (serverAddress: string, dialedAddress?: string) => ({
	sshConnection: {
		clientAddress: '203.0.113.1',
		clientPort: 50_000,
		serverAddress,
		serverPort: 22,
		...(dialedAddress === undefined ? {} : {dialedAddress}),
	},
});

type Case = {
	readonly name: string;
	readonly host: string;
	readonly facts: HostFacts;
	/** `address nat`, or the pattern of the reason. */
	readonly external: string | RegExp;
	readonly internal: string | undefined;
};

const cases: readonly Case[] = [
	{
		name: 'a public machine, dialed by its address',
		host: '198.51.100.11',
		facts: facts(['eth0 198.51.100.11/32'], connection('198.51.100.11')),
		external: '198.51.100.11 none',
		internal: undefined,
	},
	{
		name: 'a public machine with a private network beside',
		host: '198.51.100.11',
		facts: facts(
			['eth0 198.51.100.11/32', 'ens10 10.0.0.3/32'],
			connection('198.51.100.11'),
		),
		external: '198.51.100.11 none',
		internal: '10.0.0.3',
	},
	{
		name: '1:1 NAT of a cloud',
		host: '198.51.100.20',
		facts: facts(['ens5 172.31.5.4/20'], {
			...connection('172.31.5.4'),
			cloud: 'aws',
		}),
		external: '198.51.100.20 behind-nat',
		internal: '172.31.5.4',
	},
	{
		name: 'a name that leads to a public address',
		host: 'home.example.org',
		facts: facts(
			['eth0 192.168.1.4/24'],
			connection('192.168.1.4', '192.0.2.7'),
		),
		external: '192.0.2.7 behind-nat',
		internal: '192.168.1.4',
	},
	{
		name: 'a name without a known address',
		host: 'nuc.lan',
		facts: facts(['eth0 192.168.1.4/24'], connection('192.168.1.4')),
		external: /only private addresses \(192\.168\.1\.4 on eth0\)/,
		internal: '192.168.1.4',
	},
	{
		name: 'dialed inside of its network, public on another interface',
		host: '10.0.0.3',
		facts: facts(
			['ens10 10.0.0.3/24', 'eth0 198.51.100.11/24'],
			connection('10.0.0.3'),
		),
		external: '198.51.100.11 none',
		internal: '10.0.0.3',
	},
	{
		name: 'dialed inside of a cloud that translates',
		host: '10.0.0.3',
		facts: facts(['ens3 10.0.0.3/24'], {
			...connection('10.0.0.3'),
			cloud: 'oracle',
		}),
		external: /oracle translates its public address/,
		internal: '10.0.0.3',
	},
	{
		name: 'carrier-grade NAT',
		host: 'pi4',
		facts: facts(['wwan0 100.71.0.9/30'], connection('100.71.0.9')),
		external: /carrier-grade NAT \(100\.71\.0\.9 on wwan0\)/,
		internal: undefined,
	},
	{
		name: 'a tailnet’s address is not carrier-grade NAT',
		host: '100.100.1.2',
		facts: facts(
			['eth0 192.168.1.4/24', 'tailscale0 100.100.1.2/32'],
			connection('100.100.1.2'),
		),
		external: /only private addresses/,
		internal: '192.168.1.4',
	},
	{
		name: 'bridges of containers and pods are nobody’s address',
		host: 'nuc.lan',
		facts: facts([
			'eth0 192.168.1.4/24',
			'docker0 172.17.0.1/16',
			'cni0 10.42.0.1/24',
			'flannel-wg 10.42.0.0/32',
		]),
		external: /only private/,
		internal: '192.168.1.4',
	},
	{
		name: 'dialed by IPv6, with IPv4 on it, too',
		host: '2001:db8::11',
		facts: facts(
			['eth0 2001:db8::11/64', 'eth0 198.51.100.11/32'],
			connection('2001:db8::11'),
		),
		external: '198.51.100.11 none',
		internal: undefined,
	},
	{
		name: 'nothing but IPv6, written in another way',
		host: '2001:db8:0::11',
		facts: facts(['eth0 2001:db8::11/64'], connection('2001:db8::11')),
		external: '2001:db8:0::11 none',
		internal: undefined,
	},
	{
		name: 'a machine that does not say where the connection ended',
		host: '198.51.100.30',
		facts: facts(['eth0 192.168.1.4/24']),
		external: '198.51.100.30 unknown',
		internal: '192.168.1.4',
	},
	{
		name: 'the default route decides between two public addresses',
		host: 'x.example.org',
		facts: facts(['eth1 198.51.100.2/24', 'eth0 198.51.100.1/24'], {
			routes: [
				{
					destination: '0.0.0.0/0',
					via: '198.51.100.254',
					device: 'eth0',
					source: undefined,
				},
			],
		}),
		external: '198.51.100.1 none',
		internal: undefined,
	},
	{
		name: 'no address at all',
		host: 'x.example.org',
		facts: facts([]),
		external: /no address that others could dial/,
		internal: undefined,
	},
];

for (const {name, host, facts: given, external, internal} of cases) {
	test(name, () => {
		const proposal = proposeExternalAddress({host}, given);
		if (proposal.address === undefined) {
			assert.ok(external instanceof RegExp, proposal.reason);
			assert.match(proposal.reason, external);
		} else {
			assert.equal(`${proposal.address} ${proposal.nat}`, external);
			assert.ok(proposal.origin.length > 0);
		}

		assert.equal(proposeInternalAddress(given).address, internal);
	});
}
