import {
	failFunction,
	hashFunctions,
	takeBackFunction,
	writeFunction,
} from './files-shell.js';
import {answerLines, plainValue} from './answer-lines.js';
import {defineScript} from './script.js';

/** What is to be in a file. */
export type FileToWrite = {
	/** Absolute. Its folders are made when they are missing. */
	readonly path: string;
	/** Such as 0o600. */
	readonly mode: number;
	/** The redactor knows its secrets already, each by itself: the lines around them are none. */
	readonly content: string;
	/** Keep what was there before as `PATH.k3s-mesh.bak`, once. */
	readonly keepPrevious: boolean;
};

/** What writing did. */
export type FileWritten = {
	readonly changed: boolean;
	/** Where the previous content is kept; `undefined` when there was none or it was not to be kept. */
	readonly backup: string | undefined;
};

/** How a file is, or `undefined` when there is none. */
export type FileState =
	| {
			/** Hexadecimal. */
			readonly sha256: string;
			readonly mode: number;
			/** Does it belong to root and its group? */
			readonly rootOwned: boolean;
	  }
	| undefined;

const pathLines = (paths: readonly string[]): string =>
	paths.map((path) => plainValue('path', path)).join('\n');

const readWritten = (stdout: string): FileWritten => {
	const answer = answerLines(stdout);
	return {
		changed: answer.one('changed') === 'yes',
		backup: answer.optional('backup'),
	};
};

/** Writes a file atomically, with mode and owner, only when it is different. */
export const filesWrite = defineScript<FileToWrite, FileWritten>({
	name: 'files.write',
	purpose:
		'writes a file atomically when content, mode or owner differs, and keeps what was there before',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({path, mode, content, keepPrevious}) => [
		{name: 'path', value: plainValue('path', path)},
		{name: 'mode', value: mode.toString(8)},
		{name: 'keep', value: keepPrevious ? 'yes' : 'no'},
		{name: 'content', value: content},
	],
	source: String.raw`${failFunction}${hashFunctions}${writeFunction}
write_file "$path" "$mode" "$content" "$keep"
printf 'changed %s\n' "$changed"
[ -z "$backup" ] || printf 'backup %s\n' "$backup"
`,
	decode: ({stdout}) => readWritten(stdout),
});

/** Looks at files without reading them out: content as sha256, mode and owner. In the order of the paths. */
export const filesHash = defineScript<
	{readonly paths: readonly string[]},
	ReadonlyMap<string, FileState>
>({
	name: 'files.hash',
	purpose: 'reads sha256, mode and owner of files',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({paths}) => [{name: 'paths', value: pathLines(paths)}],
	source: String.raw`${hashFunctions}
while IFS= read -r path; do
	if [ -f "$path" ] && [ ! -L "$path" ]; then
		printf 'file %s %s %s %s\n' "$(sha256_of "$path")" "$(stat -c %a "$path")" "$(stat -c %u:%g "$path")" "$path"
	else
		printf 'none %s\n' "$path"
	fi
done <<END_OF_PATHS
$paths
END_OF_PATHS
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const states = new Map<string, FileState>();
		for (const text of answer.all('file')) {
			const [sha256 = '', mode = '', owner = '', ...path] = text.split(' ');
			states.set(path.join(' '), {
				sha256,
				mode: Number.parseInt(mode, 8),
				rootOwned: owner === '0:0',
			});
		}

		for (const path of answer.all('none')) {
			states.set(path, undefined);
		}

		return states;
	},
});

/** Reads a small file of ours; `undefined` when there is none. What comes back may hold secrets. */
export const filesRead = defineScript<
	{readonly path: string},
	string | undefined
>({
	name: 'files.read',
	purpose: 'reads a configuration file of ours back',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({path}) => [{name: 'path', value: plainValue('path', path)}],
	source: `
[ -f "$path" ] || exit 3
cat "$path"
`,
	acceptCodes: [3],
	decode: ({stdout, code}) => (code === 3 ? undefined : stdout),
});

/**
 * Takes files of ours away, and puts back what is kept of those that ours took the place of. One of these whose earlier
 * content is not beside it any more has been put back already, or was never written over: it stays. systemd reads its
 * units again where one of them was among these.
 */
export const filesTakeBack = defineScript<
	{readonly ours: readonly string[]; readonly kept: readonly string[]},
	{readonly changed: boolean}
>({
	name: 'files.take-back',
	purpose: 'removes files of ours, and puts back what was there before',
	as: 'root',
	timeoutMs: 60_000,
	fields: ({ours, kept}) => [
		{name: 'ours', value: pathLines(ours)},
		{name: 'kept', value: pathLines(kept)},
	],
	source: String.raw`${failFunction}${takeBackFunction}
changed=no
reload=no
handle() {
	"$1" "$2" || fail "$2 cannot be removed or put back."
	[ $taken = yes ] || return 0
	changed=yes
	case "$2" in
		/etc/systemd/system/*)
			reload=yes
			rmdir "${'$'}{2%/*}" 2>/dev/null || :
			;;
	esac
}
while IFS= read -r path; do
	[ -z "$path" ] || handle take_away "$path"
done <<END_OF_PATHS
$ours
END_OF_PATHS
while IFS= read -r path; do
	[ -z "$path" ] || handle put_kept_back "$path"
done <<END_OF_PATHS
$kept
END_OF_PATHS
[ $reload = no ] || systemctl daemon-reload
printf 'changed %s\n' "$changed"
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
