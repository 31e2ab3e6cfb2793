/**
 * How a script gets onto a machine. The command line of a channel is one constant text, which any login shell can
 * run; the script and its values follow on standard input.
 */

/** Printed by the bootstrap once a shell of the right user listens. Nothing is sent before it was seen. */
export const readyMark = 'k3s-mesh-ready';

/** Exit code of a bootstrap or prelude whose standard input ended too early: nothing of the body was run. */
export const incompleteCode = 97;

/**
 * Reads a line with a length and then exactly that many bytes, and runs them only when they are all there.
 *
 * It is one line without single quotes, backslashes and exclamation marks, so that it means the same inside single
 * quotes of dash, bash, busybox ash, zsh, fish and csh. `read` takes single bytes from a pipe, and dd asks for no
 * more than what is missing, so nothing that follows the script is swallowed. The locale is C: lengths are bytes.
 */
export const bootstrap = [
	`echo; echo ${readyMark}`,
	`read -r n || exit ${incompleteCode}`,
	`[ "$n" -gt 0 ] || exit ${incompleteCode}`,
	's=',
	`while [ "\${#s}" -lt "$n" ]`,
	`do c=$(dd bs="$((n-\${#s}))" count=1 2>/dev/null; echo x)`,
	`c="\${c%x}"`,
	`[ -n "$c" ] || exit ${incompleteCode}`,
	's="$s$c"',
	'done',
	'eval "$s"',
].join('; ');

/** The command line for scripts that run as the user who logged in. */
export const loginCommand = `exec env LC_ALL=C sh -c '${bootstrap}'`;

/** The command line for scripts that run as root where the login is not root; sudo must not ask. */
export const sudoCommand = `exec sudo -n env LC_ALL=C sh -c '${bootstrap}'`;
