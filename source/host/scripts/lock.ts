import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {failFunction} from './files-shell.js';
import {defineScript} from './script.js';

/** A lock whose holder has not refreshed it for this long, in s, is nobody's. */
export const lockStaleSeconds = 45;

/** Who holds a lock, or wants to. */
export type LockOwner = {
	/** Unique for a run. */
	readonly runId: string;
	/** For people: who runs it, and where. */
	readonly owner: string;
};

/** What asking for the lock gave. */
export type LockAnswer =
	| {readonly taken: true}
	| {
			readonly taken: false;
			readonly holder: LockOwner;
			/** Since its last refresh, in s. */
			readonly ageSeconds: number;
	  };

/** In /run, so that a reboot frees it. */
const shell = String.raw`${failFunction}
command -v flock >/dev/null 2>&1 || fail 'flock is not installed on this machine, and the install needs it.'
[ -d /run/k3s-mesh ] || (umask 077 && mkdir -p /run/k3s-mesh)
lock=/run/k3s-mesh/lock
exec 9>>/run/k3s-mesh/lock.guard
flock 9
holder=
owner_text=
refreshed=0
if [ -f "$lock" ]; then
	{
		IFS= read -r holder || :
		IFS= read -r owner_text || :
		IFS= read -r refreshed || :
	} <"$lock"
	case "$refreshed" in
		'' | *[!0-9]*) refreshed=0 ;;
	esac
fi
now=$(date +%s)
write_lock() {
	(umask 077 && printf '%s\n%s\n%s\n' "$run_id" "$owner" "$now" >"$lock.new")
	mv -f "$lock.new" "$lock"
}
`;

/** Takes the cluster's lock on its first server, when nobody holds it, or the holder named is gone for sure. */
export const lockTake = defineScript<
	LockOwner & {
		/** Run ids whose program we know to have ended. */
		readonly gone: readonly string[];
	},
	LockAnswer
>({
	name: 'lock.take',
	purpose: 'takes the lock that keeps two runs on one cluster apart',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({runId, owner, gone}) => [
		{name: 'run_id', value: plainValue('run id', runId)},
		{name: 'owner', value: plainValue('owner', owner)},
		{
			name: 'gone',
			value: gone.map((id) => plainValue('run id', id)).join('\n'),
		},
		{name: 'stale', value: String(lockStaleSeconds)},
	],
	source: String.raw`${shell}
age=$((now - refreshed))
[ "$age" -ge 0 ] || age=0
if [ -z "$holder" ] || [ "$holder" = "$run_id" ] || [ "$age" -gt "$stale" ] ||
	printf '%s\n' "$gone" | grep -qxF -e "$holder"; then
	write_lock
	printf 'taken yes\n'
else
	printf 'taken no\nholder %s\nowner %s\nage %s\n' "$holder" "$owner_text" "$age"
fi
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return answer.one('taken') === 'yes'
			? {taken: true}
			: {
					taken: false,
					holder: {
						runId: answer.one('holder'),
						owner: answer.one('owner'),
					},
					ageSeconds: wholeNumber(answer.one('age')),
				};
	},
});

/** Says that the holder is still at work. `held: false` when somebody else has taken the lock meanwhile. */
export const lockRefresh = defineScript<LockOwner, {readonly held: boolean}>({
	name: 'lock.refresh',
	purpose: 'says that the run that holds the lock is still at work',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({runId, owner}) => [
		{name: 'run_id', value: plainValue('run id', runId)},
		{name: 'owner', value: plainValue('owner', owner)},
	],
	source: `${shell}
if [ -z "$holder" ] || [ "$holder" = "$run_id" ]; then
	write_lock
	echo 'held yes'
else
	echo 'held no'
fi
`,
	decode: ({stdout}) => ({held: answerLines(stdout).one('held') === 'yes'}),
});

/** Gives the lock back when it is ours. */
export const lockRelease = defineScript<{readonly runId: string}, void>({
	name: 'lock.release',
	purpose: 'gives the lock back',
	as: 'root',
	timeoutMs: 30_000,
	fields: ({runId}) => [
		{name: 'run_id', value: plainValue('run id', runId)},
		{name: 'owner', value: ''},
	],
	source: `${shell}
[ "$holder" != "$run_id" ] || rm -f "$lock"
`,
	decode() {
		// Nothing to read.
	},
});
