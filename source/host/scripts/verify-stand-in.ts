import {answerLines} from './answer-lines.js';
import {defineScript} from './script.js';

/** The unit that holds the network namespace of a stand-in: when it ends, the namespace and its link are gone. */
export const standInUnit = 'k3s-mesh-verify-pod';

/** The stand-in's link on the host's side. */
const link = 'k3s-mesh-pod';

/** A stand-in ends by itself after this time, in s, whatever happens to us. */
const limitSeconds = 1800;

const takeDown = `
take_down() {
	systemctl stop ${standInUnit} 2>/dev/null || :
	systemctl reset-failed ${standInUnit} 2>/dev/null || :
	ip link delete ${link} 2>/dev/null || :
}
`;

/** What came of a stand-in. */
export type StandIn =
	| {readonly address: string}
	| {
			/** Why there can be none, for people. */
			readonly problem: string;
	  };

/**
 * Plays a pod where no image can be had: a network namespace with a veth on cni0 and an address of the node's pod
 * network.
 *
 * The address is near the end of the network, where the host-local plugin comes last: none that it has given away
 * (the names of files in its folder), none of the next that it will give, and none that answers. It is not reserved
 * in that folder, because a reservation would stay for ever if this machine lost its power now.
 */
export const verifyStandInUp = defineScript<Record<string, never>, StandIn>({
	name: 'verify.stand-in-up',
	purpose:
		'plays a pod by a network namespace on cni0, where no image can be had',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: `${takeDown}
nowhere() {
	printf 'nowhere %s\\n' "$1"
	exit 0
}
number_of() {
	printf '%s\\n' "$1" | {
		IFS=. read -r a b c d
		echo "$((((a * 256 + b) * 256 + c) * 256 + d))"
	}
}
text_of() {
	echo "$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"
}
# A namespace of its own, and not the one in which the process was a moment ago.
apart() {
	main=$(systemctl show -p MainPID ${standInUnit}) || return 1
	main=\${main#MainPID=}
	[ "\${main:-0}" -gt 0 ] || return 1
	space=$(readlink "/proc/$main/ns/net") && [ -n "$space" ] && [ "$space" != "$(readlink /proc/self/ns/net)" ]
}
plug() {
	ip link add ${link} mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$main" &&
		ip link set ${link} master cni0 up &&
		nsenter --net="/proc/$main/ns/net" ip link set lo up &&
		nsenter --net="/proc/$main/ns/net" ip address add "$address/\${own#*/}" dev eth0 &&
		nsenter --net="/proc/$main/ns/net" ip link set eth0 up &&
		nsenter --net="/proc/$main/ns/net" ip route add default via "\${own%/*}"
}

for program in ip nsenter ping systemd-run unshare; do
	command -v "$program" >/dev/null 2>&1 || nowhere "$program is not installed"
done
own=$(ip -o -4 addr show dev cni0 2>/dev/null | sed -n 's|.* inet \\([0-9.]*/[0-9]*\\) .*|\\1|p' | head -n 1)
[ -n "$own" ] || nowhere 'there is no cni0 with an IPv4 address, because no pod has run there yet'
mtu=$(cat /sys/class/net/cni0/mtu 2>/dev/null) || mtu=1280
take_down

held=/var/lib/cni/networks/cbr0
gateway=$(number_of "\${own%/*}")
size=$((1 << (32 - \${own#*/})))
given=0
[ ! -s "$held/last_reserved_ip.0" ] || given=$(number_of "$(cat "$held/last_reserved_ip.0")")
candidate=$((gateway / size * size + size - 2))
end=$((candidate - 64))
address=
while [ "$candidate" -gt "$gateway" ] && [ "$candidate" -gt "$end" ]; do
	text=$(text_of "$candidate")
	if [ "$candidate" -le "$given" ] || [ "$candidate" -gt "$((given + 16))" ]; then
		if [ ! -e "$held/$text" ] && ! ping -n -q -c 1 -W 1 "$text" >/dev/null 2>&1; then
			address=$text
			break
		fi
	fi
	candidate=$((candidate - 1))
done
[ -n "$address" ] || nowhere 'its pod network has no free address near its end'

systemd-run --quiet --collect --unit=${standInUnit} --description='k3s-mesh: plays a pod' \\
	--property=RuntimeMaxSec=${limitSeconds} unshare --net sleep ${limitSeconds} >&2 || nowhere 'systemd-run could not start what plays it'
tries=0
until apart; do
	tries=$((tries + 1))
	if [ "$tries" -gt 50 ]; then
		take_down
		nowhere 'it has got no network namespace of its own'
	fi
	sleep 0.2 2>/dev/null || sleep 1
done
if said=$(plug 2>&1); then
	printf 'address %s\\n' "$address"
else
	take_down
	nowhere "its link cannot be made: $said"
fi
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const problem = answer.optional('nowhere');
		return problem === undefined ? {address: answer.one('address')} : {problem};
	},
});

/** Takes the stand-in of a machine away, when there is one. */
export const verifyStandInDown = defineScript<Record<string, never>, void>({
	name: 'verify.stand-in-down',
	purpose: 'takes away what played a pod',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: `${takeDown}
take_down
`,
	decode() {
		// Nothing to read.
	},
});
