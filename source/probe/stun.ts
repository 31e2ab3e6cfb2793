import {Buffer} from 'node:buffer';
import {crc32} from 'node:zlib';

/** What every STUN message has behind its length (RFC 5389, 6). */
const magicCookie = 0x21_12_a4_42;

/** What a fingerprint is mixed with (RFC 5389, 15.5). */
const fingerprintMask = 0x53_54_55_4e;

/** Sent back as it is: an answer without it is none to us. Nobody else can answer on a connected socket. */
const transaction = 'k3s-mesh-tui';

/** The relays of tailnets answer only who names Tailscale's software and ends with a fingerprint (net/stun). */
const software = 'tailnode';

const attribute = (type: number, value: Buffer): Buffer => {
	const head = Buffer.alloc(4);
	head.writeUInt16BE(type, 0);
	head.writeUInt16BE(value.length, 2);
	return Buffer.concat([head, value]);
};

/** Makes a binding request: "as whom do you see me?" (RFC 5389). */
const makeRequest = (): Buffer => {
	const softwareAttribute = attribute(0x80_22, Buffer.from(software));
	const head = Buffer.alloc(8);
	head.writeUInt16BE(1, 0);
	head.writeUInt16BE(softwareAttribute.length + 8, 2);
	head.writeUInt32BE(magicCookie, 4);
	const signed = Buffer.concat([
		head,
		Buffer.from(transaction),
		softwareAttribute,
	]);
	const fingerprint = Buffer.alloc(4);
	// eslint-disable-next-line no-bitwise
	fingerprint.writeUInt32BE((crc32(signed) ^ fingerprintMask) >>> 0);
	return Buffer.concat([signed, attribute(0x80_28, fingerprint)]);
};

/** A binding request that relays of tailnets answer, hexadecimal: what all agents send. */
export const stunRequest = makeRequest().toString('hex');
