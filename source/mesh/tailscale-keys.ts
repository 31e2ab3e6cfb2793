/**
 * What a key of a tailnet is, by its form alone. Nothing here ever puts a key, or a part of one that is secret, into a
 * sentence. The forms: tailscale.com/kb/1085 and feature/oauthkey of Tailscale's client; the change log of headscale.
 */
export type TailnetKey =
	/** Joins nodes to a tailnet of Tailscale; `id` is not secret. */
	| {readonly kind: 'tailscale-auth-key'; readonly id: string}
	/** The secret of an OAuth client, from which join keys can be made. */
	| {
			readonly kind: 'tailscale-oauth-secret';
			readonly id: string;
			/** The secret as the API takes it, without what stood behind a question mark. */
			readonly secret: string;
			readonly attributes: OauthAttributes;
	  }
	/** Everything that its user may do, through the API. */
	| {readonly kind: 'tailscale-api-token'; readonly id: string}
	/** Joins nodes to a headscale; before 0.28 it has no prefix and `prefix` is `undefined`. */
	| {
			readonly kind: 'headscale-auth-key';
			readonly prefix: string | undefined;
	  }
	/** Everything that a headscale can do, through its API. */
	| {readonly kind: 'headscale-api-key'}
	/** Anything else: what it seems to be, as a sentence. */
	| {readonly kind: 'other'; readonly message: string};

/** What may stand behind an OAuth secret: `?ephemeral=false&preauthorized=true`. Keys of ours are made without it. */
export type OauthAttributes = {
	/** Nodes vanish when they go offline: what Tailscale's client does where nothing is said. */
	readonly isEphemeral: boolean;
	readonly isPreApproved: boolean;
};

const other = (message: string): TailnetKey => ({kind: 'other', message});

/** Characters of ids and secrets. */
const word = '[A-Za-z0-9]+';

const tailscaleForm = new RegExp(
	`^tskey-(?<type>auth|client|api)-(?<id>${word})-${word}$`,
);
const headscaleForm =
	/^hskey-(?<type>auth|api)-(?<prefix>[\w-]{12})-[\w-]{64}$/;

/** The beginnings of what headscale and Tailscale hand out, and what it is. */
const beginnings: ReadonlyArray<readonly [string, string]> = [
	['tskey-auth-', 'a Tailscale auth key'],
	['tskey-client-', 'the secret of a Tailscale OAuth client'],
	['tskey-api-', 'a Tailscale API access token'],
	['hskey-auth-', 'a pre-auth key of headscale'],
	['hskey-api-', 'an API key of headscale'],
];

/** What is known by its beginning, and of no use here. */
const strangers: ReadonlyArray<readonly [string, string]> = [
	['tskey-webhook-', 'the secret of a Tailscale webhook'],
	['tskey-scim-', 'a Tailscale key for user provisioning (SCIM)'],
	['tskey-', 'a Tailscale key of a kind that is not known here'],
	['hskey-client-', 'the secret of an OAuth client of headscale'],
	['hskey-oauthtok-', 'an OAuth access token of headscale'],
	['hskey-reg-', 'the id under which a node waits for its registration'],
	['hskey-', 'a key of headscale of a kind that is not known here'],
	['nodekey:', 'the public key of a node'],
	['mkey:', 'the public key of a machine'],
	['discokey:', 'the public key for finding paths of a node'],
	['privkey:', 'a private key of a node'],
];

/** The attributes behind an OAuth secret, or what is wrong with them. */
const parseAttributes = (
	text: string | undefined,
): OauthAttributes | {readonly message: string} => {
	const values = new Map<string, string>();
	for (const part of text === undefined || text === '' ? [] : text.split('&')) {
		const [name, value = ''] = part.split('=', 2);
		if (name === 'baseURL') {
			return {
				message:
					'The OAuth secret carries "baseURL", another place of the API: name that place by itself, so that a secret never goes somewhere unseen.',
			};
		}

		if (name !== 'ephemeral' && name !== 'preauthorized') {
			return {
				message:
					'What stands behind the question mark of the OAuth secret must be "ephemeral" or "preauthorized", joined by "&".',
			};
		}

		if (value !== 'true' && value !== 'false') {
			return {
				message: `"${name}" behind the OAuth secret must be true or false.`,
			};
		}

		values.set(name, value);
	}

	return {
		isEphemeral: values.get('ephemeral') !== 'false',
		isPreApproved: values.get('preauthorized') === 'true',
	};
};

const tailscaleKey = (key: string): TailnetKey | undefined => {
	const [form = '', ...attributes] = key.split('?');
	const {type, id} = tailscaleForm.exec(form)?.groups ?? {};
	if (type === undefined || id === undefined) {
		return undefined;
	}

	if (type === 'client') {
		const parsed = parseAttributes(
			attributes.length === 0 ? undefined : attributes.join('?'),
		);
		return 'message' in parsed
			? other(parsed.message)
			: {
					kind: 'tailscale-oauth-secret',
					id,
					secret: form,
					attributes: parsed,
				};
	}

	if (attributes.length > 0) {
		return other(
			'Only the secret of an OAuth client may have a question mark behind it; this is another Tailscale key.',
		);
	}

	return type === 'auth'
		? {kind: 'tailscale-auth-key', id}
		: {kind: 'tailscale-api-token', id};
};

const headscaleKey = (key: string): TailnetKey | undefined => {
	const {type, prefix} = headscaleForm.exec(key)?.groups ?? {};
	if (type !== undefined) {
		return type === 'auth'
			? {kind: 'headscale-auth-key', prefix}
			: {kind: 'headscale-api-key'};
	}

	// Before 0.28: 24 bytes in hexadecimal to join; a prefix of 7 characters, a point and 32 more for the API.
	if (/^[\da-f]{48}$/.test(key)) {
		return {kind: 'headscale-auth-key', prefix: undefined};
	}

	return /^[\w-]{7}\.[\w-]{32}$/.test(key)
		? {kind: 'headscale-api-key'}
		: undefined;
};

/** What a text is that somebody gives as a key; white space around it does not count. */
export const classifyKey = (text: string): TailnetKey => {
	const key = text.trim();
	if (key === '') {
		return other('The key is empty.');
	}

	if (/\s/.test(key)) {
		return other(
			'The key has a space or a line break in it: perhaps it was copied with more than itself.',
		);
	}

	const known = tailscaleKey(key) ?? headscaleKey(key);
	if (known !== undefined) {
		return known;
	}

	for (const [beginning, name] of beginnings) {
		if (key.startsWith(beginning)) {
			return other(
				key.includes('*')
					? `It is ${name} as a list shows it, with its secret hidden. The secret is shown only once, when the key is made.`
					: `It begins like ${name} and is not whole: a part is missing, or there is a character in it that does not belong.`,
			);
		}
	}

	for (const [beginning, name] of strangers) {
		if (key.startsWith(beginning)) {
			return other(`It is ${name}: nodes can not join with it.`);
		}
	}

	return other('It has the form of no key of Tailscale or headscale.');
};
