import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {runOrFail} from '../run.js';

/** A certificate of the lab's own authority, as files. */
export type Certificates = {
	/** Whoever trusts this, trusts `certificate`. */
	readonly authority: string;
	readonly certificate: string;
	readonly key: string;
};

/** Where the certificates of an instance's folder are. */
export const certificatesIn = (folder: string): Certificates => ({
	authority: path.join(folder, 'authority.crt'),
	certificate: path.join(folder, 'server.crt'),
	key: path.join(folder, 'server.key'),
});

/** Makes an authority that nobody knows yet, and a certificate of it for a server that is named by its address. */
export const makeCertificates = async (
	folder: string,
	address: string,
	signal?: AbortSignal,
): Promise<Certificates> => {
	await mkdir(folder, {recursive: true, mode: 0o700});
	const files = certificatesIn(folder);
	const authorityKey = path.join(folder, 'authority.key');
	const ellipticCurve = [
		'-newkey',
		'ec',
		'-pkeyopt',
		'ec_paramgen_curve:P-256',
		'-noenc',
	];
	const make = async (words: readonly string[]) =>
		runOrFail(['openssl', 'req', '-x509', ...ellipticCurve, ...words], {
			signal,
		});
	await make([
		'-subj',
		'/CN=k3s-mesh lab authority',
		'-days',
		'30',
		'-addext',
		'keyUsage=critical,keyCertSign,cRLSign',
		'-keyout',
		authorityKey,
		'-out',
		files.authority,
	]);
	await make([
		'-CA',
		files.authority,
		'-CAkey',
		authorityKey,
		'-subj',
		`/CN=${address}`,
		'-days',
		'30',
		'-addext',
		'basicConstraints=critical,CA:FALSE',
		'-addext',
		`subjectAltName=IP:${address}`,
		'-addext',
		'extendedKeyUsage=serverAuth',
		'-keyout',
		files.key,
		'-out',
		files.certificate,
	]);
	return files;
};
