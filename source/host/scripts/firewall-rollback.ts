import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {failFunction, stateFolderFunction} from './files-shell.js';
import {
	encodeWords,
	presentFunctions,
	unitSeparator,
} from './firewall-shell.js';
import {
	firewallUnitPath,
	firewallUnitText,
	type FirewallWords,
	type OpenedFirewall,
} from './firewall-unit.js';
import {
	chainFileFunction,
	forgetFunction,
	rollbackFolder,
	rollbackUnit,
	rollbackUnitPath,
	rollbackUnitText,
	rollbackWorker,
} from './firewall-worker.js';
import {manifestPath} from './manifest.js';
import {defineScript} from './script.js';

/** Parts the two commands of a rule. */
export const groupSeparator = '\u001E';

/** What became of rules that were to be taken back, as a look at the firewall afterwards showed it. */
export type TakenBack = {
	/** `stuck`: some are there still, or the firewall does not say; the host tries again by itself, after a boot too. */
	readonly outcome: 'rolled-back' | 'stuck';
	/** The commands that would take away what is left, in words. */
	readonly left: ReadonlyArray<readonly string[]>;
};

/**
 * `take_back`: runs the rollback in the folder, now. `tell_outcome KEY`: prints what became of it. A rollback that ended
 * before with something left goes on in its unit.
 */
const takeBackFunctions = String.raw`${forgetFunction}
take_back() {
	sh "$folder/run" 9>&- || :
}
tell_outcome() {
	case "$(cat "$folder/state" 2>/dev/null)" in
		rolled-back)
			printf '%s rolled-back\n' "$1"
			forget_rollback
			rm -rf "$folder"
			;;
		*)
			printf '%s stuck\n' "$1"
			if [ -f "$folder/left" ]; then
				sed 's/^/left /' "$folder/left"
			fi
			systemctl restart --no-block ${rollbackUnit} 2>/dev/null || :
			;;
	esac
}
`;

const leftOf = (stdout: string): TakenBack['left'] =>
	answerLines(stdout)
		.all('left')
		.map((line) => line.split(unitSeparator));

/**
 * Arms a rollback before rules are added: after so many seconds the machine takes those back that are missing now, by
 * itself, unless `firewall.settle` comes first; a machine that boots meanwhile does it then, since what a firewall keeps
 * survives a boot and a timer does not. Arms nothing when nothing is missing.
 *
 * A change that an earlier run left unconfirmed is taken back first, if the machine has not done so by itself; where that
 * leaves something, nothing is armed.
 */
export const firewallArm = defineScript<
	{
		readonly firewall: OpenedFirewall;
		readonly rules: readonly FirewallWords[];
		readonly seconds: number;
		/** How long one attempt to take rules back may try again, in s. */
		readonly patienceSeconds: number;
	},
	{
		/** Rules that are missing; with 0 nothing was armed. */
		readonly missing: number;
		/** What became of an earlier change that nobody had confirmed. */
		readonly earlier: TakenBack | undefined;
	}
>({
	name: 'firewall.arm',
	purpose:
		'arms a timer that takes the firewall rules back which are about to be added, unless a new connection succeeds first',
	as: 'root',
	timeoutMs: 180_000,
	fields: ({firewall, rules, seconds, patienceSeconds}) => [
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
		{name: 'patience', value: plainValue('time', String(patienceSeconds))},
	],
	source: `${failFunction}${stateFolderFunction}${presentFunctions}${chainFileFunction}${takeBackFunctions}
for program in systemd-run flock; do
	command -v $program >/dev/null 2>&1 || fail "$program is not installed on this machine, and the way back needs it."
done
umask 077
folder=${rollbackFolder}
if [ -f "$folder/state" ]; then
	take_back
	tell_outcome earlier
	if [ -d "$folder" ]; then
		echo 'missing 0'
		exit 0
	fi
fi
forget_rollback
rm -rf "$folder"
newline='
'
missing=0
pairs=
while IFS= read -r pair; do
	[ -n "$pair" ] || continue
	rule=\${pair%%"$group"*}
	require_program "$rule"
	if with_words "$rule" "present_$firewall"; then
		continue
	fi
	missing=$((missing + 1))
	pairs="$pair$newline$pairs"
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
printf %s "$group" >"$folder/group"
printf '%s\\n' "$patience" >"$folder/patience"
printf %s "$pairs" >"$folder/rules"
[ ! -f ${manifestPath} ] || cp -p ${manifestPath} "$folder/manifest"
[ ! -f ${firewallUnitPath} ] || cp -p ${firewallUnitPath} "$folder/unit"
# save_chain WORDS…: what is in a chain of ours to which is added, as one change that puts it there again.
save_chain() {
	[ "$2 $3" = 'add rule' ] || return 0
	chain=$folder/$(chain_file "$4" "$5" "$6")
	[ ! -f "$chain" ] || return 0
	if content=$(nft list chain "$4" "$5" "$6" 2>/dev/null </dev/null); then
		printf 'flush chain %s %s %s\\n%s\\n' "$4" "$5" "$6" "$content" >"$chain"
	fi
}
if [ "$firewall" = nftables ]; then
	while IFS= read -r pair; do
		with_words "\${pair%%"$group"*}" save_chain
	done <"$folder/rules"
fi
cat >"$folder/run" <<'END_OF_WORKER'
${rollbackWorker}END_OF_WORKER
disarm() {
	rm -rf "$folder"
	forget_rollback
	fail "$1; nothing was changed."
}
(umask 022 && cat >${rollbackUnitPath}) <<'END_OF_UNIT' || disarm '${rollbackUnitPath} cannot be written'
${rollbackUnitText}END_OF_UNIT
echo armed >"$folder/state"
systemctl reset-failed ${rollbackUnit} 2>/dev/null || :
{ systemctl daemon-reload && systemctl enable --quiet ${rollbackUnit}; } >&2 ||
	disarm 'systemd of this machine does not take the unit of the way back'
systemd-run --quiet --unit=${rollbackUnit} --on-active="$seconds" --timer-property=AccuracySec=1s >&2 ||
	disarm 'systemd of this machine does not arm the timer of the way back'
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const earlier = answer.optional('earlier');
		return {
			missing: wholeNumber(answer.one('missing')),
			earlier:
				earlier === undefined
					? undefined
					: {
							outcome: earlier === 'rolled-back' ? earlier : 'stuck',
							left: leftOf(stdout),
						},
		};
	},
});

/** Ends a change of the firewall for which a rollback was armed: the rules stay, or are taken back now. */
export const firewallSettle = defineScript<
	{readonly keep: boolean},
	/** What became of the rules: by this call, or because the time was over before it. */
	TakenBack | {readonly outcome: 'kept'}
>({
	name: 'firewall.settle',
	purpose:
		'keeps the firewall rules that were added, or takes them back, and disarms the timer',
	as: 'root',
	timeoutMs: 120_000,
	fields: ({keep}) => [{name: 'keep', value: keep ? 'yes' : 'no'}],
	source: `${takeBackFunctions}
folder=${rollbackFolder}
if [ ! -d "$folder" ]; then
	echo 'outcome kept'
	exit 0
fi
exec 9>>"$folder/lock"
flock 9
if [ "$keep $(cat "$folder/state" 2>/dev/null)" = 'yes armed' ]; then
	forget_rollback
	rm -rf "$folder"
	echo 'outcome kept'
	exit 0
fi
flock -u 9
take_back
tell_outcome outcome
`,
	decode({stdout}) {
		const outcome = answerLines(stdout).one('outcome');
		return outcome === 'kept'
			? {outcome}
			: {
					outcome: outcome === 'rolled-back' ? outcome : 'stuck',
					left: leftOf(stdout),
				};
	},
});
