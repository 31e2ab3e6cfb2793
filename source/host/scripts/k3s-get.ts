import type {Role} from '../../cluster/schema.js';
import {environmentPath} from '../../plan/paths.js';
import {answerLines, plainValue} from './answer-lines.js';
import {appliedHashPath, failFunction} from './files-shell.js';
import {defineScript} from './script.js';
import {longStepSource, stepResult} from './steps.js';

/** Where a K3s release is downloaded from. */
export type Download = {
	readonly version: string;
	readonly url: string;
	readonly checksumUrl: string;
	/** The name of the binary in the checksum file, such as `k3s-arm64`. */
	readonly fileName: string;
};

/** Follows the redirect of a release channel to the release's name, from the machine itself. */
export const k3sResolveVersion = defineScript<
	{
		/** Base and name of the channel: `https://update.k3s.io/v1-release/channels/stable`. */
		readonly channelUrl: string;
		/** The URL of the cluster's proxy for the channel's scheme; may hold a password. */
		readonly proxy: string | undefined;
	},
	{readonly version: string}
>({
	name: 'k3s.resolve-version',
	purpose: 'asks the release channel for the name of its release',
	as: 'login',
	timeoutMs: 45_000,
	fields: ({channelUrl, proxy}) => [
		{name: 'url', value: plainValue('channel URL', channelUrl)},
		{name: 'proxy', value: plainValue('proxy URL', proxy ?? '')},
	],
	source: `${failFunction}
[ -z "$proxy" ] || export http_proxy="$proxy" https_proxy="$proxy"
if command -v curl >/dev/null 2>&1; then
	final=$(curl -fsSL --connect-timeout 10 --max-time 40 -o /dev/null -w '%{url_effective}' "$url" 2>&1) ||
		fail "The release channel $url gives no answer: $(printf %s "$final" | tr '\\n' ' ')"
elif command -v wget >/dev/null 2>&1; then
	final=$(wget -SqO /dev/null -T 40 "$url" 2>&1 | sed -n 's/^ *[Ll]ocation: *//p' | tail -n 1)
	final=\${final%% *}
	[ -n "$final" ] || fail "The release channel $url gives no answer."
else
	fail 'Neither curl nor wget is installed on this machine, and one of them is needed.'
fi
printf 'version %s\\n' "\${final##*/}"
`,
	decode({stdout}) {
		const version = decodeURIComponent(
			answerLines(stdout).one('version'),
		).trim();
		if (!/^v\d+\.\d+\.\d+[-+.\w]*$/.test(version)) {
			throw new Error(
				`The release channel answered "${version}", which is no K3s release.`,
			);
		}

		return {version};
	},
});

/**
 * Downloads K3s into a transient unit `k3s-mesh-download`, checks its sha256 and moves it into place. Streamed
 * lines: see `parseStepLine`. Nothing is fetched when the binary of this version is there already.
 */
export const k3sDownload = defineScript<Download, {readonly changed: boolean}>({
	name: 'k3s.download',
	purpose: 'downloads K3s, checks its sha256 and puts it into /usr/local/bin',
	as: 'root',
	timeoutMs: 3_600_000,
	fields: ({version, url, checksumUrl, fileName}) => [
		{name: 'version', value: plainValue('version', version)},
		{name: 'url', value: plainValue('URL', url)},
		{name: 'checksum_url', value: plainValue('checksum URL', checksumUrl)},
		{name: 'file_name', value: plainValue('file name', fileName)},
	],
	source: longStepSource(
		'download',
		['version', 'url', 'checksum_url', 'file_name'],
		String.raw`	[ -f "$step/done" ] || return 1
	binary="$(binary_folder)/k3s"
	[ -x "$binary" ] || return 1
	[ "$(cat "$step/done")" = "$version $(sha256_of "$binary")" ] || return 1
	printf '@result unchanged\n'`,
		`	folder=$(binary_folder)
	binary="$folder/k3s"
	part="$folder/.k3s.k3s-mesh-part"
	rm -f "$part"
	tell "@now asks for the checksum of $version"
	fetch "$checksum_url" "$step/checksums" "$step/headers" || fail "The checksums cannot be downloaded from $checksum_url$(fetch_reason "$step/headers")."
	expected=$(awk -v name="$file_name" '$2 == name || $2 == "*" name {print $1; exit}' "$step/checksums")
	[ -n "$expected" ] || fail "$checksum_url has no checksum of $file_name."
	outcome=unchanged
	if [ ! -x "$binary" ] || [ "$(sha256_of "$binary")" != "$expected" ]; then
		outcome=changed
		tell "@now downloads $version"
		room=$(df -Pk "$folder" | awk 'NR == 2 {print int($4 / 1024)}')
		: >"$step/headers"
		fetch "$url" "$part" "$step/headers" &
		fetching=$!
		while kill -0 "$fetching" 2>/dev/null; do
			total=$(tr -d '\\r' <"$step/headers" 2>/dev/null | awk 'tolower($1) == "content-length:" {size = $2} END {print size + 0}')
			size=$(stat -c %s "$part" 2>/dev/null || echo 0)
			tell "@progress $size \${total:-0}"
			sleep 0.5 2>/dev/null || sleep 1
		done
		wait "$fetching" || {
			free=$(df -Pk "$folder" | awk 'NR == 2 {print int($4 / 1024)}')
			rm -f "$part"
			[ "$free" -ge 5 ] ||
				fail "no space left in $folder: K3s needs $((\${total:-0} / 1048576)) MB there, and $room MB were free"
			fail "$url cannot be downloaded$(fetch_reason "$step/headers")."
		}
		size=$(stat -c %s "$part")
		tell "@progress $size $size"
		tell '@now checks the sha256'
		actual=$(sha256_of "$part")
		[ "$actual" = "$expected" ] || {
			rm -f "$part"
			fail "The download has another sha256 ($actual) than $checksum_url says ($expected); it was thrown away."
		}
		chmod 755 "$part"
		rm -f ${appliedHashPath}
		mv -f "$part" "$binary"
		if command -v restorecon >/dev/null 2>&1; then
			restorecon "$binary" || :
		fi
	fi
	printf '%s %s\\n' "$version" "$expected" >"$step/done"
	tell "@result $outcome"`,
	),
	decode: ({stdout}) => ({changed: stepResult(stdout)[0] === 'changed'}),
});

/**
 * What the .env file beside the unit is to hold after install.sh, which writes it anew from its own environment: the
 * lines that stood there stay as they are, and the proxy of the cluster file, which K3s gets in a file of its own, is
 * not left behind in it. Reads, in this order, our file, what stood there, and what install.sh wrote.
 */
const unitEnvironmentProgram = String.raw`
{
	name = $0
	sub(/=.*/, "", name)
	value = $0
	sub(/^[^=]*=/, "", value)
	gsub(/^["\047]|["\047]$/, "", value)
}
part == "ours" { ours[tolower(name) "=" value] = 1; next }
part == "before" { before[name] = 1; print; next }
!(name in before) && !((tolower(name) "=" value) in ours)
`;

/**
 * Fetches K3s's install.sh and runs it without download and start, in a transient unit `k3s-mesh-install`. Left
 * out when the unit file is the one that it wrote for this role and version.
 */
export const k3sInstall = defineScript<
	{readonly role: Role; readonly version: string; readonly scriptUrl: string},
	{readonly changed: boolean}
>({
	name: 'k3s.install',
	purpose: "runs K3s's own install.sh, without download and without start",
	as: 'root',
	timeoutMs: 1_800_000,
	fields: ({role, version, scriptUrl}) => [
		{name: 'role', value: role},
		{name: 'version', value: plainValue('version', version)},
		{name: 'script_url', value: plainValue('URL', scriptUrl)},
	],
	source: longStepSource(
		'install',
		['role', 'version', 'script_url'],
		String.raw`	[ "$role" = server ] && name=k3s || name=k3s-agent
	file="/etc/systemd/system/$name.service"
	[ -f "$step/done" ] && [ -f "$file" ] || return 1
	[ "$(cat "$step/done")" = "$version $role $(sha256_of "$file")" ] || return 1
	[ -x "$(binary_folder)/k3s" ] || return 1
	systemctl is-enabled --quiet "$name" || return 1
	printf '@result unchanged\n'`,
		String.raw`	folder=$(binary_folder)
	[ "$role" = server ] && name=k3s || name=k3s-agent
	file="/etc/systemd/system/$name.service"
	tell '@now fetches install.sh'
	fetch "$script_url" "$step/install.sh" "$step/headers" || fail "install.sh cannot be downloaded from $script_url$(fetch_reason "$step/headers")."
	head -n 1 "$step/install.sh" | grep -q '^#!' || fail "What $script_url answers is no script."
	# What install.sh has written itself, in a run that did not end, was not there before.
	for kept in "$file" "$file.env"; do
		if [ -f "$kept" ] && [ ! -f "$step/done" ] && [ ! -f "$step/begun" ] && [ ! -e "$kept.k3s-mesh.bak" ]; then
			cp -p "$kept" "$kept.k3s-mesh.new" || cannot_write "$kept.k3s-mesh.bak"
			mv -f "$kept.k3s-mesh.new" "$kept.k3s-mesh.bak"
		fi
	done
	# What somebody else's install.sh was given goes, as before a first run of it; kept over a run that is cut off.
	if [ -f "$step/done" ] && [ -f "$file.env" ] && [ ! -f "$step/environment" ]; then
		(umask 077 && cp "$file.env" "$step/environment.new") || cannot_write "$step/environment"
		mv -f "$step/environment.new" "$step/environment"
	fi
	: >"$step/begun"
	tell '@now runs install.sh'
	rm -f ${appliedHashPath}
	env INSTALL_K3S_SKIP_DOWNLOAD=binary INSTALL_K3S_SKIP_START=true INSTALL_K3S_BIN_DIR="$folder" \
		INSTALL_K3S_VERSION="$version" /bin/sh "$step/install.sh" "$role"
	[ -f "$file" ] || fail "install.sh ended well but wrote no $file."
	if [ -f "$file.env" ]; then
		: >>"$step/environment"
		ours=${environmentPath}
		[ -f "$ours" ] || ours=/dev/null
		(umask 077 && awk '${unitEnvironmentProgram}' \
			part=ours "$ours" part=before "$step/environment" part=after "$file.env" >"$file.env.k3s-mesh.new") ||
			cannot_write "$file.env"
		mv -f "$file.env.k3s-mesh.new" "$file.env"
	fi
	rm -f "$step/environment"
	printf '%s %s %s\n' "$version" "$role" "$(sha256_of "$file")" >"$step/done"
	tell '@result changed'`,
	),
	decode: ({stdout}) => ({changed: stepResult(stdout)[0] === 'changed'}),
});
