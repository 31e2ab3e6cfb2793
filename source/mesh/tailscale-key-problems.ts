/** Why a key is of the wrong kind for what is wanted, and what to make instead. */
import type {TailnetKey} from './tailscale-keys.js';

/** Why a key can not be used, and what to make instead. */
export type KeyProblem = {
	readonly message: string;
	readonly tryNext: readonly string[];
};

/** Whose control server a key is for. */
export type ControlKind = 'tailscale' | 'headscale';

const makeAuthKey =
	'Make an auth key under Settings, Keys of the admin console (login.tailscale.com/admin/settings/keys): reusable, not ephemeral, pre-approved, with the tag of the nodes.';
const makeOauthClient =
	'Or give the secret of an OAuth client with the scope auth_keys and the tag of the nodes: a short-lived key is made from it.';
const makePreAuthKey =
	'Make a pre-auth key on the headscale server: headscale preauthkeys create --reusable --expiration 1h, with --tags tag:NAME or --user ID.';

const instead = (control: ControlKind): readonly string[] =>
	control === 'tailscale' ? [makeAuthKey, makeOauthClient] : [makePreAuthKey];

/**
 * Why nodes can not join with a key, as far as its form tells; `undefined` when they can. The secret of an OAuth client
 * is good where the nodes have tags, as join keys are made from it; it never goes to a node itself.
 */
export const joinKeyProblem = (
	key: TailnetKey,
	joining: {readonly control: ControlKind; readonly hasTags: boolean},
): KeyProblem | undefined => {
	const {control, hasTags} = joining;
	const tryNext = instead(control);
	switch (key.kind) {
		case 'tailscale-auth-key': {
			return control === 'tailscale'
				? undefined
				: {
						message:
							'It is an auth key of Tailscale, and the control server is a headscale: it knows its own keys only.',
						tryNext,
					};
		}

		case 'headscale-auth-key': {
			return control === 'headscale'
				? undefined
				: {
						message:
							'It is a pre-auth key of headscale, and no control server of your own is named: Tailscale does not know it.',
						tryNext: [
							"Name the headscale server's URL as the control server.",
							...tryNext,
						],
					};
		}

		case 'tailscale-oauth-secret': {
			if (control === 'headscale') {
				return {
					message:
						'It is the secret of an OAuth client of Tailscale, and the control server is a headscale.',
					tryNext,
				};
			}

			return hasTags
				? undefined
				: {
						message:
							'It is the secret of an OAuth client, and such a client makes keys for tags only.',
						tryNext: [
							'Give the nodes a tag that the OAuth client has, such as tag:k3s-node.',
							makeAuthKey,
						],
					};
		}

		case 'tailscale-api-token': {
			return {
				message:
					'It is an API access token of Tailscale: whoever has it may do all that its user may do. Nodes can not join with it, and it must not be on them.',
				tryNext,
			};
		}

		case 'headscale-api-key': {
			return {
				message:
					'It is an API key of headscale: whoever has it may do anything there. Nodes can not join with it, and it must not be on them.',
				tryNext,
			};
		}

		case 'other': {
			return {message: key.message, tryNext};
		}
	}
};

/** Why a key is no credential for a control server's API; `undefined` when it is one. */
export const apiCredentialProblem = (
	key: TailnetKey,
	control: ControlKind,
): KeyProblem | undefined => {
	const tryNext =
		control === 'tailscale'
			? [
					'Make an OAuth client under Settings, Trust credentials of the admin console, with the scopes auth_keys, devices:core, devices:routes and policy_file, and the tag of the nodes; its secret begins with tskey-client-.',
				]
			: [
					'Make an API key on the headscale server: headscale apikeys create --expiration 24h',
				];
	switch (key.kind) {
		case 'tailscale-oauth-secret':
		case 'tailscale-api-token': {
			return control === 'tailscale'
				? undefined
				: {
						message:
							'It is a credential of Tailscale, and the control server is a headscale.',
						tryNext,
					};
		}

		case 'headscale-api-key': {
			return control === 'headscale'
				? undefined
				: {
						message:
							'It is an API key of headscale, and no control server of your own is named.',
						tryNext,
					};
		}

		case 'tailscale-auth-key': {
			return {
				message:
					'It is an auth key: nodes join with it, and the API does not take it.',
				tryNext,
			};
		}

		case 'headscale-auth-key': {
			return {
				message:
					'It is a pre-auth key: nodes join with it, and the API does not take it.',
				tryNext,
			};
		}

		case 'other': {
			return {message: key.message, tryNext};
		}
	}
};
