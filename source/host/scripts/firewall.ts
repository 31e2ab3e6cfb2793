import {answerLines, wholeNumber} from './answer-lines.js';
import {failFunction} from './files-shell.js';
import {
	encodeWords,
	presentFunctions,
	unitSeparator,
} from './firewall-shell.js';
import {
	firewallUnit,
	firewallUnitPath,
	firewallUnitText,
	type FirewallWords,
	type OpenedFirewall,
} from './firewall-unit.js';
import {forgetFunction, rollbackFolder} from './firewall-worker.js';
import {manifestPath} from './manifest.js';
import {defineScript} from './script.js';

/**
 * Adds the rules that are not there yet, or only counts them. The words of a rule are handed to the program as
 * they are: no shell looks at them.
 *
 * - ufw and firewalld remember rules themselves; firewalld gets each rule in its permanent and its running
 *   configuration, so that nothing needs a reload.
 * - iptables and nftables do not: a oneshot unit of ours adds the rules again at boot.
 *
 * While a rollback is armed each addition is made under its lock, and none once it has been settled: a run that was cut
 * off here may go on on the host, and what it added then nobody would take back.
 */
export const firewallApply = defineScript<
	{
		readonly firewall: OpenedFirewall;
		readonly rules: readonly FirewallWords[];
		/** Only count what is missing. */
		readonly checkOnly: boolean;
		/**
		 * Has this run armed the rollback? One that an earlier run left armed counts as missing, and is disarmed: the
		 * machine is reached by a later run, which wants the rules.
		 */
		readonly rollbackArmed?: boolean;
	},
	{
		/** Rules that were missing: added, unless it was only to count. */
		readonly missing: number;
		/** Which of the rules those were, by their place. */
		readonly places: readonly number[];
	}
>({
	name: 'firewall.apply',
	purpose: 'adds the firewall rules that are missing',
	as: 'root',
	timeoutMs: 180_000,
	fields: ({firewall, rules, checkOnly, rollbackArmed = false}) => [
		{name: 'firewall', value: firewall},
		{name: 'check_only', value: checkOnly ? 'yes' : 'no'},
		{name: 'rollback_armed', value: rollbackArmed ? 'yes' : 'no'},
		{name: 'separator', value: unitSeparator},
		{
			name: 'additions',
			value: rules.map(({add}) => encodeWords(add)).join('\n'),
		},
		{name: 'unit', value: firewallUnitText(firewall, rules) ?? ''},
	],
	source: `${failFunction}${presentFunctions}${forgetFunction}
folder=${rollbackFolder}
left_armed=no
if [ "$rollback_armed" = no ] && [ -d "$folder" ]; then
	# Of one that has ended only the word of it is left: this run, which adds what it wants, is told nothing new by it.
	[ "$(cat "$folder/state" 2>/dev/null)" = rolled-back ] || left_armed=yes
	if [ "$check_only" = no ]; then
		# First of all: what is found to be there must not be taken back afterwards.
		exec 9>>"$folder/lock"
		flock 9
		forget_rollback
		rm -rf "$folder"
		exec 9>&-
	fi
fi
guarded=no
[ "$rollback_armed $check_only" != 'yes no' ] || guarded=yes
# The lock of a rollback that was armed since is another file.
hold() {
	[ $guarded = yes ] || return 0
	flock 9
	[ "$(cat "$folder/state" 2>/dev/null)" = armed ] && [ "$(ls -i "$folder/lock")" = "$lock" ] ||
		fail 'The change was ended before all rules were added: nothing more is added.'
}
let_go() {
	[ $guarded = no ] || flock -u 9
}
if [ $guarded = yes ]; then
	[ -d "$folder" ] || fail 'The change was ended before rules were added: nothing is added.'
	exec 9>>"$folder/lock"
	lock=$(ls -i "$folder/lock")
	hold
	[ ! -f ${manifestPath} ] || cp -p ${manifestPath} "$folder/manifest-of-change"
	let_go
fi
batch=
batch_zone=
run_words() {
	"$@" </dev/null >&2
}
run_guarded() {
	hold
	run_words "$@" || return 1
	let_go
}
add_ufw() { run_guarded "$@"; }
add_iptables() { run_guarded "$@"; }
add_nftables() { run_guarded "$@"; }
flush_firewalld() {
	[ -n "$batch" ] || return 0
	words=$batch
	batch=
	hold
	for mode in --permanent ''; do
		with_words "\${mode:+$mode$separator}\${batch_zone:+$batch_zone$separator}$words" run_words firewall-cmd || return 1
	done
	let_go
}
add_firewalld() {
	take_apart "$@"
	if [ "$zone" != "$batch_zone" ]; then
		flush_firewalld || return 1
		batch_zone=$zone
	fi
	batch="\${batch:+$batch$separator}$addition"
}
missing=0
place=-1
while IFS= read -r rule; do
	[ -n "$rule" ] || continue
	place=$((place + 1))
	require_program "$rule"
	if with_words "$rule" "present_$firewall"; then
		continue
	fi
	missing=$((missing + 1))
	printf 'place %s\\n' "$place"
	[ "$check_only" = no ] || continue
	[ -z "$forbidding" ] || fail "ufw has a rule that forbids what is needed, and takes none beside it: $forbidding"
	with_words "$rule" "add_$firewall" || fail "The firewall refused a rule: $(printf %s "$rule" | tr "$separator" ' ')"
done <<END_OF_RULES
$additions
END_OF_RULES
flush_firewalld || fail "The firewall refused a rule: firewall-cmd $batch_zone $(printf %s "$words" | tr "$separator" ' ')"
if ! unit_is_there; then
	[ "$missing" -gt 0 ] || missing=1
	if [ "$check_only" = no ]; then
		hold
		(umask 022 && printf %s "$unit" >${firewallUnitPath}.k3s-mesh-new)
		mv -f ${firewallUnitPath}.k3s-mesh-new ${firewallUnitPath}
		systemctl daemon-reload
		systemctl enable --quiet ${firewallUnit}
		# Only a unit that is active hears when the firewall is restarted or reloaded.
		systemctl start ${firewallUnit}
		let_go
	fi
fi
if [ $left_armed = yes ]; then
	[ "$missing" -gt 0 ] || missing=1
fi
printf 'missing %s\\n' "$missing"
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return {
			missing: wholeNumber(answer.one('missing')),
			places: answer.all('place').map((text) => wholeNumber(text)),
		};
	},
});
