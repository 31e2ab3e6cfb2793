import {addressFamily, addressScope, isAddress} from '../cluster/addresses.js';
import type {InterfaceAddress, ListeningPort, Route} from './host-facts.js';
import {wholeNumberOf} from './sections.js';

/** The largest packet that a device without a known MTU is taken to carry: Ethernet's. */
const usualMtu = 1500;

/** Addresses that are not for others to use. */
const unusable = /\b(?:temporary|deprecated|tentative|dadfailed)\b/;

/** Reads `ip -o addr show`, with the MTUs of `/sys/class/net`. */
export const parseAddresses = (
	lines: readonly string[],
	mtuLines: readonly string[],
): InterfaceAddress[] => {
	const mtus = new Map(
		mtuLines.map((line) => {
			const [device = '', mtu] = line.trim().split(' ');
			return [device, wholeNumberOf(mtu)];
		}),
	);
	const found: InterfaceAddress[] = [];
	for (const line of lines) {
		const match =
			/^\d+:\s+(?<device>\S+)\s+inet6?\s+(?<address>[^\s/]+)(?:\s+peer\s+[^\s/]+)?(?:\/(?<prefix>\d+))?/.exec(
				line,
			);
		if (!match || unusable.test(line)) {
			continue;
		}

		const {device, address, prefix} = match.groups as {
			device: string;
			address: string;
			prefix?: string;
		};
		if (isAddress(address)) {
			const family = addressFamily(address);
			const name = device.replace(/@.*$/, '');
			found.push({
				device: name,
				address,
				prefix: wholeNumberOf(prefix) ?? (family === 4 ? 32 : 128),
				family,
				mtu: mtus.get(name) ?? usualMtu,
			});
		}
	}

	return found;
};

/** Types of routes that `ip route` writes before the destination. */
const routeType =
	/^(?:unicast|blackhole|unreachable|prohibit|throw|local|broadcast|anycast|multicast|nat)\s+/;

/** Reads `ip route show`. Of a route over several ways the first one counts. */
export const parseRoutes = (lines: readonly string[]): Route[] => {
	const routes: Route[] = [];
	const logical: string[] = [];
	for (const line of lines) {
		if (/^\s/.test(line) && logical.length > 0) {
			logical.push(`${logical.pop()!} ${line.trim()}`);
		} else {
			logical.push(line.trim());
		}
	}

	for (const line of logical) {
		const words = line.replace(routeType, '').split(/\s+/);
		const after = (word: string): string | undefined => {
			const at = words.indexOf(word);
			return at === -1 ? undefined : words[at + 1];
		};

		const via = after('via');
		const gateway =
			via === 'inet' || via === 'inet6' ? words[words.indexOf('via') + 2] : via;
		const source = after('src');
		const target = words[0] ?? '';
		const [address = ''] = target.split('/');
		let destination: string;
		if (target === 'default') {
			const six = [gateway, source].some((text) => text?.includes(':'));
			destination = six || line.includes(' pref ') ? '::/0' : '0.0.0.0/0';
		} else if (isAddress(address)) {
			destination = target.includes('/')
				? target
				: `${target}/${addressFamily(address) === 4 ? 32 : 128}`;
		} else {
			continue;
		}

		routes.push({
			destination,
			via: gateway,
			device: after('dev') ?? '',
			source,
			...(after('proto') === 'ra' && {advertised: true as const}),
		});
	}

	return routes;
};

/** What K3s gives to pods when no resolv.conf of the machine will do. */
const fallbackServer = '8.8.8.8';

/**
 * The name servers that K3s hands to pods: those of the first resolv.conf of which every server is a global unicast
 * address, private ones included (K3s, `locateOrGenerateResolvConf`).
 */
export const parseDnsServers = (
	...files: ReadonlyArray<readonly string[]>
): string[] => {
	for (const lines of files) {
		const servers = lines
			.map((line) => /^\s*nameserver\s+(?<server>\S+)/.exec(line))
			.filter((match) => match !== null)
			.map((match) => match.groups!.server!);
		const usable = servers.every(
			(server) =>
				isAddress(server) &&
				!['loopback', 'link-local', 'multicast', 'unspecified'].includes(
					addressScope(server),
				),
		);
		if (servers.length > 0 && usable) {
			return servers;
		}
	}

	return [fallbackServer];
};

const splitSocket = (
	text: string,
): {readonly address: string; readonly port: number} | undefined => {
	const at = text.lastIndexOf(':');
	const port = wholeNumberOf(text.slice(at + 1));
	const address = text
		.slice(0, at)
		.replaceAll(/[[\]]/g, '')
		.replace(/%.*$/, '');
	if (at === -1 || port === undefined) {
		return undefined;
	}

	if (address === '*') {
		return {address: '::', port};
	}

	return isAddress(address) ? {address, port} : undefined;
};

/** Reads `ss -lntup`. */
export const parseListening = (lines: readonly string[]): ListeningPort[] => {
	const ports: ListeningPort[] = [];
	for (const line of lines) {
		const words = line.trim().split(/\s+/);
		const [protocol] = words;
		const local = words[4] ?? '';
		const socket = splitSocket(local);
		if ((protocol === 'tcp' || protocol === 'udp') && socket) {
			ports.push({
				protocol,
				...socket,
				process: /users:\(\("(?<name>[^"]+)"/.exec(line)?.groups?.name,
			});
		}
	}

	return ports;
};

/** An address of `/proc/net/tcp`: groups of 32 bits in the machine's byte order, which is little-endian on all that K3s runs on but s390x. */
const readHexAddress = (hex: string): string => {
	const bytes = (hex.match(/.{8}/g) ?? []).flatMap((group) =>
		(group.match(/../g) ?? []).toReversed(),
	);
	return bytes.length === 4
		? bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
		: (bytes.join('').match(/.{4}/g) ?? [])
				.map((group) => Number.parseInt(group, 16).toString(16))
				.join(':');
};

/** Reads the kernel's socket tables, each line after the name of its table. */
export const parseSockets = (lines: readonly string[]): ListeningPort[] => {
	const ports: ListeningPort[] = [];
	for (const line of lines) {
		const words = line.trim().split(/\s+/);
		const [table = '', , local = ''] = words;
		const state = words[4];
		const [hex = '', port = ''] = local.split(':');
		const protocol = table.startsWith('tcp') ? 'tcp' : 'udp';
		// 0A is LISTEN; 07 is what an unconnected UDP socket shows.
		if (state === (protocol === 'tcp' ? '0A' : '07')) {
			const address = readHexAddress(hex);
			ports.push({
				protocol,
				address: isAddress(address)
					? address.replace(/^(?:0:){7}0$/, '::')
					: address,
				port: Number.parseInt(port, 16),
				process: undefined,
			});
		}
	}

	return ports;
};
