import ipaddr from 'ipaddr.js';

/** Is the text one IPv4 (four decimal parts) or IPv6 address, without a zone? */
export const isAddress = (text: string): boolean =>
	ipaddr.IPv4.isValidFourPartDecimal(text) ||
	(ipaddr.IPv6.isValid(text) && !text.includes('%'));

/** Is the text a network in CIDR form, IPv4 or IPv6, with no host bits set? */
export const isCidr = (text: string): boolean => {
	const parsed = parseCidr(text);
	return parsed !== undefined && parsed.network === parsed.address;
};

/** 4 or 6; the text must be an address. */
export const addressFamily = (address: string): 4 | 6 =>
	ipaddr.parse(address).kind() === 'ipv4' ? 4 : 6;

export type CidrParts = {
	/** The address as written, in canonical form. */
	readonly address: string;
	/** First address of the network, in canonical form. */
	readonly network: string;
	/** Bits of the network. */
	readonly prefix: number;
	readonly family: 4 | 6;
};

/** Takes a CIDR apart, or says `undefined` when the text is none. */
export const parseCidr = (text: string): CidrParts | undefined => {
	const [address, prefix, ...rest] = text.split('/');
	if (
		address === undefined ||
		prefix === undefined ||
		rest.length > 0 ||
		!isAddress(address) ||
		!/^\d{1,3}$/.test(prefix)
	) {
		return undefined;
	}

	const parsed = ipaddr.parse(address);
	const bits = Number(prefix);
	if (bits > (parsed.kind() === 'ipv4' ? 32 : 128)) {
		return undefined;
	}

	const network =
		parsed.kind() === 'ipv4'
			? ipaddr.IPv4.networkAddressFromCIDR(text)
			: ipaddr.IPv6.networkAddressFromCIDR(text);
	return {
		address: parsed.toString(),
		network: network.toString(),
		prefix: bits,
		family: parsed.kind() === 'ipv4' ? 4 : 6,
	};
};

/** Does the network hold the address? Different families never match. */
export const cidrContains = (cidr: string, address: string): boolean => {
	const network = ipaddr.parseCIDR(cidr);
	const candidate = ipaddr.parse(address);
	return candidate.kind() === network[0].kind() && candidate.match(network);
};

/** Do two networks share an address? */
export const cidrsOverlap = (one: string, other: string): boolean => {
	const [oneNetwork] = one.split('/');
	const [otherNetwork] = other.split('/');
	return cidrContains(one, otherNetwork!) || cidrContains(other, oneNetwork!);
};

/** Are two texts the same address, however they are written? */
export const sameAddress = (one: string, other: string): boolean =>
	isAddress(one) &&
	isAddress(other) &&
	ipaddr.parse(one).toNormalizedString() ===
		ipaddr.parse(other).toNormalizedString();

/** What an address can be used for, as far as its range tells. */
export type AddressScope =
	| 'loopback'
	| 'link-local'
	| 'private'
	/** 100.64.0.0/10: carrier-grade NAT (RFC 6598), and also Tailscale's range. */
	| 'shared'
	| 'multicast'
	| 'unspecified'
	/** Everything else; documentation ranges count as public, so that examples and test networks behave like real ones. */
	| 'public';

/** The scope of an address by its range (RFC 1918, 4193, 6598, 3927, 4291). */
export const addressScope = (address: string): AddressScope => {
	const range = ipaddr.parse(address).range();
	switch (range) {
		case 'loopback': {
			return 'loopback';
		}

		case 'linkLocal': {
			return 'link-local';
		}

		case 'private':
		case 'uniqueLocal': {
			return 'private';
		}

		case 'carrierGradeNat': {
			return 'shared';
		}

		case 'multicast':
		case 'broadcast': {
			return 'multicast';
		}

		case 'unspecified': {
			return 'unspecified';
		}

		default: {
			return 'public';
		}
	}
};

/** The address as it stands in a URL or in `host:port`: IPv6 in brackets, names as they are. */
export const bracketed = (host: string): string =>
	host.includes(':') ? `[${host}]` : host;
