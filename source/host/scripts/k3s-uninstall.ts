import type {Role} from '../../cluster/schema.js';
import {k3sFolder} from '../../plan/paths.js';
import {plainValue} from './answer-lines.js';
import {takeBackFunction} from './files-shell.js';
import {unitSeparator} from './firewall-shell.js';
import {forgetNoRestartFunction} from './k3s-stop.js';
import {defineScript} from './script.js';
import {longStepSource, stepResult} from './steps.js';

/** Where the owner's part of it waits while that script runs: one move, so that no cut leaves half of it. */
export const keptFolder = '/etc/rancher/k3s-mesh-kept';

/** K3s's password and id of the node, which its script leaves. */
const nodeFolder = '/etc/rancher/node';

/** Functions of the launcher and the worker: what is left to do. */
const shared = String.raw`
[ "$role" = server ] && name=k3s || name=k3s-agent
unit_file="/etc/systemd/system/$name.service"
# for_each COMMAND PATHS
for_each() {
	each_saved=$IFS
	IFS=$separator
	set -f
	for each in $2; do
		set +f
		IFS=$each_saved
		"$1" "$each" || {
			set +f
			return 1
		}
	done
	IFS=$each_saved
	set +f
}
has_other_services() {
	for file in /etc/systemd/system/k3s*.service; do
		case "${'$'}{file##*/}" in
			"$name.service" | k3s-mesh-*.service) ;;
			*) [ ! -e "$file" ] || return 0 ;;
		esac
	done
	return 1
}
`;

const joined = (paths: readonly string[]): string =>
	paths.map((path) => plainValue('path', path)).join(unitSeparator);

/**
 * Runs K3s's own uninstall script in a transient unit `k3s-mesh-uninstall`, and gives back what it would take of the
 * owner's: their files in /etc/rancher/k3s, and the routes that Tailscale offers, which K3s's script empties
 * (install.sh, `create_killall`). Our own units must be gone before: the script takes each `k3s*.service` for another
 * K3s, and leaves everything then.
 */
export const k3sUninstall = defineScript<
	{
		readonly role: Role;
		/** Files of ours in K3s's folder. */
		readonly ours: readonly string[];
		/** Files there whose earlier content is kept beside them. */
		readonly kept: readonly string[];
		/** CIDRs that Tailscale offers for K3s: they are not given back. */
		readonly podRoutes: readonly string[];
	},
	{readonly changed: boolean}
>({
	name: 'k3s.uninstall',
	purpose:
		"runs K3s's own uninstall script, and keeps what is the owner's in its folder and in Tailscale",
	as: 'root',
	timeoutMs: 1_800_000,
	fields: ({role, ours, kept, podRoutes}) => [
		{name: 'role', value: role},
		{name: 'separator', value: unitSeparator},
		{name: 'ours', value: joined(ours)},
		{name: 'kept', value: joined(kept)},
		{
			name: 'pod_routes',
			value: podRoutes.map((route) => plainValue('route', route)).join(','),
		},
	],
	source: longStepSource(
		'uninstall',
		['role', 'separator', 'ours', 'kept', 'pod_routes'],
		String.raw`${shared}
	is_gone() { [ ! -e "$1" ]; }
	is_back() { [ ! -e "$1.k3s-mesh.bak" ]; }
	[ ! -e "$unit_file" ] && [ ! -e ${keptFolder} ] && [ ! -e "$step/routes" ] || return 1
	for_each is_gone "$ours" && for_each is_back "$kept" || return 1
	for folder in /usr/local/bin /opt/bin; do
		[ ! -e "$folder/$name-uninstall.sh" ] || return 1
		has_other_services || [ ! -e "$folder/k3s-killall.sh" ] || return 1
	done
	has_other_services || [ ! -e ${nodeFolder} ] || return 1
	printf '@result unchanged\n'`,
		String.raw`${shared}${takeBackFunction}${forgetNoRestartFunction}
	offered() {
		tailscale debug prefs 2>/dev/null | tr -d ' \t\n' | sed -n 's/.*"AdvertiseRoutes":\[\([^]]*\)\].*/\1/p' | tr -d '"'
	}
	# Once: what is offered after K3s's script has run is nothing any more.
	save_routes() {
		command -v tailscale >/dev/null 2>&1 || return 0
		[ ! -f "$step/routes" ] || return 0
		tailscale debug prefs >/dev/null 2>&1 || return 0
		routes=
		for route in $(offered | tr ',' ' '); do
			case ",$pod_routes," in
				*",$route,"*) ;;
				*) routes="${'$'}{routes:+$routes,}$route" ;;
			esac
		done
		printf '%s\n' "$routes" >"$step/routes.new"
		mv -f "$step/routes.new" "$step/routes"
	}
	restore_routes() {
		[ -f "$step/routes" ] || return 0
		routes=$(cat "$step/routes")
		if [ "$(offered)" != "$routes" ]; then
			tell '@now has Tailscale offer the routes again that it offered before'
			said=$(tailscale set --advertise-routes="$routes" 2>&1) ||
				fail "Tailscale does not take its routes back ($routes): $(printf '%s\n' "$said" | tail -n 1)"
		fi
		rm -f "$step/routes"
	}
	# What is there already is newer than what was kept.
	put_back() {
		[ -e ${keptFolder} ] || [ -L ${keptFolder} ] || return 0
		if [ ! -e ${k3sFolder} ]; then
			mv ${keptFolder} ${k3sFolder}
			return 0
		fi
		(cd ${keptFolder} && find . -type d) | while IFS= read -r part; do
			[ -d "${k3sFolder}/$part" ] || mkdir -p "${k3sFolder}/$part"
		done
		(cd ${keptFolder} && find . ! -type d) | while IFS= read -r part; do
			if [ -e "${k3sFolder}/$part" ]; then
				mv -f "${keptFolder}/$part" "${k3sFolder}/$part.k3s-mesh-kept"
			else
				mv -f "${keptFolder}/$part" "${k3sFolder}/$part"
			fi
		done
		rm -rf ${keptFolder}
	}
	tell '@now stops K3s'
	systemctl disable --quiet "$name.service" || :
	[ ! -e "$unit_file" ] || systemctl stop "$name.service" || fail "systemd does not stop $name."
	save_routes
	put_back
	for_each take_away "$ours"
	for_each put_kept_back "$kept"
	# K3s writes it itself.
	rm -f ${k3sFolder}/k3s.yaml
	rmdir ${k3sFolder}/config.yaml.d 2>/dev/null || :
	if [ -e ${k3sFolder} ] && ! rmdir ${k3sFolder} 2>/dev/null; then
		mv ${k3sFolder} ${keptFolder} ||
			fail '${k3sFolder} cannot be moved aside: if it is a file system of its own, unmount it first.'
	fi
	for folder in /usr/local/bin /opt/bin; do
		script="$folder/$name-uninstall.sh"
		[ -e "$script" ] || continue
		tell "@now runs K3s's own $name-uninstall.sh"
		"$script" || tell "$name-uninstall.sh ended with exit code $?."
	done
	[ ! -e "$unit_file" ] ||
		fail "$unit_file is still there, and K3s's own $name-uninstall.sh is missing or has not removed it."
	if has_other_services; then
		tell "Another service of K3s is on this machine: K3s's script leaves its programs and its data for that one."
	else
		for folder in /usr/local/bin /opt/bin; do
			# What a download or an install that was cut off had put there.
			if [ -f ${'$'}{step%/*}/download/done ] && [ -f "$folder/k3s" ] &&
				[ "$(cut -d ' ' -f 2 ${'$'}{step%/*}/download/done)" = "$(sha256_of "$folder/k3s")" ]; then
				rm -f "$folder/k3s"
			fi
			rm -f "$folder/.k3s.k3s-mesh-part" "$folder/k3s-killall.sh"
			for link in kubectl crictl ctr; do
				[ "$(readlink "$folder/$link" 2>/dev/null)" != k3s ] || rm -f "$folder/$link"
			done
		done
		rm -rf ${nodeFolder}
		[ ! -e /var/lib/rancher/k3s ] ||
			tell '/var/lib/rancher/k3s is still there: K3s leaves what is a file system of its own.'
		rmdir /var/lib/rancher 2>/dev/null || :
	fi
	put_back
	rmdir /etc/rancher 2>/dev/null || :
	restore_routes
	forget_no_restart "$name"
	systemctl daemon-reload
	tell '@result changed'`,
	),
	decode: ({stdout}) => ({changed: stepResult(stdout)[0] === 'changed'}),
});
