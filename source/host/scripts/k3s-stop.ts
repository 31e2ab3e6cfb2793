import type {Role} from '../../cluster/schema.js';
import {answerLines} from './answer-lines.js';
import {failFunction, stateFolder} from './files-shell.js';
import {forgetFunction} from './firewall-worker.js';
import {defineScript} from './script.js';

/** Steps of ours that may be under way still, each in a transient unit. */
const transientUnits = ['download', 'install', 'tailscale', 'verify-pod'];

/** Where the drop-in lies that keeps K3s from being started again; it is gone with the next boot. */
const noRestartPath = (unit: string): string =>
	`/run/systemd/system/${unit}.service.d/k3s-mesh-leaving.conf`;

/** `forget_no_restart UNIT`: takes that drop-in away. */
export const forgetNoRestartFunction = String.raw`
forget_no_restart() {
	[ -f "${noRestartPath('$1')}" ] || return 0
	rm -f "${noRestartPath('$1')}"
	rmdir "/run/systemd/system/$1.service.d" 2>/dev/null || :
	systemctl daemon-reload
}
`;

/**
 * Ends what of ours is under way on a machine, and K3s with it, which does not start at the next boot any more.
 *
 * `no-restart` lets K3s run on, but not start again: a server whose member etcd takes out ends by itself, and one that
 * systemd then starts anew would join again (https://docs.k3s.io/datastore/backup-restore, k3s pkg/etcd).
 */
export const k3sStop = defineScript<
	{readonly role: Role; readonly how: 'stop' | 'no-restart'},
	{readonly changed: boolean}
>({
	name: 'k3s.stop',
	purpose: 'stops K3s, or only keeps it from being started again',
	as: 'root',
	timeoutMs: 300_000,
	fields: ({role, how}) => [
		{name: 'role', value: role},
		{name: 'how', value: how},
	],
	source: String.raw`${failFunction}${forgetFunction}
[ "$role" = server ] && unit=k3s || unit=k3s-agent
changed=no
is_active() {
	case "$(systemctl show -p ActiveState "$1" 2>/dev/null)" in
		*=active | *=activating | *=deactivating | *=reloading) return 0 ;;
		*) return 1 ;;
	esac
}
for step in ${transientUnits.join(' ')}; do
	if is_active "k3s-mesh-$step.service"; then
		changed=yes
		systemctl stop "k3s-mesh-$step.service" || :
	fi
done
if [ -d ${stateFolder}/rollback ]; then
	changed=yes
	forget_rollback
	rm -rf ${stateFolder}/rollback
fi
if [ -e "/etc/systemd/system/$unit.service" ]; then
	if systemctl is-enabled --quiet "$unit.service" 2>/dev/null; then
		changed=yes
		systemctl disable --quiet "$unit.service" || fail "systemd does not disable $unit."
	fi
	dropin="${noRestartPath('$unit')}"
	if [ "$how" = no-restart ] && [ ! -f "$dropin" ]; then
		changed=yes
		mkdir -p "${'$'}{dropin%/*}"
		printf '[Service]\nRestart=no\n' >"$dropin"
		systemctl daemon-reload
	fi
	if [ "$how" = stop ] && is_active "$unit.service"; then
		changed=yes
		systemctl stop "$unit.service" || fail "systemd does not stop $unit."
	fi
fi
printf 'changed %s\n' "$changed"
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
