import {execFileSync} from 'node:child_process';
import {X509Certificate, createHash} from 'node:crypto';

/** A key with its certificate, and the SHA-256 of its public key. */
export type Identity = {
	readonly key: string;
	readonly cert: string;
	readonly publicKey: string;
};

/** Makes a key and a certificate that it signs itself, or nothing where openssl is not installed. */
export const makeIdentity = (): Identity | undefined => {
	try {
		const pem = execFileSync(
			'openssl',
			[
				'req',
				'-x509',
				'-newkey',
				'ec',
				'-pkeyopt',
				'ec_paramgen_curve:prime256v1',
				'-nodes',
				'-days',
				'2',
				'-subj',
				'/CN=probe',
				'-keyout',
				'-',
				'-out',
				'-',
			],
			{encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']},
		);
		return {
			key: pem,
			cert: pem,
			publicKey: createHash('sha256')
				.update(
					new X509Certificate(
						pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')),
					).publicKey.export({type: 'spki', format: 'der'}),
				)
				.digest('hex'),
		};
	} catch {
		return undefined;
	}
};
