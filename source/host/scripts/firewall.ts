import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {failFunction, stateFolderFunction} from './files-shell.js';
import {defineScript} from './script.js';

/** A rule in the words of the firewall's own program. */
export type FirewallWords = {
	/** The command that adds it, program first. */
	readonly add: readonly string[];
	/** The command that takes it back. */
	readonly remove: readonly string[];
};

/** Parts the words of a rule: a control character that no word may have. */
const unitSeparator = '\u001F';

const encode = (words: readonly string[]): string => {
	if (words.length < 2) {
		throw new Error('A firewall rule needs a program and words.');
	}

	return words
		.map((word) => plainValue('firewall rule', word))
		.join(unitSeparator);
};

/** The unit that brings rules back after a boot, where the firewall has no memory of its own. */
export const firewallUnit = 'k3s-mesh-firewall.service';

/**
 * Adds the rules that are not there yet, or only counts them. The words of a rule are handed to the program as
 * they are: no shell looks at them.
 *
 * - ufw and firewalld remember rules themselves; firewalld gets each rule in its permanent and its running
 *   configuration, so that nothing needs a reload.
 * - iptables and nftables do not: a oneshot unit of ours adds the rules again at boot, after the firewall's own
 *   service and whenever that is restarted.
 */
export const firewallApply = defineScript<
	{
		readonly firewall: 'ufw' | 'firewalld' | 'nftables' | 'iptables';
		readonly rules: readonly FirewallWords[];
		/** Only count what is missing. */
		readonly checkOnly: boolean;
	},
	{
		/** Rules that were missing: added, unless it was only to count. */
		readonly missing: number;
	}
>({
	name: 'firewall.apply',
	purpose: 'adds the firewall rules that are missing',
	as: 'root',
	timeoutMs: 180_000,
	fields: ({firewall, rules, checkOnly}) => [
		{name: 'firewall', value: firewall},
		{name: 'check_only', value: checkOnly ? 'yes' : 'no'},
		{name: 'separator', value: unitSeparator},
		{name: 'additions', value: rules.map(({add}) => encode(add)).join('\n')},
		{
			name: 'removals',
			value: rules.map(({remove}) => encode(remove)).join('\n'),
		},
	],
	source: `${failFunction}${stateFolderFunction}
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/sbin:/sbin"
set -f
newline='
'
# split LINE: its words become the positional parameters of the caller through the unquoted $split.
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
present_ufw() {
	shift
	ufw --dry-run "$@" 2>&1 </dev/null | grep -q '^Skipping'
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
batch=
batch_zone=
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
run_words() {
	"$@" </dev/null >&2
}
add_ufw() { run_words "$@"; }
add_iptables() { run_words "$@"; }
add_nftables() { run_words "$@"; }
flush_firewalld() {
	[ -n "$batch" ] || return 0
	words=$batch
	batch=
	for mode in --permanent ''; do
		with_words "\${mode:+$mode$separator}\${batch_zone:+$batch_zone$separator}$words" run_words firewall-cmd || return 1
	done
}
add_firewalld() {
	take_apart "$@"
	if [ "$zone" != "$batch_zone" ]; then
		flush_firewalld || return 1
		batch_zone=$zone
	fi
	batch="\${batch:+$batch$separator}$addition"
}
program_of() {
	printf '%s\\n' "$1"
}
missing=0
while IFS= read -r rule; do
	[ -n "$rule" ] || continue
	program=$(with_words "$rule" program_of)
	command -v "$program" >/dev/null 2>&1 || fail "$program is not installed on this machine."
	if with_words "$rule" "present_$firewall"; then
		continue
	fi
	missing=$((missing + 1))
	[ "$check_only" = no ] || continue
	with_words "$rule" "add_$firewall" || fail "The firewall refused a rule: $(printf %s "$rule" | tr "$separator" ' ')"
done <<END_OF_RULES
$additions
END_OF_RULES
flush_firewalld || fail "The firewall refused a rule: firewall-cmd $batch_zone $(printf %s "$words" | tr "$separator" ' ')"

# shellcheck disable=SC2016
unless_there='for last in "$@"; do :; done; nft list chain "$3" "$4" "$5" | grep -qF "comment $last" || exec nft "$@"'
# A word of ExecStart: quoted for systemd, so that it stays one word and nothing in it is expanded.
quoted_words() {
	# Our chain is emptied first, but the jump to it may be there still, when only this unit is started again.
	case "$1 $2 $3" in
		'nft insert rule')
			shift
			set -- sh -c "$unless_there" nft "$@"
			;;
	esac
	program=$(command -v "$1")
	shift
	printf '%s' "$program"
	for word in "$@"; do
		printf ' "%s"' "$(printf %s "$word" | sed 's/[\\\\"]/\\\\&/g; s/%/%%/g; s/\\$/$$/g')"
	done
	echo
}
boot_unit() {
	cat <<'END_OF_UNIT'
# Written by k3s-mesh-tui: adds its firewall rules again after a boot.
[Unit]
Description=k3s-mesh firewall rules
After=nftables.service netfilter-persistent.service iptables.service
PartOf=nftables.service netfilter-persistent.service iptables.service
ReloadPropagatedFrom=nftables.service netfilter-persistent.service iptables.service
Before=k3s.service k3s-agent.service

[Service]
Type=oneshot
RemainAfterExit=yes
END_OF_UNIT
	for when in ExecStart ExecReload; do
		while IFS= read -r rule; do
			[ -z "$rule" ] || printf '%s=-%s\\n' "$when" "$(with_words "$rule" quoted_words)"
		done <<END_OF_LINES
$(printf '%s\\n' "$removals" | awk '!seen[$0]++')
$additions
END_OF_LINES
	done
	cat <<'END_OF_UNIT'

[Install]
WantedBy=multi-user.target nftables.service netfilter-persistent.service iptables.service
END_OF_UNIT
}
case "$firewall" in
	iptables | nftables)
		file=/etc/systemd/system/${firewallUnit}
		wanted=$(boot_unit)
		if [ ! -f "$file" ] || [ "$(cat "$file")" != "$wanted" ] ||
			! systemctl is-enabled --quiet ${firewallUnit} || ! systemctl is-active --quiet ${firewallUnit}; then
			[ "$missing" -gt 0 ] || missing=1
			if [ "$check_only" = no ]; then
				printf '%s\\n' "$wanted" >"$file.k3s-mesh-new"
				mv -f "$file.k3s-mesh-new" "$file"
				systemctl daemon-reload
				systemctl enable --quiet ${firewallUnit}
				# Only a unit that is active hears when the firewall is restarted or reloaded.
				systemctl start ${firewallUnit}
			fi
		fi
		;;
esac
printf 'missing %s\\n' "$missing"
`,
	decode: ({stdout}) => ({
		missing: wholeNumber(answerLines(stdout).one('missing')),
	}),
});
