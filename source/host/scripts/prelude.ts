import {Buffer} from 'node:buffer';
import {incompleteCode} from './bootstrap.js';
import type {ScriptField} from './script.js';

/**
 * `next_field` reads one value. One line of text comes as such, after `=`: the shell reads it without any program. All
 * else, and what is long, is a line with its length, then that many bytes, whatever they are, trailing line ends
 * included. The body of a script never starts when one is cut short.
 */
const readFunction = `
next_field() {
	IFS= read -r field_length || exit ${incompleteCode}
	case "$field_length" in
	=*)
		field="\${field_length#=}"
		return
		;;
	esac
	[ "$field_length" -ge 0 ] || exit ${incompleteCode}
	field=
	while [ "\${#field}" -lt "$field_length" ]; do
		field_part=$(dd bs="$((field_length - \${#field}))" count=1 2>/dev/null; echo x)
		field_part="\${field_part%x}"
		[ -n "$field_part" ] || exit ${incompleteCode}
		field="$field$field_part"
	done
}
`;

/**
 * Runs the body and, at the same time, waits for standard input to end, which means that we are gone or want it to
 * end: then everything that the body started ends with it. Units that systemd runs are not among that.
 */
const runToEnd = (body: string): string => String.raw`
exec 3<&0
(
set -eu
${body}
) </dev/null 3<&- &
body_pid=$!
(
exec >/dev/null 2>&1
read -r rest <&3
kill -TERM 0
) &
watcher_pid=$!
exec 3<&-
wait "$body_pid"
code=$?
printf '%s end\n' "$marker" >&2
exec 2>/dev/null
kill -KILL "$watcher_pid"
`;

/** Runs the body with standard input as its own: it talks with us until we end it. */
const runTalking = (body: string): string => String.raw`
(
set -eu
${body}
)
code=$?
printf '%s end\n' "$marker" >&2
`;

/** How a script's body relates to standard input once its fields were read. */
export type BodyKind = 'run' | 'converse';

/** Variables of the prelude itself. */
const reservedNames = new Set([
	'body_pid',
	'code',
	'field',
	'field_length',
	'field_part',
	'marker',
	'ssh_connection',
	'watcher_pid',
]);

/**
 * The whole text that is sent for a script: it reads the marker, the address of our connection and the fields into
 * variables, and only when all are there runs the body between two marks, on standard output and on standard error. The last one on standard output carries the
 * exit code.
 *
 * Names of fields become shell text; they are checked to be plain words and come from the catalogue only.
 */
export const wrapScript = (
	source: string,
	fieldNames: readonly string[],
	kind: BodyKind,
	lingers = false,
): string => {
	for (const name of fieldNames) {
		if (!/^[a-z][a-z\d_]*$/.test(name) || reservedNames.has(name)) {
			throw new Error(`"${name}" can not be the name of a script's field.`);
		}
	}

	const reads = fieldNames.map((name) => `next_field\n${name}=$field`);
	return String.raw`${readFunction}
next_field
marker=$field
next_field
ssh_connection=$field
${reads.join('\n')}
field=
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
printf '\n%s begin\n' "$marker"
printf '\n%s begin\n' "$marker" >&2
${kind === 'run' ? runToEnd(source) : runTalking(source)}
printf '%s end %s\n' "$marker" "$code"
${lingers ? 'read -r rest || :' : ''}
exit "$code"
`;
};

/** What is the same for every call over one connection. */
export type CallContext = {
	/** Random text, new for each call: nothing that a login profile prints can be mistaken for a mark. */
	readonly marker: string;
	/** `SSH_CONNECTION` as the login shell had it, which sudo strips; bodies find it as `$ssh_connection`. */
	readonly sshConnection: string;
	/**
	 * Does it stay until we end its input? A sudo that logs output loses the last of it when its command ends at once
	 * (seen with 1.9.13, one time in ten), and the end mark with it.
	 */
	readonly lingers?: boolean;
};

const lengthPrefixed = (text: string): Buffer => {
	const bytes = Buffer.from(text, 'utf8');
	return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
};

/** From here on a program that reads is faster than the shell, which takes single bytes. */
const lineLimit = 1024;

/** A value as `next_field` reads it. */
const encodeValue = (text: string): Buffer =>
	text.length > lineLimit || text.includes('\n')
		? lengthPrefixed(text)
		: Buffer.from(`=${text}\n`);

/** The bytes to send after the ready mark: script, marker and fields. */
export const encodeRequest = (
	source: string,
	fields: readonly ScriptField[],
	kind: BodyKind,
	{marker, sshConnection, lingers}: CallContext,
): Buffer => {
	for (const {name, value} of fields) {
		if (value.includes('\0')) {
			throw new Error(`The field "${name}" has a NUL byte.`);
		}
	}

	return Buffer.concat([
		lengthPrefixed(
			wrapScript(
				source,
				fields.map(({name}) => name),
				kind,
				lingers,
			),
		),
		...[marker, sshConnection, ...fields.map(({value}) => value)].map((value) =>
			encodeValue(value),
		),
	]);
};
