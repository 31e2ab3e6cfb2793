import {plainValue} from './answer-lines.js';
import {firewallUnit, firewallUnitPath} from './firewall-unit.js';

/** Parts the words of a rule: a control character that no word may have. */
export const unitSeparator = '\u001F';

/** The words of a rule on one line. Throws when they are no command or have control characters. */
export const encodeWords = (words: readonly string[]): string => {
	if (words.length < 2) {
		throw new Error('A firewall rule needs a program and words.');
	}

	return words
		.map((word) => plainValue('firewall rule', word))
		.join(unitSeparator);
};

/** `with_words LINE COMMAND…`: runs the command with the words of the line behind it. No shell looks at them. */
export const withWordsFunction = `
with_words() {
	line=$1
	shift
	saved=$IFS
	IFS=$separator
	# shellcheck disable=SC2086
	set -- "$@" $line
	IFS=$saved
	"$@"
}
`;

/**
 * `present_FIREWALL WORDS…`: is that rule there? `unit_is_there`: is the unit of ours as `unit` wants it, and at work?
 * Both change nothing.
 */
export const presentFunctions = `${withWordsFunction}
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/sbin:/sbin"
set -f
# ufw calls a rule existing, too, that differs from ours in its verb alone: such a rule forbids what we allow, and ufw
# takes none beside it. It stands in $forbidding then.
forbidding=
added=
find_forbidding() {
	[ -n "$added" ] || added=$(ufw show added 2>/dev/null </dev/null) || :
	route=
	match=
	ports=
	protocol=
	while [ $# -gt 0 ]; do
		case "$1" in
			route) route='route ' ;;
			from)
				match="from $2"
				shift
				;;
			in | out) match="$1 on $3" ;;
			port)
				ports=" to any port $2"
				shift
				;;
			proto)
				protocol=" proto $2"
				shift
				;;
			comment) break ;;
		esac
		shift
	done
	forbidding=$(printf '%s\\n' "$added" |
		grep -E "^ufw \${route}(deny|reject|limit)( log| log-all)? $match$ports$protocol( comment |$)" | head -n 1) || :
}
present_ufw() {
	shift
	forbidding=
	ufw --dry-run "$@" 2>&1 </dev/null | grep -q '^Skipping' || return 1
	find_forbidding "$@"
	[ -z "$forbidding" ]
}
# firewalld: words are firewall-cmd --permanent [--zone=ZONE] --add-KIND=VALUE. Each of its calls takes long, so the
# list of a zone is asked for once, and what is missing there is added in one call.
listed=no
list_firewalld() {
	[ "$listed" != "$zone" ] || return 0
	listed=$zone
	permanent=$(firewall-cmd --permanent \${zone:+"$zone"} --list-all 2>/dev/null </dev/null) || :
	running=$(firewall-cmd \${zone:+"$zone"} --list-all 2>/dev/null </dev/null) || :
}
take_apart() {
	zone=
	for word in "$@"; do
		case "$word" in
			--zone=*) zone=$word ;;
			--add-*) addition=$word ;;
		esac
	done
	value=\${addition#*=}
}
# A rich rule has a line of its own; an interface is one word of a line.
is_listed() {
	case "$addition" in
		--add-interface=*) printf '%s\\n' "$1" | grep -E '^[[:space:]]*interfaces:' | tr ' ' '\\n' | grep -qxF -e "$value" ;;
		*) printf '%s\\n' "$1" | sed 's/^[[:space:]]*//' | grep -qxF -e "$value" ;;
	esac
}
present_firewalld() {
	take_apart "$@"
	list_firewalld
	is_listed "$permanent" && is_listed "$running"
}
# iptables: the same words with -C in place of -I or -A, and no position.
present_iptables() {
	count=$#
	position=no
	while [ "$count" -gt 0 ]; do
		word=$1
		shift
		case "$position $word" in
			'no -I' | 'no -A')
				set -- "$@" -C
				position=chain
				;;
			chain\\ *)
				set -- "$@" "$word"
				position=maybe
				;;
			maybe\\ [0-9] | maybe\\ [0-9][0-9]) position=done ;;
			*)
				set -- "$@" "$word"
				[ $position != maybe ] || position=done
				;;
		esac
		count=$((count - 1))
	done
	"$@" >/dev/null 2>&1 </dev/null
}
# nftables: words are nft add|insert rule FAMILY TABLE CHAIN … comment "TEXT"; the text names the rule in its chain.
present_nftables() {
	for last in "$@"; do :; done
	case "$2 $3" in
		'add table' | 'add chain') nft list "$3" "$4" "$5" \${6:+"$6"} >/dev/null 2>&1 </dev/null ;;
		*) nft list chain "$4" "$5" "$6" 2>/dev/null </dev/null | grep -qF "comment $last" ;;
	esac
}
program_of() {
	printf '%s\\n' "$1"
}
# require_program LINE: the program of a rule.
require_program() {
	program=$(with_words "$1" program_of)
	command -v "$program" >/dev/null 2>&1 || fail "$program is not installed on this machine."
}
unit_is_there() {
	[ -n "$unit" ] || return 0
	[ -f ${firewallUnitPath} ] && printf %s "$unit" | cmp -s - ${firewallUnitPath} &&
		systemctl is-enabled --quiet ${firewallUnit} && systemctl is-active --quiet ${firewallUnit}
}
`;
