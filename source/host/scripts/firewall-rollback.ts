import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {failFunction, stateFolder, stateFolderFunction} from './files-shell.js';
import {
	encodeWords,
	presentFunctions,
	unitSeparator,
	withWordsFunction,
} from './firewall-shell.js';
import {
	firewallUnit,
	firewallUnitPath,
	firewallUnitText,
	type FirewallWords,
	type OpenedFirewall,
} from './firewall-unit.js';
import {manifestPath} from './manifest.js';
import {defineScript} from './script.js';

/** What a rollback needs, while one is armed: the removals, and what was there before. Only root may read it. */
export const rollbackFolder = `${stateFolder}/rollback`;

const rollbackUnit = 'k3s-mesh-rollback';

/** The transient timer that takes rules back. */
export const rollbackTimer = `${rollbackUnit}.timer`;

/** Parts the two commands of a rule. */
const groupSeparator = '\u001E';

/**
 * Takes the rules back and puts the unit and the manifest back as they were. Constant text; all that differs lies beside
 * it. It goes on when one command fails, and does nothing when another one has settled the change meanwhile.
 */
const worker = `set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
umask 077
set -f
cd ${rollbackFolder} || exit 0
exec 9>>lock
flock 9
[ "$(cat state 2>/dev/null)" = armed ] || exit 0
firewall=$(cat firewall)
separator=$(cat separator)
${withWordsFunction}
quietly() {
	"$@" </dev/null >/dev/null 2>&1 9>&- || :
}
if [ -f unit ]; then
	if ! cmp -s unit ${firewallUnitPath}; then
		cp -p unit ${firewallUnitPath}
		quietly systemctl daemon-reload
	fi
elif [ -f ${firewallUnitPath} ]; then
	quietly systemctl disable --now ${firewallUnit}
	rm -f ${firewallUnitPath}
	quietly systemctl daemon-reload
fi
# firewalld takes all removals of a zone in one call, in its permanent and its running configuration.
batch=
batch_zone=
flush_batch() {
	[ -n "$batch" ] || return 0
	for mode in '' --permanent; do
		with_words "\${mode:+$mode$separator}\${batch_zone:+$batch_zone$separator}$batch" quietly firewall-cmd
	done
	batch=
}
collect() {
	zone=
	for word in "$@"; do
		case "$word" in
			--zone=*) zone=$word ;;
			--remove-*) removal=$word ;;
		esac
	done
	if [ "$zone" != "$batch_zone" ]; then
		flush_batch
		batch_zone=$zone
	fi
	batch="\${batch:+$batch$separator}$removal"
}
number=0
while IFS= read -r rule; do
	number=$((number + 1))
	if [ "$firewall" = firewalld ]; then
		with_words "$rule" collect
	else
		with_words "$rule" quietly
	fi
	# A chain of ours was emptied: what was in it before comes back.
	[ ! -f "chain-$number" ] || quietly nft -f "chain-$number"
done <removals
flush_batch
# What another run has listed since stays listed: the manifest comes back only where it is still the one of this change.
if [ -f manifest-of-change ] && cmp -s manifest-of-change ${manifestPath}; then
	if [ -f manifest ]; then
		cp -p manifest ${manifestPath}.new
		mv -f ${manifestPath}.new ${manifestPath}
	else
		rm -f ${manifestPath}
	fi
fi
echo rolled-back >state
`;

/**
 * Arms a rollback before rules are added: after so many seconds the machine takes those back that are missing now, by
 * itself, unless `firewall.settle` comes first. Arms nothing when nothing is missing. A rollback that an earlier run left
 * armed is done first: nobody has confirmed that change.
 *
 * A reboot in between keeps the rules: the timer is gone then, and what it would have done is done by nobody later.
 */
export const firewallArm = defineScript<
	{
		readonly firewall: OpenedFirewall;
		readonly rules: readonly FirewallWords[];
		readonly seconds: number;
	},
	{
		/** Rules that are missing; with 0 nothing was armed. */
		readonly missing: number;
	}
>({
	name: 'firewall.arm',
	purpose:
		'arms a timer that takes the firewall rules back which are about to be added, unless a new connection succeeds first',
	as: 'root',
	timeoutMs: 180_000,
	fields: ({firewall, rules, seconds}) => [
		{name: 'firewall', value: firewall},
		{name: 'separator', value: unitSeparator},
		{name: 'group', value: groupSeparator},
		{
			name: 'rules',
			value: rules
				.map(
					({add, remove}) =>
						encodeWords(add) + groupSeparator + encodeWords(remove),
				)
				.join('\n'),
		},
		{name: 'unit', value: firewallUnitText(firewall, rules) ?? ''},
		{name: 'seconds', value: plainValue('time', String(seconds))},
	],
	source: `${failFunction}${stateFolderFunction}${presentFunctions}
for program in systemd-run flock; do
	command -v $program >/dev/null 2>&1 || fail "$program is not installed on this machine, and the way back needs it."
done
umask 077
folder=${rollbackFolder}
# Without its timer it is from before a boot, and the machine has changed since.
if [ "$(cat "$folder/state" 2>/dev/null)" = armed ] && systemctl is-active --quiet ${rollbackTimer}; then
	sh "$folder/run"
fi
systemctl stop ${rollbackTimer} 2>/dev/null || :
rm -rf "$folder"
newline='
'
missing=0
removals=
while IFS= read -r pair; do
	[ -n "$pair" ] || continue
	rule=\${pair%%"$group"*}
	require_program "$rule"
	if with_words "$rule" "present_$firewall"; then
		continue
	fi
	missing=$((missing + 1))
	removals="\${pair#*"$group"}$newline$removals"
done <<END_OF_RULES
$rules
END_OF_RULES
if ! unit_is_there; then
	[ "$missing" -gt 0 ] || missing=1
fi
printf 'missing %s\\n' "$missing"
[ "$missing" -gt 0 ] || exit 0
state_folder
mkdir "$folder"
printf %s "$firewall" >"$folder/firewall"
printf %s "$separator" >"$folder/separator"
printf %s "$removals" | awk '!seen[$0]++' >"$folder/removals"
[ ! -f ${manifestPath} ] || cp -p ${manifestPath} "$folder/manifest"
[ ! -f ${firewallUnitPath} ] || cp -p ${firewallUnitPath} "$folder/unit"
# save_chain NUMBER WORDS…: what is in a chain that the removal empties.
save_chain() {
	number=$1
	shift
	if [ "$1 $2 $3" = 'nft flush chain' ]; then
		nft list chain "$4" "$5" "$6" >"$folder/chain-$number" 2>/dev/null </dev/null || rm -f "$folder/chain-$number"
	fi
}
if [ "$firewall" = nftables ]; then
	number=0
	while IFS= read -r rule; do
		number=$((number + 1))
		with_words "$rule" save_chain "$number"
	done <"$folder/removals"
fi
cat >"$folder/run" <<'END_OF_WORKER'
${worker}END_OF_WORKER
echo armed >"$folder/state"
systemctl reset-failed ${rollbackUnit}.service 2>/dev/null || :
systemd-run --quiet --collect --unit=${rollbackUnit} --description='k3s-mesh: takes firewall rules back' \\
	--on-active="$seconds" --timer-property=AccuracySec=1s /bin/sh "$folder/run" >&2 || {
	rm -rf "$folder"
	fail 'systemd of this machine does not arm the timer of the way back; nothing was changed.'
}
`,
	decode: ({stdout}) => ({
		missing: wholeNumber(answerLines(stdout).one('missing')),
	}),
});

/** Ends a change of the firewall for which a rollback was armed: the rules stay, or are taken back now. */
export const firewallSettle = defineScript<
	{readonly keep: boolean},
	{
		/** Are the rules gone again: by this call, or because the time was over before it? */
		readonly rolledBack: boolean;
	}
>({
	name: 'firewall.settle',
	purpose:
		'keeps the firewall rules that were added, or takes them back, and disarms the timer',
	as: 'root',
	timeoutMs: 120_000,
	fields: ({keep}) => [{name: 'keep', value: keep ? 'yes' : 'no'}],
	source: String.raw`
folder=${rollbackFolder}
outcome=kept
if [ -d "$folder" ]; then
	exec 9>>"$folder/lock"
	flock 9
	case "$keep $(cat "$folder/state" 2>/dev/null)" in
		'no armed')
			flock -u 9
			sh "$folder/run"
			outcome=rolled-back
			;;
		*' rolled-back') outcome=rolled-back ;;
	esac
	systemctl stop ${rollbackTimer} 2>/dev/null || :
	rm -rf "$folder"
fi
printf 'outcome %s\n' "$outcome"
`,
	decode: ({stdout}) => ({
		rolledBack: answerLines(stdout).one('outcome') === 'rolled-back',
	}),
});
