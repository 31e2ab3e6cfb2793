import {UserError, exitCodes} from '../../errors.js';
import type {UnknownHostKey} from '../host.js';
import {secretAdvice} from '../secret-environment.js';
import type {LoginReport} from './authentication.js';
import type {KnownHost} from './known-hosts.js';
import type {SshSettings} from './ssh-settings.js';

/** The machine can not be reached, or does not let us in. */
export const unreachable = (
	node: string,
	message: string,
	tryNext: readonly string[],
	cause?: unknown,
): UserError =>
	new UserError(message, {
		node,
		exitCode: exitCodes.unreachable,
		tryNext,
		cause,
	});

const listed = (names: readonly string[]): string =>
	names.length < 2
		? names.join('')
		: `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** Nothing that was tried lets us in. */
export const loginError = (
	node: string,
	{user, host}: SshSettings,
	details: LoginReport & {
		/** Did the host end it because there were too many tries? */
		readonly isTooMany: boolean;
	},
): UserError => {
	const {tried, untried, accepted, allowed, keys} = details;
	const sentences = [
		`${host} did not accept the login of ${user}: ${tried.length === 0 ? 'there was no key to try' : `tried ${listed(tried)}`}.`,
	];
	if (untried.length > 0) {
		sentences.push(
			`This program can not use ${listed(untried)}, which ssh would try.`,
		);
	}

	if (details.isTooMany) {
		sentences.push(`${host} ended it after too many tries.`);
	}

	if (accepted.length > 0) {
		sentences.push(`${listed(accepted)} was right, but not enough.`);
	}

	if (allowed.length > 0) {
		sentences.push(`It allows ${listed(allowed)}.`);
	}

	if (details.isUnanswered) {
		sentences.push('Nobody gave an answer when it asked.');
	}

	const advice = [...details.notes];
	if (details.isTooMany && keys > 1) {
		advice.push(
			`It counts each key as a try. Name the right one: IdentityFile with "IdentitiesOnly yes" for ${host} in your SSH configuration.`,
		);
	}

	if (details.isUnanswered) {
		advice.push(secretAdvice('login-password'));
	}

	if (details.notes.some((text) => text.includes('passphrase'))) {
		advice.push(secretAdvice('passphrase'));
	}

	if (allowed.length === 0 || allowed.includes('publickey')) {
		advice.push(
			`Allow a key of yours there, for example with ssh-copy-id ${user}@${host}`,
		);
	} else if (advice.length === 0) {
		advice.push(`Look at how ${user} logs in there: ssh -v ${user}@${host}`);
	}

	return unreachable(node, sentences.join(' '), advice);
};

/** The password is right, and only good for choosing a new one. */
export const expiredPasswordError = (
	node: string,
	{user, host}: SshSettings,
): UserError =>
	unreachable(node, `${host} demands a new password of ${user}.`, [
		`Log in once and change it: ssh ${user}@${host}`,
	]);

/** Where a key is written, for people. */
export const whereOf = ({file, line}: KnownHost): string => `${file}:${line}`;

/** The machine shows another key than the one that is known for it. */
export const changedKeyError = (
	node: string,
	key: UnknownHostKey,
	entry: KnownHost,
	name: string,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} is not the one that is known: it shows ${key.algorithm} ${key.fingerprint}, and ${entry.line === 0 ? 'earlier in this run it was' : `${whereOf(entry)} has`} another ${entry.keyType} key. Somebody may be in between, so nothing was sent.`,
		[
			entry.line === 0
				? 'If the machine was installed anew in between, start again.'
				: `If the machine was installed anew, forget its old key and try again: ssh-keygen -R '${name}' -f ${entry.file}`,
		],
	);

/** The machine shows a key that is marked as stolen. */
export const revokedKeyError = (
	node: string,
	key: UnknownHostKey,
	entry: KnownHost,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} (${key.algorithm} ${key.fingerprint}) is marked as revoked in ${whereOf(entry)}. Nothing was sent.`,
		['Give the machine a new host key before you log in to it.'],
	);

const compareKeys = ({algorithm}: UnknownHostKey): string =>
	`Compare it with what the machine itself says: ssh-keygen -lf /etc/ssh/ssh_host_${algorithm.replace(/^ssh-/, '').replace(/^ecdsa-.*/, 'ecdsa')}_key.pub`;

const addKey = ({host, port}: UnknownHostKey, name: string): string[] => [
	`Then add it to known_hosts as ${name}, for example from what this prints: ssh-keyscan -p ${port} ${host}`,
];

const byAuthority = ({host, authority}: UnknownHostKey): string =>
	authority === undefined
		? ''
		: ` ${authority} trusts ${host} by a certificate, which this program can not check.`;

/** The person did not trust the key. */
export const untrustedKeyError = (
	node: string,
	key: UnknownHostKey,
	name: string,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} (${key.algorithm} ${key.fingerprint}) was not accepted.${byAuthority(key)}`,
		[
			compareKeys(key),
			...(key.authority === undefined ? [] : addKey(key, name)),
		],
	);

/** The key is new, and the person's configuration wants no new ones. */
export const newKeyError = (
	node: string,
	key: UnknownHostKey,
	name: string,
): UserError =>
	unreachable(
		node,
		`The host key of ${key.host} (${key.algorithm} ${key.fingerprint}) is not known, and StrictHostKeyChecking yes refuses such hosts.${byAuthority(key)}`,
		[compareKeys(key), ...addKey(key, name)],
	);
