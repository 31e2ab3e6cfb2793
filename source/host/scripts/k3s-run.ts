import type {Role} from '../../cluster/schema.js';
import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {
	appliedHashPath,
	failFunction,
	hashFunctions,
	roomFunctions,
	stateFolderFunction,
} from './files-shell.js';
import {defineScript} from './script.js';

/** What systemd says about the unit of K3s. */
export type UnitState = {
	/** `ActiveState`: active, activating, deactivating, inactive, failed. */
	readonly activeState: string;
	/** `SubState`, such as `running`, `start` or `auto-restart`. */
	readonly subState: string;
	/** `NRestarts`: how often systemd has restarted it by itself. */
	readonly restarts: number;
	/** 0 when none runs. */
	readonly mainPid: number;
};

const unitOfRole = `
[ "$role" = server ] && unit=k3s.service || unit=k3s-agent.service
`;

const showState = `
show_state() {
	systemctl show -p ActiveState -p SubState -p NRestarts -p MainPID "$unit" | awk -F= '
		{value[$1] = $2}
		END {print "@state", value["ActiveState"], value["SubState"], value["NRestarts"] + 0, value["MainPID"] + 0}'
}
`;

const readState = (line: string): UnitState => {
	const [, activeState = '', subState = '', restarts = '', mainPid = ''] =
		line.split(' ');
	return {
		activeState,
		subState,
		restarts: wholeNumber(restarts),
		mainPid: wholeNumber(mainPid),
	};
};

/** What starting did. */
export type Started = {
	/** Was it restarted? Not when the running process was started with just this. */
	readonly restarted: boolean;
	/** sha256 over the version and the files; K3s now runs, or is being started, with it. */
	readonly appliedHash: string;
	/** The host's clock just before, in seconds since 1970: its journal is of interest from there on. */
	readonly sinceUnix: number;
};

/** Restarts the unit, without waiting, when what runs was not started with what is on disk. */
export const k3sStart = defineScript<
	{
		readonly role: Role;
		readonly version: string;
		/** Files that decide about a restart, besides K3s's own config files, which always do. */
		readonly configFiles: readonly string[];
	},
	Started
>({
	name: 'k3s.start',
	purpose:
		'restarts K3s, without waiting, when it was not started with what is on disk now',
	as: 'root',
	timeoutMs: 60_000,
	fields: ({role, version, configFiles}) => [
		{name: 'role', value: role},
		{name: 'version', value: plainValue('version', version)},
		{
			name: 'files',
			value: configFiles.map((path) => plainValue('path', path)).join('\n'),
		},
	],
	source: String.raw`${failFunction}${hashFunctions}${roomFunctions}${stateFolderFunction}${unitOfRole}
what_is_there() {
	printf '%s\n' "$role $version"
	{
		printf '%s\n' "$files"
		for path in /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*.yaml /etc/rancher/k3s/config.yaml.d/*.yml; do
			printf '%s\n' "$path"
		done
	} | sort -u | while IFS= read -r path; do
		[ ! -f "$path" ] || printf '%s %s\n' "$(sha256_of "$path")" "$path"
	done
}
hash=$(what_is_there | sha256_in)
printf 'hash %s\nsince %s\n' "$hash" "$(date +%s)"
state=$(systemctl show -p ActiveState "$unit")
case "$state" in
	*=active | *=activating | *=reloading) runs=yes ;;
	*) runs=no ;;
esac
if [ $runs = yes ] && [ -f ${appliedHashPath} ] && [ "$(cat ${appliedHashPath})" = "$hash" ]; then
	printf 'restarted no\n'
	exit 0
fi
systemctl daemon-reload
systemctl reset-failed "$unit" 2>/dev/null || :
before=$(systemctl show -p InvocationID "$unit")
systemctl restart --no-block "$unit" || fail "systemd does not start $unit."
# The old process still counts as active for a moment; nobody must take it for the new one.
tries=0
while [ "$tries" -lt 100 ] && [ "$(systemctl show -p ActiveState "$unit")" = ActiveState=active ] &&
	[ "$(systemctl show -p InvocationID "$unit")" = "$before" ]; do
	tries=$((tries + 1))
	sleep 0.2 2>/dev/null || sleep 1
done
state_folder
(umask 077 && printf '%s\n' "$hash" >${appliedHashPath}.new) || {
	rm -f ${appliedHashPath}.new
	cannot_write ${appliedHashPath}
}
mv -f ${appliedHashPath}.new ${appliedHashPath}
printf 'restarted yes\n'
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return {
			restarted: answer.one('restarted') === 'yes',
			appliedHash: answer.one('hash'),
			sinceUnix: wholeNumber(answer.one('since')),
		};
	},
});

/** The state of K3s's unit now. */
export const k3sState = defineScript<{readonly role: Role}, UnitState>({
	name: 'k3s.state',
	purpose: "asks systemd for the state of K3s's unit",
	as: 'root',
	timeoutMs: 30_000,
	fields: ({role}) => [{name: 'role', value: role}],
	source: `${unitOfRole}${showState}
show_state
`,
	decode({stdout}) {
		const line = stdout.split('\n').find((text) => text.startsWith('@state '));
		return readState(line ?? '');
	},
});

/** A line of `k3s.journal`: the state of the unit every two seconds, or a line of its journal. */
export type JournalLine =
	| {readonly kind: 'state'; readonly state: UnitState}
	| {readonly kind: 'line'; readonly text: string};

/** Reads one streamed line of `k3s.journal`. */
export const parseJournalLine = (line: string): JournalLine =>
	/^@state [a-z]+ [a-z-]+ \d+ \d+$/.test(line)
		? {kind: 'state', state: readState(line)}
		: {kind: 'line', text: line};

/**
 * Streams the journal of K3s's unit, and the unit's state every two seconds, until the unit is active. It has no
 * end of its own otherwise: the caller stops it.
 */
export const k3sJournal = defineScript<
	{
		readonly role: Role;
		/** From this time of the host's clock, in seconds since 1970. */
		readonly sinceUnix: number;
	},
	UnitState
>({
	name: 'k3s.journal',
	purpose: "follows the journal and the state of K3s's unit until it is active",
	as: 'root',
	timeoutMs: 3_600_000,
	fields: ({role, sinceUnix}) => [
		{name: 'role', value: role},
		{name: 'since', value: Math.floor(sinceUnix).toString()},
	],
	source: String.raw`${unitOfRole}${showState}
journalctl --no-pager -q -o cat -n 200 --since="@$since" -u "$unit" -f </dev/null &
follower=$!
trap 'kill "$follower" 2>/dev/null || :; wait "$follower" 2>/dev/null || :' EXIT
trap 'exit 143' HUP INT PIPE TERM
while :; do
	line=$(show_state)
	printf '%s\n' "$line"
	case "$line" in
		'@state active '*) break ;;
	esac
	kill -0 "$follower" 2>/dev/null || break
	sleep 2
done
`,
	decode({stdout}) {
		const line = stdout
			.split('\n')
			.findLast((text) => text.startsWith('@state '));
		return readState(line ?? '');
	},
});

/** Streams what K3s's unit has written into the journal in the last seconds, 200 lines at most. */
export const k3sRecentJournal = defineScript<
	{readonly role: Role; readonly seconds: number},
	void
>({
	name: 'k3s.recent-journal',
	purpose: "reads the newest lines of the journal of K3s's unit",
	as: 'root',
	timeoutMs: 30_000,
	fields: ({role, seconds}) => [
		{name: 'role', value: role},
		{name: 'seconds', value: Math.ceil(seconds).toString()},
	],
	source: `${unitOfRole}
journalctl --no-pager -q -o cat -n 200 --since="-\${seconds}s" -u "$unit" </dev/null
`,
	decode() {
		// The lines were streamed.
	},
});

/** How an address answered to K3s's unauthenticated `/ping`. */
export type PingAnswer = {
	readonly outcome:
		| 'pong'
		/** Something answered, and it was not K3s's supervisor. */
		| 'other'
		| 'refused'
		| 'timeout'
		| 'unreachable'
		/** The name is not known. */
		| 'no-name'
		| 'failed'
		/** Neither curl nor wget is there. */
		| 'no-tool';
	/** What the tool said, for people. */
	readonly detail: string;
};

/** Asks `/ping` of a server from this machine. The certificate is not looked at: nothing is trusted from the answer. */
export const k3sPing = defineScript<
	{
		/** Without a path: `https://198.51.100.11:6443`. */
		readonly url: string;
	},
	PingAnswer
>({
	name: 'k3s.ping',
	purpose: 'asks a K3s server, from this machine, whether it is there',
	as: 'login',
	timeoutMs: 20_000,
	fields: ({url}) => [{name: 'url', value: plainValue('URL', url)}],
	source: `
code=0
if command -v curl >/dev/null 2>&1; then
	said=$(curl -ksS --noproxy '*' --connect-timeout 4 --max-time 8 "$url/ping" 2>&1 | head -c 300 | tr '\\n' ' ') || :
	case "$said" in
		'curl: ('*)
			code=\${said#curl: (}
			code=\${code%%)*}
			;;
	esac
elif command -v wget >/dev/null 2>&1; then
	said=$(wget -q --no-proxy -T 5 -t 1 --no-check-certificate -O - "$url/ping" 2>&1 | head -c 300 | tr '\\n' ' ') || :
else
	code=127
	said='neither curl nor wget is installed'
fi
printf 'code %s\\nsaid %s\\n' "$code" "$said"
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const detail = (answer.optional('said') ?? '').trim();
		return {outcome: pingOutcome(answer.one('code'), detail), detail};
	},
});

const pingOutcome = (code: string, said: string): PingAnswer['outcome'] => {
	if (said === 'pong') {
		return 'pong';
	}

	switch (code) {
		case '0': {
			return said === '' ? 'failed' : 'other';
		}

		case '6': {
			return 'no-name';
		}

		case '7': {
			return /refused/i.test(said)
				? 'refused'
				: /timed? ?out/i.test(said)
					? 'timeout'
					: /no route|unreachable/i.test(said)
						? 'unreachable'
						: 'refused';
		}

		case '28': {
			return 'timeout';
		}

		case '127': {
			return 'no-tool';
		}

		default: {
			return 'failed';
		}
	}
};
