/** The control server of Tailscale itself, which its programs use when nobody names another. */
export const tailscaleControlServer = 'https://controlplane.tailscale.com';

/** Older and newer names of the same server (`IsLoginServerSynonym` in ipn/prefs.go). */
const synonyms = new Set([
	'https://login.tailscale.com',
	tailscaleControlServer,
]);

const plain = (url: string | undefined): string => {
	const text = (url ?? tailscaleControlServer).replace(/\/+$/, '');
	return synonyms.has(text) ? tailscaleControlServer : text;
};

/** Do two URLs name the same control server? `undefined` is Tailscale's own. */
export const isSameControlServer = (
	one: string | undefined,
	other: string | undefined,
): boolean => plain(one) === plain(other);
