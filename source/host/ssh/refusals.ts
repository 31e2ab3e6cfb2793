import {UserError, exitCodes} from '../../errors.js';

/** The error for a machine on which we are not root and can not become it. */
export const sudoRefused = (
	node: string,
	user: string,
	reason: string,
): UserError =>
	new UserError(
		`${user} on ${node} may not run sudo without a password${reason === '' ? '' : ` (${reason})`}.`,
		{
			node,
			tryNext: [
				`Log in as root instead, or allow it on ${node}: echo '${user} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/${user}`,
			],
		},
	);

/** The error for a login that runs no command, such as one without a shell. */
export const shellRefused = (node: string, lastLine: string): UserError =>
	new UserError(
		`The login on ${node} runs no commands${lastLine === '' ? '' : `: ${lastLine}`}.`,
		{
			node,
			exitCode: exitCodes.unreachable,
			tryNext: [
				'Log in with a user that has a shell and may run commands over SSH.',
			],
		},
	);
