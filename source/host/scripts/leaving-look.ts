import type {Role} from '../../cluster/schema.js';
import {k3sFolder} from '../../plan/paths.js';
import type {Remains} from '../../plan/leaving/remains.js';
import {answerLines, wholeNumber} from './answer-lines.js';
import {stateFolder} from './files-shell.js';
import {keptFolder} from './k3s-uninstall.js';
import {defineScript} from './script.js';

/** What of K3s and of ours is on a machine, besides what our list has. */
export type LeavingLook = Omit<Remains, 'listed'>;

const roleOf = (name: string): Role => (name === 'k3s' ? 'server' : 'agent');

/** Looks at what giving a machine back would take away, and what would stay. Changes nothing. */
export const leavingLook = defineScript<Record<string, never>, LeavingLook>({
	name: 'leaving.look',
	purpose: 'reads what of K3s and of ours is on this machine; changes nothing',
	as: 'root',
	timeoutMs: 45_000,
	fields: () => [],
	source: String.raw`
for name in k3s k3s-agent; do
	[ ! -e "/etc/systemd/system/$name.service" ] || printf 'unit %s\n' "$name"
	[ ! -e "/etc/systemd/system/$name.service.k3s-mesh.bak" ] || printf 'before %s\n' "$name"
	for folder in /usr/local/bin /opt/bin; do
		[ ! -e "$folder/$name-uninstall.sh" ] || printf 'uninstaller %s\n' "$name"
	done
done
for file in /etc/systemd/system/k3s*.service; do
	name=${'$'}{file##*/}
	case "$name" in
		k3s.service | k3s-agent.service | k3s-mesh-*.service | 'k3s*.service') ;;
		*) printf 'other %s\n' "$name" ;;
	esac
done
for folder in ${k3sFolder} ${keptFolder}; do
	[ -d "$folder" ] || continue
	(cd "$folder" && find . ! -type d) | sed -n 's|^\./|file |p'
done
if [ -d /var/lib/rancher/k3s/storage ]; then
	printf 'volumes %s\n' "$(find /var/lib/rancher/k3s/storage -mindepth 1 -maxdepth 1 | wc -l)"
fi
if [ -d /var/lib/rancher/k3s/server/db/etcd ]; then
	echo 'datastore etcd'
else
	for file in /var/lib/rancher/k3s/server/db/state.*; do
		[ ! -f "$file" ] || {
			echo 'datastore sqlite'
			break
		}
	done
fi
[ ! -e ${keptFolder} ] || echo 'aside yes'
[ ! -d ${stateFolder} ] || echo 'folder yes'
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const datastore = answer.optional('datastore');
		return {
			units: answer.all('unit').map((name) => roleOf(name)),
			uninstallers: answer.all('uninstaller').map((name) => roleOf(name)),
			wasThereBefore: answer.all('before').length > 0,
			hasSetAside: answer.optional('aside') === 'yes',
			otherServices: answer.all('other'),
			configFiles: answer.all('file').map((file) => `${k3sFolder}/${file}`),
			volumes: wholeNumber((answer.optional('volumes') ?? '0').trim()),
			datastore:
				datastore === 'etcd' || datastore === 'sqlite' ? datastore : undefined,
			hasFolder: answer.optional('folder') === 'yes',
		};
	},
});
