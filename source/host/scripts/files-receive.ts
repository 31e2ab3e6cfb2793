import {answerLines, plainValue} from './answer-lines.js';
import {failFunction, hashFunctions, writableFunction} from './files-shell.js';
import {defineScript} from './script.js';

/** A large file that is sent to a host. */
export type FileToReceive = {
	/** Absolute. Its folder is made when it is missing. */
	readonly path: string;
	/** Such as 0o755. */
	readonly mode: number;
	readonly bytes: number;
	/** Hexadecimal. */
	readonly sha256: string;
};

/** The line that says how many bytes are there already, from an attempt that was cut off. */
export const haveLine = /^have (?<bytes>\d+)$/;

/**
 * Takes a large file from standard input: says how many bytes an earlier attempt has left (`have N`), takes the rest,
 * compares the sha256 and moves it into place. What has arrived stays beside it, under a name that holds its sha256,
 * when the connection goes: the next attempt goes on there. A file that is there already is not sent again.
 */
export const filesReceive = defineScript<
	FileToReceive,
	{readonly changed: boolean}
>({
	name: 'files.receive',
	purpose: 'takes a large file, checks its sha256 and puts it into place',
	as: 'root',
	timeoutMs: 3_600_000,
	fields: ({path, mode, bytes, sha256}) => [
		{name: 'path', value: plainValue('path', path)},
		{name: 'mode', value: mode.toString(8)},
		{name: 'bytes', value: String(bytes)},
		{name: 'sha256', value: plainValue('sha256', sha256)},
	],
	source: String.raw`${failFunction}${hashFunctions}${writableFunction}
folder=$(dirname -- "$path")
name=$(basename -- "$path")
if [ -f "$path" ] && [ "$(sha256_of "$path")" = "$sha256" ]; then
	chmod "$mode" "$path"
	printf 'have %s\nchanged no\n' "$bytes"
	exit 0
fi
(umask 022 && mkdir -p -- "$folder")
part="$folder/.$name.k3s-mesh-$sha256"
for old in "$folder/.$name.k3s-mesh-"*; do
	[ "$old" = "$part" ] || rm -f -- "$old"
done
have=0
[ ! -f "$part" ] || have=$(stat -c %s "$part")
if [ "$have" -gt "$bytes" ]; then
	rm -f -- "$part"
	have=0
fi
missing=$(((bytes - have) / 1048576 + 1))
room=$(free_megabytes "$folder")
[ "$room" -ge "$missing" ] ||
	fail "no space left in $folder: $name needs $missing MB more there, and $room MB are free"
printf 'have %s\n' "$have"
(umask 077 && cat >>"$part") || fail "$path cannot be written: no space left, or the file system is read-only."
size=$(stat -c %s "$part")
[ "$size" -ge "$bytes" ] || fail "Only $size of $bytes bytes of $name have arrived; the next attempt goes on there."
actual=$(sha256_of "$part")
[ "$actual" = "$sha256" ] || {
	rm -f -- "$part"
	fail "What has arrived of $name has another sha256 ($actual) than was sent ($sha256); it was thrown away."
}
chmod "$mode" "$part"
mv -f -- "$part" "$path"
if command -v restorecon >/dev/null 2>&1; then
	restorecon "$path" || :
fi
printf 'changed yes\n'
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
