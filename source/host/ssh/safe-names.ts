import {UserError, exitCodes} from '../../errors.js';

/**
 * What a shell would read as more than a name. OpenSSH refuses these since 9.6 (`valid_hostname`, `valid_ruser`), because
 * names end up in the commands of `ProxyCommand` and `Match exec`; what a shell expands or takes for a comment is refused
 * here, too.
 */
// eslint-disable-next-line no-control-regex
const shellSource = /^-|['"`$\\;&<>|(){}*?#~!^\s\u0000-\u001F\u007F]/;

/** A login of a domain is written `DOMAIN\user`; a backslash at the end would take the meaning from what follows. */
// eslint-disable-next-line no-control-regex
const shellSourceInUser = /^-|['"`$;&<>|(){}*?#~!^\s\u0000-\u001F\u007F]|\\$/;

/** Refuses names of hosts and users that could become shell source. Throws a `UserError`. */
export const requireSafeNames = (
	host: string,
	user: string | undefined,
): void => {
	const wrong = shellSource.test(host)
		? `The host name ${JSON.stringify(host)}`
		: user !== undefined && shellSourceInUser.test(user)
			? `The user name ${JSON.stringify(user)}`
			: undefined;
	if (wrong !== undefined) {
		throw new UserError(
			`${wrong} is refused: it has characters that mean something to a shell.`,
			{
				exitCode: exitCodes.usage,
				tryNext: [
					'Give such a host a plain name in the SSH configuration (Host, HostName, User), and use that.',
				],
			},
		);
	}
};
