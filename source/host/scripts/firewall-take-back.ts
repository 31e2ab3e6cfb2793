import {answerLines} from './answer-lines.js';
import {failFunction, stateFolder, stateFolderFunction} from './files-shell.js';
import {
	encodeWords,
	presentFunctions,
	unitSeparator,
} from './firewall-shell.js';
import {groupSeparator} from './firewall-rollback.js';
import {
	firewallUnit,
	firewallUnitPath,
	firewallUnitText,
	type FirewallWords,
	type OpenedFirewall,
} from './firewall-unit.js';
import {chainFileFunction, removalFunctions} from './firewall-worker.js';
import {defineScript} from './script.js';

/** How long it tries again while another program holds the firewall, in s. */
const patienceSeconds = 30;

/**
 * `ours_FIREWALL WORDS…`: was the rule that these words add added by us? Where the owner had the very same rule before,
 * ours was never added, and theirs stays. Rules of iptables and nftables carry our mark, or they are not found at all;
 * firewalld keeps none, and what we have listed is what was missing.
 */
const oursFunctions = String.raw`
ours_iptables() { :; }
ours_nftables() { :; }
ours_firewalld() { :; }
ours_ufw() {
	lines=$(ufw show added 2>/dev/null </dev/null) || return 0
	while [ $# -gt 1 ]; do
		case "$1" in
			from) lines=$(printf '%s\n' "$lines" | grep -F -e " from $2 ") || return 1 ;;
			port) lines=$(printf '%s\n' "$lines" | grep -E -e " (port $2|$2/(tcp|udp))( |$)") || return 1 ;;
			on) lines=$(printf '%s\n' "$lines" | grep -F -e " on $2 ") || return 1 ;;
			comment) printf '%s\n' "$lines" | grep -qF -e " comment '$2'" || return 1 ;;
		esac
		shift
	done
}
`;

/** One rule of a chain of ours goes by its handle, so that the others stay; the chain itself, and the jump, as a rollback takes them. */
const ruleByHandle = String.raw`
take_back_one() {
	if [ "$firewall" != nftables ] || [ "$2 $3" != 'add rule' ]; then
		"take_back_$firewall" "$@"
		return
	fi
	for last in "$@"; do :; done
	for handle in $(nft -a list chain "$4" "$5" "$6" 2>/dev/null </dev/null |
		grep -F -e "comment $last" | sed -n 's/.* # handle \([0-9]*\)$/\1/p'); do
		quietly nft delete rule "$4" "$5" "$6" handle "$handle" || return 1
	done
}
`;

/**
 * Takes firewall rules of ours back, and looks whether they are gone. Rules that stay keep their unit, which is written
 * anew; without any, it goes. Throws with what is left.
 */
export const firewallTakeBack = defineScript<
	{
		readonly firewall: OpenedFirewall;
		/** In the order in which they were added. */
		readonly rules: readonly FirewallWords[];
		/** Rules of ours that stay. */
		readonly staying: readonly FirewallWords[];
	},
	{readonly changed: boolean}
>({
	name: 'firewall.take-back',
	purpose: 'takes firewall rules of ours back, and no others',
	as: 'root',
	timeoutMs: 240_000,
	fields: ({firewall, rules, staying}) => [
		{name: 'firewall', value: firewall},
		{name: 'separator', value: unitSeparator},
		{name: 'group', value: groupSeparator},
		{
			name: 'rules',
			value: rules
				.toReversed()
				.map(
					({add, remove}) =>
						encodeWords(add) + groupSeparator + encodeWords(remove),
				)
				.join('\n'),
		},
		{
			name: 'unit',
			value:
				staying.length === 0 ? '' : (firewallUnitText(firewall, staying) ?? ''),
		},
	],
	source: `${failFunction}${stateFolderFunction}${presentFunctions}${chainFileFunction}
quietly() {
	"$@" </dev/null >/dev/null 2>&1
}
${removalFunctions}${oursFunctions}${ruleByHandle}
changed=no
if [ -z "$unit" ]; then
	if [ -e ${firewallUnitPath} ]; then
		changed=yes
		quietly systemctl disable --now ${firewallUnit} || :
		rm -f ${firewallUnitPath}
		systemctl daemon-reload
	fi
elif ! printf %s "$unit" | cmp -s - ${firewallUnitPath}; then
	changed=yes
	(umask 022 && printf %s "$unit" >${firewallUnitPath}.k3s-mesh-new)
	mv -f ${firewallUnitPath}.k3s-mesh-new ${firewallUnitPath}
	systemctl daemon-reload
fi
state_folder
mkdir -p ${stateFolder}/take-back
cd ${stateFolder}/take-back
newline='
'
# look: which of the rules in $left are there still, and ours. Of a program that is gone nothing is left.
look() {
	before=$left
	left=
	added=
	listed=no
	readable=
	last_word=
	while IFS= read -r pair; do
		[ -n "$pair" ] || continue
		rule=\${pair%%"$group"*}
		command -v "$(with_words "$rule" program_of)" >/dev/null 2>&1 || continue
		found=0
		with_words "$rule" "still_$firewall" || found=$?
		[ $found != 1 ] || continue
		with_words "$rule" "ours_$firewall" || continue
		left="$left$pair$newline"
	done <<END_OF_RULES
$before
END_OF_RULES
}
left=$rules
look
[ -z "$left" ] || changed=yes
tries=0
while [ -n "$left" ] && [ "$tries" -lt ${patienceSeconds} ]; do
	[ "$tries" = 0 ] || sleep 1
	tries=$((tries + 1))
	batch=
	batch_zone=
	emptied=
	while IFS= read -r pair; do
		[ -n "$pair" ] || continue
		removal=\${pair#*"$group"}
		with_words "\${pair%%"$group"*}" take_back_one || :
	done <<END_OF_RULES
$left
END_OF_RULES
	flush_batch || :
	if [ -f unsure ] && quietly ufw reload; then
		rm -f unsure
	fi
	look
done
cd /
rm -rf ${stateFolder}/take-back
[ -z "$left" ] || fail "The firewall still has rules of ours, or does not answer; by hand, as root: $(printf %s "$left" | sed "s/^.*$group//" | head -n 1 | tr "$separator" ' ')"
printf 'changed %s\\n' "$changed"
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
