import {UserError} from '../errors.js';
import type {TailscaleFacts} from '../facts/host-facts.js';

/** What is known of a login that did not succeed. */
type FailedLogin = {
	readonly node: string;
	/** What `tailscale up` said. */
	readonly said: readonly string[];
	readonly status: TailscaleFacts;
	/** For sentences; `undefined` for Tailscale's own. */
	readonly controlServer: string | undefined;
	readonly tags: readonly string[];
};

type Words = {readonly message: string; readonly tryNext: readonly string[]};

const makeKey = ({controlServer, tags}: FailedLogin): string =>
	controlServer === undefined
		? `Make a new one at https://login.tailscale.com/admin/settings/keys: reusable, not ephemeral${tags.length === 0 ? '' : `, with ${tags.join(', ')}`}.`
		: `Make a new one on the headscale: headscale preauthkeys create --reusable --expiration 1h${tags.length === 0 ? ' --user NUMBER' : ` --tags ${tags.join(',')}`}.`;

const serverName = ({controlServer}: FailedLogin): string =>
	controlServer ?? "Tailscale's control server";

/**
 * What Tailscale and its control servers say, and what it means. headscale's words: `types/preauth_key.go` and
 * `auth.go`; those of Tailscale's own server: https://github.com/tailscale/tailscale/issues/17047 and 9715. The most
 * particular come first.
 */
const failures: ReadonlyArray<{
	readonly pattern: RegExp;
	readonly words: (login: FailedLogin) => Words;
}> = [
	{
		pattern: /requested tags|tags? .*not permitted|advertise-tags/i,
		words: (login) => ({
			message: `the key may not give a machine ${login.tags.length === 0 ? 'no tag at all' : login.tags.join(', ')}`,
			tryNext: [
				`Name the tag and its owner under "tagOwners" in the policy of the tailnet, and use a key of that owner or one with the tag.`,
				makeKey(login),
			],
		}),
	},
	{
		// headscale keeps the end of an earlier login with a machine that has tags (`HandleNodeFromPreAuthKey`, 0.29).
		pattern: /NodeKeyExpired/,
		words: (login) => ({
			message: `${serverName(login)} holds an earlier login of ${login.node} that has ended, and does not renew it`,
			tryNext: [
				`Delete that machine there, and run the same command again: "headscale nodes list" shows the number of ${login.node}, then headscale nodes delete --identifier NUMBER.`,
			],
		}),
	},
	{
		pattern: /already (?:been )?used/i,
		words: (login) => ({
			message: 'the key was for one machine only, and has been used',
			tryNext: [makeKey(login)],
		}),
	},
	{
		pattern: /key[^.]* expired|expired[^.]* key/i,
		words: (login) => ({
			message: 'the key has expired',
			tryNext: [makeKey(login)],
		}),
	},
	{
		pattern:
			/invalid (?:pre ?-?auth ?key|authkey|key)|key does not exist|key \S+ not valid|unable to validate|authkey not found/i,
		words: (login) => ({
			message: `${serverName(login)} does not know the key: it was revoked, or is of another tailnet, or was not copied whole`,
			tryNext: [makeKey(login)],
		}),
	},
	{
		pattern: /x509|certificate|tls: /i,
		words: (login) => ({
			message: `the certificate of ${serverName(login)} is not trusted on ${login.node}`,
			tryNext: [
				`Put the certificate of the authority that signed it among those that ${login.node} trusts, or give the server one of a public authority.`,
				`On ${login.node}: curl -v ${login.controlServer ?? 'https://controlplane.tailscale.com'}`,
			],
		}),
	},
	{
		pattern:
			/dial tcp|no such host|connection refused|i\/o timeout|network is unreachable|no route to host|context deadline exceeded|fetch control key|timed out/i,
		words: (login) => ({
			message: `${login.node} does not reach ${serverName(login)}`,
			tryNext: [
				`Open the way out from ${login.node} on TCP 443, and see that the name is known there.`,
				`On ${login.node}: curl -v ${login.controlServer ?? 'https://controlplane.tailscale.com'}`,
			],
		}),
	},
];

/** The words of Tailscale that say most: an error of its own, else what its health says, else its last. */
const tellingLine = ({said, status}: FailedLogin): string | undefined =>
	said.findLast((line) => /error/i.test(line)) ??
	status.health.find((line) => /login error|control/i.test(line)) ??
	status.health[0] ??
	said.findLast((line) => line.trim() !== '');

/** Why a machine did not get into its tailnet, as a sentence with what to try next. */
export const loginFailure = (login: FailedLogin): UserError => {
	const line = tellingLine(login);
	const text = [...login.said, ...login.status.health].join('\n');
	const known = failures
		.find(({pattern}) => pattern.test(text))
		?.words(login) ?? {
		message: `Tailscale is in the state ${login.status.state}`,
		tryNext: [
			`Look on ${login.node}: tailscale status; journalctl -u tailscaled.`,
		],
	};
	return new UserError(
		`${login.node} could not log in to the tailnet: ${known.message}${line === undefined ? '' : ` (${line.trim()})`}`,
		{node: login.node, tryNext: known.tryNext},
	);
};
