import type {ConfiguredValues} from './config-files.js';

const isOn = (value: string | undefined): boolean =>
	value !== undefined && !/^(?:no|none|off|false)?$/i.test(value);

/** Settings of an SSH configuration that we do not follow, and what that means. */
const unused: ReadonlyArray<readonly [keyword: string, meaning: string]> = [
	[
		'revokedhostkeys',
		'RevokedHostKeys is not read: mark such keys with @revoked in known_hosts',
	],
	[
		'knownhostscommand',
		'KnownHostsCommand is not run: only known_hosts files are searched',
	],
	[
		'verifyhostkeydns',
		'VerifyHostKeyDNS is not used: host keys are looked up in known_hosts only',
	],
	['checkhostip', 'CheckHostIP is not used: known_hosts is searched by name'],
	[
		'nohostauthenticationforlocalhost',
		'NoHostAuthenticationForLocalhost is not used: the key of every host is checked',
	],
	[
		'bindaddress',
		'BindAddress is not used: the system chooses the address to connect from',
	],
	[
		'bindinterface',
		'BindInterface is not used: the system chooses the interface to connect from',
	],
	[
		'proxyusefdpass',
		'ProxyUseFdpass is not used: the streams of the ProxyCommand are the connection',
	],
	[
		'pkcs11provider',
		'PKCS11Provider is not used: keys of a token come from the SSH agent',
	],
];

/** The same for what a system's own configuration often turns on for everybody: it counts where a person has asked for it. */
const unusedOfOwn: typeof unused = [
	[
		'gssapiauthentication',
		'GSSAPIAuthentication is not used: Kerberos lets nobody in here, only keys, passwords and what a host asks',
	],
	[
		'hostbasedauthentication',
		'HostbasedAuthentication is not used: the key of this machine lets nobody in here, only keys, passwords and what a host asks',
	],
];

/** Does what counts have anything for which it matters whether the person's own file says it? */
export const asksForOwn = (values: ConfiguredValues): boolean =>
	unusedOfOwn.some(([keyword]) => isOn(values.get(keyword)?.[0]));

/** What a configuration asks for and does not get, one sentence each; `own` is what the person's own file says. */
export const unusedSettings = (
	values: ConfiguredValues,
	own: ConfiguredValues,
): readonly string[] => {
	const isUnused =
		(said: ConfiguredValues) =>
		([keyword]: (typeof unused)[number]): boolean =>
			isOn(said.get(keyword)?.[0]);
	const sentences = [
		...unused.filter(isUnused(values)),
		...unusedOfOwn.filter(isUnused(own)),
	].map(([, meaning]) => meaning);
	return /^(?:no|off|false)$/i.test(
		values.get('stricthostkeychecking')?.[0] ?? '',
	)
		? [
				...sentences,
				'StrictHostKeyChecking no is read as accept-new: a changed host key is refused all the same',
			]
		: sentences;
};
