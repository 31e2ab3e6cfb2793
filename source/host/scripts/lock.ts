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

/** Who holds a lock now. */
export type LockHolder = LockOwner & {
	/** Since it was taken, in s. */
	readonly heldSeconds: number;
	/** Since its last refresh, in s. */
	readonly ageSeconds: number;
};

/** What asking for the lock gave. */
export type LockAnswer =
	{readonly taken: true} | {readonly taken: false; readonly holder: LockHolder};

/**
 * In /run, so that a reboot frees it; the id of the boot says so too where /run outlives one. Ages are by the kernel's
 * time since boot: a clock that jumps neither frees a lock nor keeps it.
 */
const shell = String.raw`${failFunction}
command -v flock >/dev/null 2>&1 || fail 'flock is not installed on this machine, and the install needs it.'
[ -d /run/k3s-mesh ] || (umask 077 && mkdir -p /run/k3s-mesh)
lock=/run/k3s-mesh/lock
exec 9>>/run/k3s-mesh/lock.guard
flock 9
now=
IFS='. ' read -r now _ </proc/uptime || :
boot=
IFS= read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id || :
holder=
owner_text=
refreshed=
taken=
lock_boot=
known=no
if [ -f "$lock" ]; then
	{
		IFS= read -r holder || :
		IFS= read -r owner_text || :
		IFS= read -r refreshed || :
		IFS= read -r taken || :
		IFS= read -r lock_boot || :
	} <"$lock"
	# What no run of ours has written, or one before the last boot, is no lock.
	case "$refreshed:$taken" in
		:* | *: | *[!0-9:]*) holder= ;;
	esac
	if [ "$lock_boot" = "$boot" ]; then
		known=yes
	else
		holder=
	fi
fi
[ -n "$holder" ] || taken=$now
write_lock() {
	(umask 077 && printf '%s\n%s\n%s\n%s\n%s\n' "$run_id" "$owner" "$now" "$taken" "$boot" >"$lock.new")
	mv -f "$lock.new" "$lock"
}
`;

/** Takes the cluster's lock on one of its servers, when nobody holds it, or the holder named is gone or to be put out. */
export const lockTake = defineScript<
	LockOwner & {
		/** Run ids that hold it no longer: their program has ended for certain, or a person breaks their lock. */
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
age=0
held=0
if [ -n "$holder" ]; then
	age=$((now - refreshed))
	held=$((now - taken))
	# Time never runs backwards within one boot: this machine is a copy that was set back.
	[ "$age" -ge 0 ] || age=$((stale + 1))
fi
if [ "$holder" = "$run_id" ]; then
	write_lock
	printf 'taken yes\n'
elif [ -z "$holder" ] || [ "$age" -gt "$stale" ] || printf '%s\n' "$gone" | grep -qxF -e "$holder"; then
	taken=$now
	write_lock
	printf 'taken yes\n'
else
	printf 'taken no\nholder %s\nowner %s\nheld %s\nage %s\n' "$holder" "$owner_text" "$held" "$age"
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
						heldSeconds: wholeNumber(answer.one('held')),
						ageSeconds: wholeNumber(answer.one('age')),
					},
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
	// A lock that was given back since then was somebody else's in between; one that is not there went with a reboot.
	source: `${shell}
if [ "$known" = no ] || [ "$holder" = "$run_id" ]; then
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
# An empty holder stays, so that a run whose lock was broken learns of it even after the other has ended.
if [ "$holder" = "$run_id" ]; then
	run_id=
	write_lock
fi
`,
	decode() {
		// Nothing to read.
	},
});
