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

/** The programs that let a login become root. */
export type RootProgram = 'sudo' | 'doas';

/** How a login that is not root becomes it. */
export type WayToRoot = {
	readonly program: RootProgram;
	/** Does sudo let in nobody without a terminal (`requiretty`)? */
	readonly terminal: boolean;
};

/** Whose password sudo asks for (`rootpw`, `targetpw`), which it puts in place of these letters. */
const ownerEscape = '%p';

/** What sudo is told to prompt with: the mark is random, so that nothing else that a machine writes looks like it. */
export const promptFor = (mark: string): string =>
	`${mark}:${ownerEscape}:${mark}`;

const asRoot = `env LC_ALL=C sh -c`;

/**
 * Runs its words in a terminal made by `script`, which is there for sudo to find and carries nothing: the streams go
 * round it, so that bytes stay what they are and nothing is echoed. `script` takes its command line for $SHELL.
 */
const inTerminal = (command: string, words: string): string =>
	[
		`exec env LC_ALL=C SHELL=/bin/sh sh -c`,
		`'exec 3<&0 4>&1 5>&2 </dev/null >/dev/null; k3s_mesh_b=$2 k3s_mesh_p=$3; export k3s_mesh_b k3s_mesh_p; exec script -q -c "$1" /dev/null'`,
		`sh '${command} <&3 >&4 2>&5 3<&- 4>&- 5>&-' ${words}`,
	].join(' ');

/**
 * The same for doas, which asks in the terminal and reads there only: the first line of standard input is typed into it
 * when it comes, unseen, and what is shown there goes to standard error. A doas that ends unasked ends what waits for that line.
 */
const askedInTerminal = (command: string, words: string): string =>
	[
		`exec env LC_ALL=C SHELL=/bin/sh sh -c`,
		`'exec 3<&0 4>&1 5>&2 >/dev/null; k3s_mesh_b=$2 k3s_mesh_p=$3; export k3s_mesh_b k3s_mesh_p;`,
		`{ IFS= read -r k3s_mesh_l <&3 && printf %s "$k3s_mesh_l" && echo; } 2>/dev/null 4>&- 5>&- |`,
		`{ script -q -c "$1" /dev/null >&5; kill -KILL $$; }'`,
		`sh '${command} <&3 >&4 2>&5 3<&- 4>&- 5>&-' ${words}`,
	].join(' ');

/** Says which process sudo will be, in a line of its own on this stream. */
const tellProcess = (prompt: string, stream: string): string =>
	`echo >&${stream}; echo "\${${prompt}%%:*} pid $$" >&${stream}`;

/**
 * The command line for scripts that run as root where the login is not root. With a mark, sudo may ask for a password,
 * by that prompt on standard error, and reads it from standard input; doas by its own prompt. Without, it must not ask.
 * What stands before the prompt is a line `MARK pid N`.
 */
export const rootCommand = (
	{program, terminal}: WayToRoot,
	mark?: string,
): string => {
	if (mark === undefined) {
		return terminal
			? inTerminal(
					`exec ${program} -n ${asRoot} "$k3s_mesh_b"`,
					`'${bootstrap}' -`,
				)
			: `exec env LC_ALL=C ${program} -n ${asRoot} '${bootstrap}'`;
	}

	const prompt = promptFor(mark);
	if (program === 'doas') {
		return askedInTerminal(
			`stty -echo; ${tellProcess('k3s_mesh_p', '5')}; exec doas ${asRoot} "$k3s_mesh_b"`,
			`'${bootstrap}' '${prompt}'`,
		);
	}

	return terminal
		? inTerminal(
				`${tellProcess('k3s_mesh_p', '5')}; exec sudo -S -p "$k3s_mesh_p" ${asRoot} "$k3s_mesh_b"`,
				`'${bootstrap}' '${prompt}'`,
			)
		: [
				`exec ${asRoot}`,
				`'${tellProcess('1', '2')}; exec sudo -S -p "$1" ${asRoot} "$2"'`,
				`sh '${prompt}' '${bootstrap}'`,
			].join(' ');
};
