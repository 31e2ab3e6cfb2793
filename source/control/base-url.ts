import {addressScope, isAddress} from '../cluster/addresses.js';
import {ControlError} from './control-error.js';

const refuse = (message: string, ...tryNext: readonly string[]): never => {
	throw new ControlError('bad-access', message, {tryNext});
};

/** Does the host name a machine of a private network, where a credential in clear text is the owner's business? */
const isPrivateHost = (hostname: string): boolean => {
	const host = hostname.replace(/^\[(.*)\]$/, '$1');
	return isAddress(host)
		? ['loopback', 'link-local', 'private', 'shared'].includes(
				addressScope(host),
			)
		: !host.includes('.') ||
				/\.(?:localhost|local|lan|internal|home\.arpa)$/.test(host);
};

/**
 * The URL of a control server, without a slash at its end. Throws a `ControlError` when it is none, or when a credential
 * would cross the internet in clear text.
 */
export const parseBaseUrl = (text: string): string => {
	let url: URL;
	try {
		url = new URL(text);
	} catch {
		return refuse(
			'The URL of the control server can not be read.',
			'Give it whole, such as https://headscale.example.org.',
		);
	}

	if (url.protocol !== 'https:' && url.protocol !== 'http:') {
		return refuse(
			'The URL of the control server must begin with https:// or http://.',
		);
	}

	if (url.username !== '' || url.password !== '') {
		return refuse(
			'The URL of the control server must hold no user and no password.',
		);
	}

	if (url.search !== '' || url.hash !== '') {
		return refuse(
			'The URL of the control server must end with its host or path: it holds a "?" or a "#".',
		);
	}

	if (url.protocol === 'http:' && !isPrivateHost(url.hostname)) {
		return refuse(
			`The credential would go to ${url.host} in clear text, where anybody on the way can read it.`,
			'Give the server a certificate and a URL that begins with https://.',
			'Or leave the credential out, and run the commands that are shown on the server itself.',
		);
	}

	return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
};
