import {cidrContains, isAddress, isCidr, sameAddress} from './addresses.js';
import type {Cluster} from './schema.js';

/** What a proxy is asked for. */
export type ProxyScheme = 'http' | 'https';

/** The URL of a proxy, or where a URL with a password in it is read from. */
export type ProxySource =
	| {readonly url: string}
	/** `env:NAME` or `file:PATH`. */
	| {readonly from: string};

/** The proxy of one scheme. One that is given for the other scheme alone stands for both. */
export const proxyFor = (
	{proxy}: Pick<Cluster, 'proxy'>,
	scheme: ProxyScheme,
): ProxySource | undefined => {
	if (proxy === undefined) {
		return undefined;
	}

	const source = (url?: string, from?: string): ProxySource | undefined =>
		url === undefined ? (from === undefined ? undefined : {from}) : {url};
	const sources = {
		http: source(proxy.http, proxy.httpFrom),
		https: source(proxy.https, proxy.httpsFrom),
	};
	return sources[scheme] ?? sources[scheme === 'http' ? 'https' : 'http'];
};

/**
 * Is a host reached without the proxy? An entry is an address, a network, or a domain that stands for all below it
 * too, as Go reads NO_PROXY (golang.org/x/net/http/httpproxy); a name is never looked up for it.
 */
export const goesDirect = (
	noProxy: readonly string[],
	host: string,
): boolean => {
	const name = host.toLowerCase();
	return noProxy.some((entry) => {
		if (entry === '*') {
			return true;
		}

		if (isAddress(host)) {
			return isAddress(entry)
				? sameAddress(entry, host)
				: isCidr(entry) && cidrContains(entry, host);
		}

		const domain = entry.toLowerCase().replace(/^\*?\./, '');
		return (
			name.endsWith(`.${domain}`) || (name === domain && !/^\*?\./.test(entry))
		);
	});
};
