import type {StepAction} from '../../plan/plan.js';
import {plainValue} from './answer-lines.js';
import {defineScript} from './script.js';
import {longStepSource, stepResult} from './steps.js';

/** Where Tailscale comes from. */
export type TailscaleSource = Extract<
	StepAction,
	{readonly kind: 'tailscale-install'}
>['from'];

/**
 * Installs Tailscale in a transient unit `k3s-mesh-tailscale`: by its own install script, or from its static archive,
 * whose sha256 is compared. A Tailscale that is there is left alone. The index of the archives, their names and their
 * checksum files: https://pkgs.tailscale.com/stable/?mode=json.
 */
export const tailscaleInstall = defineScript<
	TailscaleSource,
	{readonly changed: boolean}
>({
	name: 'tailscale.install',
	purpose:
		'installs Tailscale where it is missing, by its own script or from its static archive',
	as: 'root',
	timeoutMs: 1_800_000,
	fields: (from) => [
		{name: 'method', value: from.method},
		{name: 'url', value: plainValue('URL', from.url)},
		{
			name: 'architecture',
			value:
				from.method === 'archive'
					? plainValue('architecture', from.architecture)
					: '',
		},
	],
	source: longStepSource(
		'tailscale',
		['method', 'url', 'architecture'],
		String.raw`	command -v tailscale >/dev/null 2>&1 && command -v tailscaled >/dev/null 2>&1 || return 1
	systemctl cat tailscaled.service >/dev/null 2>&1 || return 1
	printf '@result unchanged\n'`,
		String.raw`	if [ "$method" = script ]; then
		tell "@now fetches Tailscale's install script"
		fetch "$url" "$step/install.sh" "$step/headers" || fail "Tailscale's install script cannot be downloaded from $url$(fetch_reason "$step/headers")."
		head -n 1 "$step/install.sh" | grep -q '^#!' || fail "What $url answers is no script."
		tell "@now runs Tailscale's install script"
		/bin/sh "$step/install.sh"
		command -v tailscale >/dev/null 2>&1 || fail "Tailscale's install script ended well but installed no tailscale."
	else
		command -v tar >/dev/null 2>&1 || fail 'tar is not installed on this machine, and the archive of Tailscale needs it.'
		tell '@now asks for the newest release of Tailscale'
		fetch "$url/?mode=json" "$step/index" "$step/headers" || fail "The list of Tailscale's archives cannot be downloaded from $url$(fetch_reason "$step/headers")."
		name=$(tr -d '\n\t ' <"$step/index" | sed -n 's/.*"Tarballs":{\([^}]*\)}.*/\1/p' | tr ',' '\n' | sed -n "s/^\"$architecture\":\"\(.*\)\"\$/\1/p")
		case "$name" in
			'') fail "$url has no archive of Tailscale for $architecture." ;;
			*[!A-Za-z0-9._-]*) fail "$url names an archive of Tailscale that cannot be one." ;;
		esac
		fetch "$url/$name.sha256" "$step/checksum" "$step/headers" || fail "The checksum of Tailscale cannot be downloaded from $url/$name.sha256$(fetch_reason "$step/headers")."
		expected=$(cut -c 1-64 "$step/checksum")
		part="$step/archive"
		rm -rf "$part" "$step/unpacked"
		tell "@now downloads $name"
		: >"$step/headers"
		fetch "$url/$name" "$part" "$step/headers" &
		fetching=$!
		while kill -0 "$fetching" 2>/dev/null; do
			total=$(tr -d '\r' <"$step/headers" 2>/dev/null | awk 'tolower($1) == "content-length:" {size = $2} END {print size + 0}')
			size=$(stat -c %s "$part" 2>/dev/null || echo 0)
			tell "@progress $size ${'$'}{total:-0}"
			sleep 0.5 2>/dev/null || sleep 1
		done
		wait "$fetching" || {
			reason=$(fetch_reason "$step/headers")
			rm -f "$part"
			fail "$url/$name cannot be downloaded$reason."
		}
		tell '@now checks the sha256'
		actual=$(sha256_of "$part")
		[ "$actual" = "$expected" ] || {
			rm -f "$part"
			fail "The archive of Tailscale has another sha256 ($actual) than $url/$name.sha256 says ($expected); it was thrown away."
		}
		tell '@now unpacks Tailscale'
		mkdir "$step/unpacked"
		tar -xzf "$part" -C "$step/unpacked"
		unpacked="$step/unpacked/${'$'}{name%.tgz}"
		[ -f "$unpacked/tailscaled" ] && [ -f "$unpacked/tailscale" ] && [ -f "$unpacked/systemd/tailscaled.service" ] ||
			fail "The archive $name has not the files that were expected."
		daemons=/usr/sbin
		programs=/usr/bin
		# Where the system's own folders cannot be written, programs of its owner go elsewhere.
		if ! [ -w /usr/sbin ] || ! touch /usr/sbin/.k3s-mesh-try 2>/dev/null; then
			daemons=$(binary_folder)
			programs=$daemons
		fi
		rm -f /usr/sbin/.k3s-mesh-try
		place() {
			cp "$1" "$3/.$2.k3s-mesh-part" || cannot_write "$3/$2"
			chmod "$4" "$3/.$2.k3s-mesh-part"
			mv -f "$3/.$2.k3s-mesh-part" "$3/$2"
			if command -v restorecon >/dev/null 2>&1; then
				restorecon "$3/$2" || :
			fi
		}
		place "$unpacked/tailscaled" tailscaled "$daemons" 755
		place "$unpacked/tailscale" tailscale "$programs" 755
		if [ ! -e /etc/default/tailscaled ]; then
			mkdir -p /etc/default
			place "$unpacked/systemd/tailscaled.defaults" tailscaled /etc/default 644
		fi
		sed "s|/usr/sbin/tailscaled|$daemons/tailscaled|" "$unpacked/systemd/tailscaled.service" >"$step/tailscaled.service"
		place "$step/tailscaled.service" tailscaled.service /etc/systemd/system 644
		rm -rf "$part" "$step/unpacked"
		systemctl daemon-reload
	fi
	tell '@now starts tailscaled'
	systemctl enable --now tailscaled.service || fail 'tailscaled does not start: "journalctl -u tailscaled" on this machine says why.'
	tell '@result changed'`,
	),
	decode: ({stdout}) => ({changed: stepResult(stdout)[0] === 'changed'}),
});
