import {Buffer} from 'node:buffer';
import {createPrivateKey, type KeyObject} from 'node:crypto';

/** What a key file in PKCS #8 begins with (RFC 7468, 10 and 11): OpenSSL writes it, and `ssh-keygen -m PKCS8`. */
const pkcs8 = /^-----BEGIN (?<encrypted>ENCRYPTED )?PRIVATE KEY-----$/m;

/** Is a key file in PKCS #8, which the SSH library does not read? */
export const pkcs8Kind = (text: string): 'plain' | 'encrypted' | undefined => {
	const match = pkcs8.exec(text);
	return match === null
		? undefined
		: match.groups!.encrypted === undefined
			? 'plain'
			: 'encrypted';
};

/** A key was opened, and is of no type that SSH knows. */
export class UnknownKeyType extends Error {
	override readonly name = 'UnknownKeyType';
	constructor(type: string) {
		super(`SSH knows no keys of the type ${type}`);
	}
}

const number = (value: number): Buffer => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
};

/** The curves of ECDSA in SSH, by their names in OpenSSL. Source: RFC 5656, 10.1. */
const sshCurves: ReadonlySet<string> = new Set([
	'prime256v1',
	'secp384r1',
	'secp521r1',
]);

/** A string in SSH's own encoding (RFC 4251, 5). */
const sshString = (value: string | Buffer): Buffer => {
	const bytes = Buffer.from(value as string);
	return Buffer.concat([number(bytes.length), bytes]);
};

/** An Ed25519 key as OpenSSH writes it, in clear. Source: PROTOCOL.key of OpenSSH. */
const opensshText = (key: KeyObject): string => {
	const {d = '', x = ''} = key.export({format: 'jwk'});
	const [seed, point] = [d, x].map((part) => Buffer.from(part, 'base64url'));
	const type = sshString('ssh-ed25519');
	const secret = Buffer.concat([
		// Two numbers that are alike say that it was decrypted well; nothing is encrypted here.
		number(0),
		number(0),
		type,
		sshString(point!),
		sshString(Buffer.concat([seed!, point!])),
		sshString(''),
	]);
	const padding = Buffer.from(
		Array.from(
			{length: (8 - (secret.length % 8)) % 8},
			(_, index) => index + 1,
		),
	);
	const whole = Buffer.concat([
		Buffer.from('openssh-key-v1\0'),
		sshString('none'),
		sshString('none'),
		sshString(''),
		number(1),
		sshString(Buffer.concat([type, sshString(point!)])),
		sshString(Buffer.concat([secret, padding])),
	]);
	return `-----BEGIN OPENSSH PRIVATE KEY-----\n${whole
		.toString('base64')
		.replaceAll(/.{70}/g, '$&\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
};

/**
 * The text of a key file in PKCS #8, in the form in which SSH's libraries have the same key, in clear. An `Error` when
 * the passphrase is wrong; `UnknownKeyType` when it is right.
 */
export const fromPkcs8 = (
	text: string,
	passphrase?: string,
): string | Error => {
	try {
		const key = createPrivateKey({key: text, format: 'pem', passphrase});
		switch (key.asymmetricKeyType) {
			case 'rsa': {
				return key.export({type: 'pkcs1', format: 'pem'}) as string;
			}

			case 'ec': {
				const {namedCurve = 'ec'} = key.asymmetricKeyDetails ?? {};
				return sshCurves.has(namedCurve)
					? (key.export({type: 'sec1', format: 'pem'}) as string)
					: new UnknownKeyType(namedCurve);
			}

			case 'ed25519': {
				return opensshText(key);
			}

			default: {
				return new UnknownKeyType(key.asymmetricKeyType ?? 'unknown');
			}
		}
	} catch (error) {
		return error as Error;
	}
};
