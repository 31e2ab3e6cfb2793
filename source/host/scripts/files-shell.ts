/**
 * Shell functions that several scripts begin with. They are text of ours; no value ever becomes part of them.
 */

/** Where all that we keep on a host lies: manifest, results of long steps, the applied hash. */
export const stateFolder = '/var/lib/k3s-mesh';

/** What the running K3s was started with; taken away by every script that changes what it should run with. */
export const appliedHashPath = `${stateFolder}/applied-hash`;

/** `fail SENTENCE`: the sentence becomes the last line of standard error, which is what people read. */
export const failFunction = String.raw`
fail() {
	printf '%s\n' "$1" >&2
	exit 1
}
`;

/** `sha256_in` hashes standard input, `sha256_of FILE` a file; coreutils, busybox or openssl. */
export const hashFunctions = `
sha256_in() {
	if command -v sha256sum >/dev/null 2>&1; then
		sha256sum | cut -d' ' -f1
	else
		openssl dgst -sha256 -r | cut -d' ' -f1
	fi
}
sha256_of() {
	sha256_in <"$1"
}
`;

/**
 * `write_file PATH MODE CONTENT KEEP`: atomically, and only when content, mode or owner differs. Sets `changed`
 * (yes or no) and `backup` (where the previous content is kept, when KEEP is yes and there was one).
 */
export const writeFunction = `
write_file() {
	changed=no
	backup=
	[ ! -d "$1" ] || fail "$1 is a folder, and a file is to be written there."
	if [ -f "$1" ] && [ ! -L "$1" ] &&
		[ "$(sha256_of "$1")" = "$(printf %s "$3" | sha256_in)" ] &&
		[ "$(stat -c %a "$1")" = "$2" ] &&
		[ "$(stat -c %u:%g "$1")" = "$(id -u):$(id -g)" ]; then
		return 0
	fi
	write_parent=\${1%/*}
	(umask 022 && mkdir -p "\${write_parent:-/}")
	write_temporary="$write_parent/.\${1##*/}.k3s-mesh.$$"
	rm -f "$write_temporary"
	(umask 077 && printf %s "$3" >"$write_temporary") || {
		rm -f "$write_temporary"
		fail "$1 cannot be written: no space left, or the file system is read-only."
	}
	chmod "$2" "$write_temporary"
	if [ "$4" = yes ] && [ -f "$1" ]; then
		backup="$1.k3s-mesh.bak"
		[ -e "$backup" ] || cp -p "$1" "$backup"
	fi
	rm -f ${appliedHashPath}
	mv -f "$write_temporary" "$1"
	changed=yes
}
`;

/** K3s's own folder is not in the path that sudo gives on every system. */
export const k3sPath = `
PATH="$PATH:/usr/local/bin:/opt/bin"
`;

/** `state_folder`: makes our folder, which only root may read. */
export const stateFolderFunction = `
state_folder() {
	[ -d ${stateFolder} ] || (umask 077 && mkdir -p ${stateFolder})
}
`;
