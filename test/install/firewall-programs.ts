/**
 * Firewall programs with a memory, for the sandbox: each keeps its rules below `/firewall` of the sandbox, a line a
 * rule, words in brackets. They take the words that our rules have, and no others.
 */
export const firewallPrograms = (
	root: string,
): Readonly<Record<string, string>> => {
	const common = String.raw`#!/bin/sh
state=${root}/firewall
[ -d "$state" ] || mkdir -p "$state"
bracketed() {
	text=
	for word in "$@"; do text="$text[$word]"; done
	printf '%s\n' "$text"
}
holds() { [ -f "$1" ] && grep -qxF -e "$2" "$1"; }
drop() {
	grep -vxF -e "$2" "$1" >"$1.new"
	mv "$1.new" "$1"
}
`;
	return {
		ufw: String.raw`${common}
dry=no
if [ "$1" = --dry-run ]; then dry=yes; shift; fi
case "$1" in
	prepend)
		shift
		rule=$(bracketed "$@" | sed 's/\[comment\].*//')
		if holds "$state/ufw" "$rule"; then echo 'Skipping adding existing rule'; exit 0; fi
		if [ $dry = no ]; then
			echo "$rule" >>"$state/ufw"
			# As ufw shows it: the comment in quotes, at the end.
			echo "ufw $*" | sed "s/ comment \\(.*\\)/ comment '\\1'/" >>"$state/../ufw-added"
		fi
		;;
	show) [ ! -f "$state/../ufw-added" ] || cat "$state/../ufw-added" ;;
	reload) ;;
	delete)
		shift
		drop "$state/ufw" "$(bracketed "$@")"
		;;
	*) exit 2 ;;
esac
`,
		iptables: `${common}
[ "$1 $2" = '-w 5' ] || exit 2
shift 2
verb=$1
chain=$2
shift 2
case "$verb" in
	-C) holds "$state/iptables-$chain" "$(bracketed "$@")" ;;
	-I)
		shift
		bracketed "$@" >>"$state/iptables-$chain"
		;;
	-S) ;;
	-D) holds "$state/iptables-$chain" "$(bracketed "$@")" && drop "$state/iptables-$chain" "$(bracketed "$@")" ;;
	*) exit 2 ;;
esac
`,
		nft: String.raw`${common}
case "$1 $2" in
	'list tables') exit 0 ;;
	'-a list')
		[ -f "$state/nft-$4-$5-$6" ] || exit 1
		sed "s/$/ # handle /" "$state/nft-$4-$5-$6" | awk '{print $0 NR}'
		exit 0
		;;
esac
case "$1 $2" in
	-f*)
		chain=$(sed -n '1s/^flush chain \([^ ]*\) \([^ ]*\) /\1-\2-/p' "$2")
		[ -f "$state/nft-$chain" ] || exit 1
		sed 1,2d "$2" >"$state/nft-$chain"
		exit 0
		;;
esac
[ "$1 $2" != 'add chain' ] || { touch "$state/nft-$3-$4-$5"; exit 0; }
[ -f "$state/nft-$3-$4-$5" ] || exit 1
file="$state/nft-$3-$4-$5"
case "$1 $2" in
	'add rule' | 'insert rule')
		shift 5
		echo "$*" >>"$file"
		;;
	'delete rule') sed -i "$7d" "$file" ;;
	'flush chain') : >"$file" ;;
	'delete chain')
		[ ! -s "$file" ] && ! grep -qs "jump $5 " "$state"/nft-* || exit 1
		rm "$file"
		;;
	'list chain')
		echo "chain $3-$4-$5"
		cat "$file"
		;;
	*) exit 2 ;;
esac
`,
		'firewall-cmd': `${common}
mode=running
if [ "$1" = --permanent ]; then mode=permanent; shift; fi
zone=public
case "$1" in
	--zone=*) zone=\${1#--zone=}; shift ;;
esac
file="$state/firewalld-$mode-$zone"
touch "$file"
for word in "$@"; do
	case "$word" in
		--list-all)
			echo "  interfaces: $(sed -n 's/^interface=//p' "$file" | tr '\\n' ' ')"
			sed -n 's/^rich-rule=/\t/p' "$file"
			;;
		--add-*) echo "\${word#--add-}" >>"$file" ;;
		--remove-*) drop "$file" "\${word#--remove-}" ;;
		*) exit 2 ;;
	esac
done
`,
		systemctl: `${common}
echo "$*" >>"$state/../systemctl-calls"
case "$*" in
	'stop k3s-mesh-rollback.timer') rm -f "$state/../timer-runs" ;;
	'is-active --quiet k3s-mesh-rollback.timer')
		[ -e "$state/../timer-runs" ]
		exit
		;;
esac
case "$1" in
	enable | disable | is-enabled | is-active)
		for unit in "$@"; do :; done
		enabled="$state/../enabled-$unit"
		case "$1" in
			enable) : >"$enabled" ;;
			disable) rm -f "$enabled" ;;
			*) [ -e "$enabled" ] ;;
		esac
		;;
esac
`,
		'systemd-run': `${common}
echo "$*" >>"$state/../timers"
: >"$state/../timer-runs"
`,
	};
};
