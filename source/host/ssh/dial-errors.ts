import type {UserError} from '../../errors.js';
import {unreachable} from './connect-errors.js';
import type {SshSettings} from './ssh-settings.js';

/** Where was dialed, and for how long. */
export type Dialing = Pick<SshSettings, 'host' | 'port' | 'connectTimeoutMs'>;

/** What became of one address; without an error it did not answer. */
export type DialFailure = {
	readonly address: string;
	readonly error: (Error & {readonly code?: string}) | undefined;
};

/** A wait in seconds, for people. */
export const secondsOf = ({connectTimeoutMs}: Dialing): string =>
	`${connectTimeoutMs / 1000} s`;

type Trouble = 'name' | 'refused' | 'no-way' | 'silent' | 'no-zone' | 'other';

const troubleOf = (failure: DialFailure): Trouble => {
	switch (failure.error?.code) {
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
		case 'EAI_NODATA': {
			return 'name';
		}

		case 'ECONNREFUSED': {
			return 'refused';
		}

		case 'EHOSTUNREACH':
		case 'ENETUNREACH':
		case 'EADDRNOTAVAIL': {
			return 'no-way';
		}

		case 'EINVAL': {
			return /^fe[89ab][\da-f]:/i.test(failure.address) &&
				!failure.address.includes('%')
				? 'no-zone'
				: 'other';
		}

		case 'ETIMEDOUT': {
			return 'silent';
		}

		default: {
			return failure.error ? 'other' : 'silent';
		}
	}
};

/** What to try, the trouble that tells most first. */
const advice: ReadonlyArray<
	readonly [Trouble, (port: number) => readonly string[]]
> = [
	[
		'refused',
		(port) => [
			`Check that SSH listens on port ${port} there; another port is written user@host:port.`,
		],
	],
	[
		'silent',
		() => [
			'Check the address and that the machine runs, and whether a firewall drops connections to that port.',
		],
	],
	[
		'no-zone',
		() => ['Write the interface behind a link-local address: fe80::1%eth0'],
	],
	['no-way', () => ['Check the address, and the network of this machine.']],
	['name', () => ['Check the spelling, or give the address itself.']],
];

/** The machine did not let a TCP connection through. */
export const dialError = (
	node: string,
	settings: Dialing,
	error: Error & {readonly code?: string},
): UserError => dialErrors(node, settings, [{address: settings.host, error}]);

/** Nothing came back within the limit. */
export const silentError = (node: string, settings: Dialing): UserError =>
	dialErrors(node, settings, [{address: settings.host, error: undefined}]);

/** The jump host on the way to the machine is not there any more. */
export const jumpLostError = (
	node: string,
	{host}: Dialing,
	jumpHost: string,
	cause: Error,
): UserError =>
	unreachable(
		node,
		`The connection to the jump host ${jumpHost}, on the way to ${host}, was lost.`,
		['Try again: the jump host is logged in to anew.'],
		cause,
	);

/** No address of the machine let a TCP connection through; each is named when there are several. */
export const dialErrors = (
	node: string,
	settings: Dialing,
	failures: readonly DialFailure[],
): UserError => {
	const {host, port} = settings;
	const troubles = failures.map((failure) => troubleOf(failure));
	const [only] = failures;
	const message =
		failures.length === 1
			? alone(settings, troubles[0]!, only!)
			: `${host} can not be reached on port ${port} at any of its addresses: ${failures
					.map(
						(failure, index) =>
							`${failure.address} ${among(settings, troubles[index]!, failure)}`,
					)
					.join('; ')}.`;
	const [, advise] =
		advice.find(([trouble]) => troubles.includes(trouble)) ?? [];
	return unreachable(
		node,
		message,
		advise?.(port) ?? [],
		failures.find(({error}) => error)?.error,
	);
};

const alone = (
	settings: Dialing,
	trouble: Trouble,
	{address, error}: DialFailure,
): string => {
	const {host, port} = settings;
	switch (trouble) {
		case 'name': {
			return `No address is known for the name ${host}.`;
		}

		case 'refused': {
			return `${host} refuses connections on port ${port}.`;
		}

		case 'no-way': {
			return `There is no way from here to ${host} (port ${port}).`;
		}

		case 'silent': {
			return `${host} does not answer on port ${port} within ${secondsOf(settings)}.`;
		}

		case 'no-zone': {
			return `${address} is a link-local address, which is good on one interface only, and does not say on which.`;
		}

		case 'other': {
			return `${host} can not be reached on port ${port}: ${error!.message}.`;
		}
	}
};

const among = (
	settings: Dialing,
	trouble: Trouble,
	{error}: DialFailure,
): string => {
	switch (trouble) {
		case 'refused': {
			return 'refuses connections';
		}

		case 'no-way': {
			return 'has no way from here';
		}

		case 'silent': {
			return `does not answer within ${secondsOf(settings)}`;
		}

		case 'no-zone': {
			return 'is link-local and names no interface';
		}

		case 'name':
		case 'other': {
			return `fails: ${error!.message}`;
		}
	}
};
