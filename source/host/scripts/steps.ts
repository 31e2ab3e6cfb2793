import {environmentPath} from '../../plan/paths.js';
import {
	failFunction,
	hashFunctions,
	k3sPath,
	roomFunctions,
	stateFolder,
	stateFolderFunction,
} from './files-shell.js';

/** The long steps: each runs as the transient unit `k3s-mesh-NAME`, so that it outlives our connection. */
export type LongStep = 'download' | 'install' | 'tailscale' | 'uninstall';

/** What a long step tells while it runs. */
export type StepLine =
	| {
			readonly kind: 'progress';
			readonly doneBytes: number;
			/** `undefined` while the server has not told the size. */
			readonly totalBytes: number | undefined;
	  }
	/** What it does now, for people. */
	| {readonly kind: 'now'; readonly text: string}
	/** Output of the programs that it runs. */
	| {readonly kind: 'log'; readonly text: string}
	/** The result; read by `decode`. */
	| {readonly kind: 'result'};

/** Reads one line of a streamed long step: `@progress DONE TOTAL`, `@now TEXT`, `@result …`, anything else is log. */
export const parseStepLine = (line: string): StepLine => {
	const progress = /^@progress (\d+) (\d+)$/.exec(line);
	if (progress) {
		const total = Number(progress[2]);
		return {
			kind: 'progress',
			doneBytes: Number(progress[1]),
			totalBytes: total === 0 ? undefined : total,
		};
	}

	if (line.startsWith('@now ')) {
		return {kind: 'now', text: line.slice('@now '.length)};
	}

	return line.startsWith('@result ')
		? {kind: 'result'}
		: {kind: 'log', text: line};
};

/** The fields of the last `@result` line of a long step. Throws when it gave none. */
export const stepResult = (stdout: string): readonly string[] => {
	const line = stdout
		.split('\n')
		.findLast((text) => text.startsWith('@result '));
	if (line === undefined) {
		throw new Error('The step ended without saying how.');
	}

	return line.slice('@result '.length).split(' ');
};

/** Functions that the launcher and the worker of every long step share. */
const sharedFunctions = `${failFunction}${hashFunctions}${roomFunctions}${k3sPath}
# The rule of K3s's install.sh: /opt/bin where /usr/local/bin cannot be written.
binary_folder() {
	if [ -w /usr/local/bin ]; then
		echo /usr/local/bin
	elif [ -d /opt/bin ]; then
		echo /opt/bin
	else
		fail '/usr/local/bin cannot be written on this machine, and there is no /opt/bin.'
	fi
}
# fetch URL FILE HEADERS; what curl says about it is kept for fetch_reason (wget says nothing when it is quiet).
fetch() {
	case "$1" in
		file://*)
			cp -- "\${1#file://}" "$2"
			return
			;;
	esac
	if command -v curl >/dev/null 2>&1; then
		curl -fsSL --connect-timeout 20 --speed-limit 1 --speed-time 60 --retry 2 -D "$3" -o "$2" "$1" 2>"$3.said"
	elif command -v wget >/dev/null 2>&1; then
		wget -q -T 60 -O "$2" "$1"
	else
		fail 'Neither curl nor wget is installed on this machine, and one of them is needed.'
	fi
}
# fetch_reason HEADERS: why the last fetch with these headers failed, to stand behind a sentence.
fetch_reason() {
	if ! has_room "\${1%/*}"; then
		printf ': no space left on this machine'
	elif [ -s "$1.said" ]; then
		printf ': %s' "$(sed -n '$s/^curl: ([0-9]*) //; $p' "$1.said")"
	fi
}
`;

/**
 * The source of a long step. It looks whether the work is done already (`already`, a shell command that prints its
 * `@result` line and succeeds then), attaches to the step when it runs with the same inputs, waits for one with
 * other inputs to end, and starts it otherwise. The worker is constant text of ours; its inputs lie beside it in
 * files that only root may read.
 *
 * Files of a step, in `/var/lib/k3s-mesh/steps/NAME/`: `inputs` (a line each), `worker`, `lines` (what it tells),
 * `result` (its exit code, written last).
 */
export const longStepSource = (
	step: LongStep,
	inputs: readonly string[],
	already: string,
	worker: string,
): string => {
	const folder = `${stateFolder}/steps/${step}`;
	const unit = `k3s-mesh-${step}.service`;
	const readInputs = `{
${inputs.map((name) => `\tIFS= read -r ${name}`).join('\n')}
} <${folder}/inputs`;
	return `${sharedFunctions}${stateFolderFunction}
umask 077
step=${folder}
unit=${unit}
already() {
${already}
}
wanted_inputs() {
${inputs.map((name) => `\tprintf '%s\\n' "$${name}"`).join('\n')}
}
unit_runs() {
	case "$(systemctl show -p ActiveState "$unit" 2>/dev/null)" in
		*=active | *=activating | *=deactivating) return 0 ;;
		*) return 1 ;;
	esac
}
start_worker() {
	rm -f "$step/result" "$step/lines"
	: >"$step/lines"
	wanted_inputs >"$step/inputs"
	cat >"$step/worker" <<'END_OF_WORKER'
${sharedFunctions}
set -eu
umask 022
step=${folder}
${readInputs}
tell() {
	printf '%s\\n' "$1" >>"$step/lines"
}
# Of the two spellings Go reads the great one first; curl knows the small one only where plain HTTP is meant.
[ -z "\${HTTP_PROXY:-}" ] || export http_proxy="$HTTP_PROXY"
[ -z "\${HTTPS_PROXY:-}" ] || export https_proxy="$HTTPS_PROXY"
[ -z "\${NO_PROXY:-}" ] || export no_proxy="$NO_PROXY"
work() {
${worker}
}
exec 9>>${stateFolder}/steps/work.lock
flock 9
set +e
(
	set -e
	work
) </dev/null >>"$step/lines" 2>&1 9>&-
code=$?
set -e
printf '%s\\n' "$code" >"$step/result.new"
mv -f "$step/result.new" "$step/result"
END_OF_WORKER
	systemctl reset-failed "$unit" 2>/dev/null || :
	# A unit does not get what logins get from there, such as the address of a proxy.
	systemd-run --quiet --collect --unit="$unit" --description='k3s-mesh: ${step}' \\
		--property=EnvironmentFile=-/etc/environment --property=EnvironmentFile=-${environmentPath} \\
		--property=RuntimeMaxSec=3600 /bin/sh "$step/worker" 8>&-
}
# show_new: what was told since the last look.
shown=0
show_new() {
	[ -f "$step/lines" ] || return 0
	lines=$(wc -l <"$step/lines")
	[ "$lines" -gt "$shown" ] || return 0
	sed -n "$((shown + 1)),\${lines}p" "$step/lines"
	shown=$lines
}
for program in systemd-run flock; do
	command -v $program >/dev/null 2>&1 || fail "$program is not installed on this machine, and the install needs it."
done
state_folder
has_room ${stateFolder} || fail 'no space left in ${stateFolder}: the ${step} needs some there.'
mkdir -p "$step"
exec 8>>${stateFolder}/steps/launch.lock
flock 8
if unit_runs; then
	if wanted_inputs | cmp -s - "$step/inputs"; then
		printf '@now goes on with the ${step} that an earlier run started\\n'
	else
		printf '@now waits for another ${step} on this machine to end\\n'
		while unit_runs; do
			sleep 1
		done
		if already; then
			exit 0
		fi
		start_worker
	fi
else
	if already; then
		exit 0
	fi
	start_worker
fi
flock -u 8
while :; do
	show_new
	[ ! -s "$step/result" ] || break
	if ! unit_runs && [ ! -s "$step/result" ]; then
		has_room "$step" || fail 'no space left in ${stateFolder}: the ${step} ended before its time.'
		fail 'The ${step} on this machine was cut off before its end.'
	fi
	sleep 0.5 2>/dev/null || sleep 1
done
show_new
code=$(cat "$step/result")
if [ "$code" != 0 ]; then
	grep -v '^@' "$step/lines" | tail -n 20 >&2
	exit 1
fi
`;
};
