/** Has a URL a user or a password in it? Then it is a secret. */
export const holdsLogin = (text: string): boolean => {
	const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1] ?? text;
	return authority.includes('@');
};

/**
 * Why a text cannot be the URL of a proxy, as a sentence without its subject and without the text, which may be a
 * secret; `undefined` when it can.
 */
export const proxyUrlProblem = (text: string): string | undefined => {
	// What systemd and a shell would read as something else has no place in a URL either.
	if (!/^https?:\/\/[^\s"'\\`$]+$/.test(text) || !URL.canParse(text)) {
		return 'must be an http:// or https:// URL, such as http://proxy.lan:3128';
	}

	const {pathname, search, hash} = new URL(text);
	return pathname === '/' && search === '' && hash === ''
		? undefined
		: 'must name the proxy only, with nothing behind its port';
};
