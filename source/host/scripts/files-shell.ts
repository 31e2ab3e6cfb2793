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

/**
 * `has_room FOLDER`: is there a MiB left for us? `cannot_write FILE`: ends with the sentence that says why FILE could
 * not be written, as far as that can be told.
 */
export const roomFunctions = `
has_room() {
	room_left=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 {print $4}')
	[ "\${room_left:-1024}" -ge 1024 ]
}
cannot_write() {
	has_room "\${1%/*}" || fail "$1 cannot be written: no space left on that disk."
	fail "$1 cannot be written: the file system there may be read-only."
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
 * (yes or no) and `backup` (where the previous content is kept, when KEEP is yes and there was one). What an earlier
 * writing of the same file left when its machine lost power goes.
 */
export const writeFunction = `${roomFunctions}
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
	rm -f "$write_parent/.\${1##*/}.k3s-mesh."*
	(umask 077 && printf %s "$3" >"$write_temporary") || {
		rm -f "$write_temporary"
		cannot_write "$1"
	}
	chmod "$2" "$write_temporary"
	if [ "$4" = yes ] && [ -f "$1" ]; then
		backup="$1.k3s-mesh.bak"
		if [ ! -e "$backup" ]; then
			cp -p "$1" "$write_temporary.bak" || {
				rm -f "$write_temporary" "$write_temporary.bak"
				cannot_write "$backup"
			}
			mv -f "$write_temporary.bak" "$backup"
		fi
	fi
	rm -f ${appliedHashPath}
	mv -f "$write_temporary" "$1"
	changed=yes
}
`;

/**
 * `take_away PATH`: removes a file of ours. `put_kept_back PATH`: puts back what a file of ours took the place of; where
 * nothing is kept beside it, it stays as it is. Both take away what a writing that was cut off left, and set `taken`.
 */
export const takeBackFunction = String.raw`
take_away() {
	taken=no
	rm -f "${'$'}{1%/*}/.${'$'}{1##*/}.k3s-mesh."*
	[ -e "$1" ] || [ -L "$1" ] || return 0
	taken=yes
	rm -f "$1"
}
put_kept_back() {
	taken=no
	rm -f "${'$'}{1%/*}/.${'$'}{1##*/}.k3s-mesh."*
	[ -e "$1.k3s-mesh.bak" ] || return 0
	taken=yes
	mv -f "$1.k3s-mesh.bak" "$1"
}
`;

/** `free_megabytes FOLDER`: how much can be written there. */
export const writableFunction = String.raw`
free_megabytes() {
	df -Pk "$1" | awk 'NR == 2 {print int($4 / 1024)}'
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
