import {X509Certificate} from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import {rootCertificates} from 'node:tls';
import {Buffer} from 'node:buffer';
import {withDeadline} from '../deadline.js';
import {programVersion} from '../version.js';
import {ControlError, type ControlFailure} from './control-error.js';
import type {CallOptions} from './control-plane.js';

/** One request; the body goes out as UTF-8. */
export type HttpRequest = {
	readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	readonly url: URL;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: string | undefined;
};

export type HttpAnswer = {
	readonly status: number;
	readonly contentType: string;
	readonly etag: string | undefined;
	/** Where a redirect leads. */
	readonly location: string | undefined;
	/** Seconds, when the server asks to wait. */
	readonly retryAfter: string | undefined;
	readonly text: string;
};

/**
 * Sends a request and reads the answer whole. Redirects are not followed: a credential goes to the server that was
 * named and to no other. Throws a `ControlError`, or the signal's reason when it was aborted.
 */
export type Send = (
	request: HttpRequest,
	options: CallOptions,
) => Promise<HttpAnswer>;

/** How long one request may take when nothing else is said, in ms. */
const defaultLimitMs = 20_000;

/** The list of devices of a large tailnet is some MB. */
const largestAnswer = 32 * 1024 * 1024;

/** What TLS says of a certificate that it does not trust (OpenSSL's names, as Node passes them on). */
const certificateReasons: ReadonlyMap<string, string> = new Map([
	['CERT_HAS_EXPIRED', 'it has expired'],
	['CERT_NOT_YET_VALID', 'it is not valid yet'],
	['ERR_TLS_CERT_ALTNAME_INVALID', 'it is for another name'],
	['DEPTH_ZERO_SELF_SIGNED_CERT', 'it is signed by itself'],
	[
		'SELF_SIGNED_CERT_IN_CHAIN',
		'the authority that signed it is not known here',
	],
	[
		'UNABLE_TO_GET_ISSUER_CERT',
		'the authority that signed it is not known here',
	],
	[
		'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
		'the authority that signed it is not known here',
	],
	[
		'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
		'the authority that signed it is not known here',
	],
	['CERT_UNTRUSTED', 'the authority that signed it is not trusted'],
	['CERT_REVOKED', 'it was revoked'],
]);

const certificateHint = (code: string): readonly string[] => {
	switch (code) {
		case 'CERT_HAS_EXPIRED':
		case 'CERT_NOT_YET_VALID': {
			return [
				"Look at this machine's clock, and renew the certificate of the server.",
			];
		}

		case 'ERR_TLS_CERT_ALTNAME_INVALID': {
			return ['Give the URL with the name that the certificate is for.'];
		}

		default: {
			return [
				"Give the authority's certificate as a file in PEM form, or start this program with NODE_EXTRA_CA_CERTS=FILE.",
				"The nodes need it in their trust store, too: Tailscale's daemon does not log in otherwise.",
			];
		}
	}
};

type Broken = {
	readonly failure: ControlFailure;
	readonly message: string;
	readonly tryNext: readonly string[];
};

/** What a failed connection means, by the code of Node's error. */
const brokenConnection = (url: URL, error: NodeJS.ErrnoException): Broken => {
	const {host} = url;
	const code = error.code ?? error.name;
	const reason = certificateReasons.get(code);
	if (reason !== undefined) {
		return {
			failure: 'untrusted-certificate',
			message: `The certificate of ${host} can not be trusted: ${reason} (${code}).`,
			tryNext: certificateHint(code),
		};
	}

	const unreachable = (
		message: string,
		...tryNext: readonly string[]
	): Broken => ({
		failure: 'unreachable',
		message,
		tryNext,
	});
	switch (code) {
		case 'ENOTFOUND':
		case 'EAI_AGAIN': {
			return unreachable(
				`The name ${url.hostname} can not be looked up from this machine (${code}).`,
				'Look at the name, and at the DNS of this machine.',
			);
		}

		case 'ECONNREFUSED': {
			return unreachable(
				`Nothing listens at ${host}: the connection was refused.`,
				'Look at the URL with its port, and whether the server runs.',
			);
		}

		case 'EPROTO':
		case 'ERR_SSL_WRONG_VERSION_NUMBER':
		case 'ERR_SSL_PACKET_LENGTH_TOO_LONG': {
			return unreachable(
				`${host} answers, and not with TLS (${code}).`,
				'Where the server has no TLS, its URL begins with http://.',
			);
		}

		default: {
			return code.startsWith('HPE_')
				? unreachable(
						`${host} answers, and not with HTTP (${code}).`,
						'Where the server has TLS, its URL begins with https://.',
					)
				: unreachable(
						`The connection to ${host} did not come about or broke (${code}).`,
						'Look at the network of this machine, then try again.',
					);
		}
	}
};

const readAnswer = async (
	response: http.IncomingMessage,
): Promise<HttpAnswer> => {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of response as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > largestAnswer) {
			response.destroy();
			throw new ControlError(
				'unexpected-answer',
				`The answer of the control server is larger than ${largestAnswer / 1024 / 1024} MB.`,
			);
		}

		chunks.push(chunk);
	}

	const {headers} = response;
	return {
		status: response.statusCode ?? 0,
		contentType: headers['content-type'] ?? '',
		etag: headers.etag,
		location: headers.location,
		retryAfter: headers['retry-after'],
		text: Buffer.concat(chunks).toString('utf8'),
	};
};

/** The certificates of a PEM text; throws a `ControlError` when it holds none. */
const parseAuthority = (pem: string): readonly string[] => {
	const certificates = pem.match(
		/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g,
	);
	try {
		return (certificates ?? []).length === 0
			? [new X509Certificate(pem).toString()]
			: certificates!.map((one) => new X509Certificate(one).toString());
	} catch (error) {
		throw new ControlError(
			'bad-access',
			"The authority's certificate is not in PEM form.",
			{
				tryNext: [
					'Give the file that begins with -----BEGIN CERTIFICATE-----.',
				],
				cause: error,
			},
		);
	}
};

/**
 * Makes a sender. `authority` is the certificate in PEM form of an authority that is trusted beside the well-known
 * ones; Node's own fetch has no place for it.
 */
export const makeSend = (authority?: string): Send => {
	const trusted =
		authority === undefined
			? undefined
			: [...rootCertificates, ...parseAuthority(authority)];
	return async ({method, url, headers, body}, {signal, timeoutMs}) => {
		signal.throwIfAborted();
		const limitMs = timeoutMs ?? defaultLimitMs;
		const limited = withDeadline(signal, limitMs);
		const bytes = body === undefined ? undefined : Buffer.from(body, 'utf8');
		try {
			const response = await new Promise<http.IncomingMessage>(
				(resolve, reject) => {
					const request = (url.protocol === 'http:' ? http : https).request(
						url,
						{
							method,
							headers: {
								'user-agent': `k3s-mesh-tui/${programVersion()}`,
								...headers,
								...(bytes !== undefined && {
									'content-length': String(bytes.length),
								}),
							},
							signal: limited,
							// A connection of its own: one that was kept may be closed by the server just now.
							agent: false,
							...(trusted !== undefined && {ca: trusted}),
						},
						resolve,
					);
					request.once('error', reject);
					request.end(bytes);
				},
			);
			return await readAnswer(response);
		} catch (error) {
			signal.throwIfAborted();
			if (error instanceof ControlError) {
				throw error;
			}

			if (limited.aborted) {
				throw new ControlError(
					'timeout',
					`${url.host} did not answer within ${Math.round(limitMs / 1000)} s.`,
					{
						tryNext: ['Look at the network of this machine, then try again.'],
						cause: error,
					},
				);
			}

			const {failure, message, tryNext} = brokenConnection(
				url,
				error as NodeJS.ErrnoException,
			);
			throw new ControlError(failure, message, {tryNext, cause: error});
		}
	};
};
