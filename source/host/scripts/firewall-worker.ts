import {stateFolder} from './files-shell.js';
import {presentFunctions} from './firewall-shell.js';
import {firewallUnit, firewallUnitPath} from './firewall-unit.js';
import {manifestPath} from './manifest.js';

/** What a rollback needs, while one is armed: the rules, and what was there before. Only root may read it. */
export const rollbackFolder = `${stateFolder}/rollback`;

const rollbackName = 'k3s-mesh-rollback';

/** The unit that takes rules back: a timer starts it, and so does a boot that comes before the timer. */
export const rollbackUnit = `${rollbackName}.service`;

/** Where that unit lies while a rollback is armed. */
export const rollbackUnitPath = `/etc/systemd/system/${rollbackUnit}`;

/** The transient timer that starts it. */
export const rollbackTimer = `${rollbackName}.timer`;

/**
 * The text of the unit. At boot it comes after all that loads rules. It tries again until nothing is left: the host may
 * be one that nobody reaches any more because of the rules.
 */
export const rollbackUnitText = `# Written by k3s-mesh-tui: takes firewall rules back that no new connection has confirmed. It goes away by itself.
[Unit]
Description=k3s-mesh: takes firewall rules back
After=ufw.service firewalld.service nftables.service netfilter-persistent.service iptables.service ${firewallUnit}

[Service]
ExecStart=/bin/sh ${rollbackFolder}/run
Restart=on-failure
RestartSec=15

[Install]
WantedBy=multi-user.target
`;

/** `forget_rollback`: nothing starts the rollback any more. It may be called by the unit itself. */
export const forgetFunction = `
forget_rollback() {
	systemctl stop ${rollbackTimer} 2>/dev/null || :
	if [ -f ${rollbackUnitPath} ]; then
		systemctl disable --quiet ${rollbackUnit} 2>/dev/null || :
		rm -f ${rollbackUnitPath}
		systemctl daemon-reload || :
	fi
}
`;

/**
 * `still_FIREWALL WORDS…`: 0 when the rule is there, 1 when it is gone for sure, 2 when the firewall does not say.
 * `take_back_FIREWALL WORDS…`: takes the rule back whose addition these words are; `$removal` is the line of the words
 * that do it.
 */
export const removalFunctions = `
still_ufw() {
	# The files of ufw are without the rule, but the kernel may not be.
	[ ! -f unsure ] || return 2
	shift
	said=$(ufw --dry-run "$@" 2>&1 </dev/null) || return 2
	case "$said" in
		*Skipping*) ;;
		*) return 1 ;;
	esac
	find_forbidding "$@"
	[ -z "$forbidding" ]
}
take_back_ufw() {
	with_words "$removal" quietly || : >unsure
}
still_iptables() {
	present_iptables "$@" && return 0
	[ $? = 1 ] || return 2
	program=$1
	for word in "$@"; do
		case "$last_word" in
			-I | -A) break ;;
		esac
		last_word=$word
	done
	chain=$word
	last_word=
	case "$readable" in
		*" $program $chain "*) return 1 ;;
	esac
	"$program" -w 5 -S "$chain" >/dev/null 2>&1 </dev/null || return 2
	readable="$readable $program $chain "
	return 1
}
take_back_iptables() {
	with_words "$removal" quietly
}
still_nftables() {
	present_nftables "$@" && return 0
	nft list tables >/dev/null 2>&1 </dev/null || return 2
	return 1
}
# nft takes a rule back by its handle. Our chain goes when we made it, and is as it was when we did not.
take_back_nftables() {
	case "$2 $3" in
		'insert rule')
			for handle in $(nft -a list chain "$4" "$5" "$6" 2>/dev/null </dev/null |
				sed -n "s/.*jump $8 comment \\"k3s-mesh\\".* # handle \\([0-9]*\\)$/\\1/p"); do
				quietly nft delete rule "$4" "$5" "$6" handle "$handle" || return 1
			done
			;;
		'add chain')
			quietly nft flush chain "$4" "$5" "$6" && quietly nft delete chain "$4" "$5" "$6"
			;;
		*)
			[ "$emptied" != "$4 $5 $6" ] || return 0
			emptied="$4 $5 $6"
			kept=$(chain_file "$4" "$5" "$6")
			if [ -f "$kept" ]; then
				quietly nft -f "$kept"
			else
				quietly nft flush chain "$4" "$5" "$6"
			fi
			;;
	esac
}
still_firewalld() {
	take_apart "$@"
	if [ "$listed" != "$zone" ]; then
		listed=$zone
		answers=yes
		permanent=$(firewall-cmd --permanent \${zone:+"$zone"} --list-all 2>/dev/null </dev/null) || answers=no
		running=$(firewall-cmd \${zone:+"$zone"} --list-all 2>/dev/null </dev/null) || answers=no
	fi
	[ $answers = yes ] || return 2
	is_listed "$permanent" || is_listed "$running"
}
# firewalld takes all removals of a zone in one call, in its permanent and its running configuration.
take_back_firewalld() {
	take_apart "$@"
	if [ "$zone" != "$batch_zone" ]; then
		flush_batch
		batch_zone=$zone
	fi
	batch="\${batch:+$batch$separator}--remove-\${addition#--add-}"
}
flush_batch() {
	[ -n "$batch" ] || return 0
	words=$batch
	batch=
	for mode in '' --permanent; do
		with_words "\${mode:+$mode$separator}\${batch_zone:+$batch_zone$separator}$words" quietly firewall-cmd
	done
}
`;

/** `chain_file FAMILY TABLE CHAIN`: where is kept what was in a chain of ours. */
export const chainFileFunction = String.raw`
chain_file() {
	printf 'chain-%s\n' "$(printf %s "$*" | cksum | tr ' ' -)"
}
`;

/**
 * Takes the rules back and puts the unit and the manifest back as they were, until a look at what is there shows that
 * none of it is left or the time is over. Constant text; all that differs lies beside it. What is left then stands in
 * `left`, a command a line, and the manifest still lists it. Does nothing when another one has settled the change
 * meanwhile. Ends with 1 when something is left.
 */
export const rollbackWorker = `set -u
umask 077
cd ${rollbackFolder} || exit 0
exec 9>>lock
flock 9
case "$(cat state 2>/dev/null)" in
	armed | stuck) ;;
	*) exit 0 ;;
esac
firewall=$(cat firewall)
separator=$(cat separator)
group=$(cat group)
newline='
'
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/bin:/bin"
${presentFunctions}${chainFileFunction}${forgetFunction}
quietly() {
	"$@" </dev/null >/dev/null 2>&1 9>&-
}
${removalFunctions}
seconds_up() {
	read -r up rest </proc/uptime
	echo "\${up%%.*}"
}
ends=$(($(seconds_up) + $(cat patience)))
is_over() {
	[ "$(seconds_up)" -ge "$ends" ]
}
unit_is_back() {
	if [ -f unit ]; then
		cmp -s unit ${firewallUnitPath}
	else
		[ ! -f ${firewallUnitPath} ]
	fi
}
take_unit_back() {
	unit_is_back && return 0
	if [ -f unit ]; then
		cp -p unit ${firewallUnitPath}
	else
		quietly systemctl disable --now ${firewallUnit}
		rm -f ${firewallUnitPath}
	fi
	quietly systemctl daemon-reload
}
# A program that waits for a lock waits each time: when the time is over, what comes after one that failed is left.
take_back_all() {
	batch=
	batch_zone=
	emptied=
	failed=no
	while IFS= read -r pair; do
		[ -n "$pair" ] || continue
		[ $failed = no ] || ! is_over || break
		removal=\${pair#*"$group"}
		with_words "\${pair%%"$group"*}" "take_back_$firewall" || failed=yes
	done <<END_OF_RULES
$left
END_OF_RULES
	flush_batch
	if [ -f unsure ] && quietly ufw reload; then
		rm -f unsure
	fi
}
look() {
	before=$left
	left=
	added=
	listed=no
	readable=
	last_word=
	silent=no
	while IFS= read -r pair; do
		[ -n "$pair" ] || continue
		found=2
		if [ $silent = no ] || ! is_over; then
			with_words "\${pair%%"$group"*}" "still_$firewall"
			found=$?
		fi
		[ $found != 2 ] || silent=yes
		[ $found = 1 ] || left="$left$pair$newline"
	done <<END_OF_RULES
$before
END_OF_RULES
}
left=$(cat rules)
while :; do
	take_unit_back
	take_back_all
	look
	if [ -z "$left" ] && unit_is_back; then
		break
	fi
	if is_over; then
		{
			printf %s "$left" | sed "s/^.*$group//" | awk '!seen[$0]++'
			if unit_is_back; then
				:
			elif [ -f unit ]; then
				printf 'cp%s${rollbackFolder}/unit%s${firewallUnitPath}\\n' "$separator" "$separator"
			else
				printf 'systemctl%sdisable%s--now%s${firewallUnit}\\nrm%s${firewallUnitPath}\\n' "$separator" "$separator" "$separator" "$separator"
			fi
		} >left
		echo stuck >state
		exit 1
	fi
	sleep 1
done
# What another run has listed since stays listed: the manifest comes back only where it is still the one of this change.
if [ -f manifest-of-change ] && cmp -s manifest-of-change ${manifestPath}; then
	if [ -f manifest ]; then
		cp -p manifest ${manifestPath}.new
		mv -f ${manifestPath}.new ${manifestPath}
	else
		rm -f ${manifestPath}
	fi
fi
rm -f left
echo rolled-back >state
forget_rollback
`;
