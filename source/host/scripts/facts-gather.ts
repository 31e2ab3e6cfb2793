import {toolNames, type HostFacts} from '../../facts/host-facts.js';
import {parseHostFacts} from '../../facts/parse-facts.js';
import type {Host} from '../host.js';
import {k3sSections} from './facts/k3s.js';
import {networkSections} from './facts/network.js';
import {systemSections} from './facts/system.js';
import {tailscaleSections} from './facts/tailscale.js';
import {defineScript} from './script.js';

/** What facts need from this side. */
export type FactsInput = {
	/** Our clock, in ms since 1970. */
	readonly now: () => number;
	/** Round trip to the host, in ms: half of it lies between the two clocks. */
	readonly rttMs: number;
	/** The address that was dialed, when it is known. */
	readonly dialed: string | undefined;
	/** Why the login does not become root, when it does not. */
	readonly rootRefused?: string | undefined;
};

/** The input for a host that is open. */
export const factsInput = (host: Host, now: () => number): FactsInput => ({
	now,
	rttMs: host.rttMs,
	dialed: host.dialed,
	rootRefused: host.rootRefused,
});

/** Names of the sections, each the output of the function `show_NAME`. */
const sectionNames = [
	'identity',
	'machine_id',
	'os_release',
	'init',
	'cpu',
	'memory',
	'disks',
	'mounts',
	'synchronized',
	'cgroup',
	'wireguard',
	'selinux',
	'dmi',
	'tools',
	'python',
	'probe_tools',
	'privilege',
	'steps',
	'manifest',
	'rollback',
	'addresses',
	'mtus',
	'routes',
	'resolv',
	'resolved',
	'listening',
	'sockets',
	'ip_forward',
	'ufw',
	'ufw_config',
	'firewalld',
	'firewalld_zone',
	'nft',
	'iptables',
	'iptables_legacy',
	'k3s_units',
	'k3s_version',
	'k3s_ca',
	'k3s_flannel',
	'tailscale_status',
	'tailscale_prefs',
	'tailscale_version',
	'proxy',
];

/**
 * Reads what the sections print and writes it as the answer. The first line is the mark that stands before the name of
 * each section; it is random and comes by standard input, so that nothing that a machine prints can pass for it. The
 * empty line before a mark is ours.
 */
const answerProgram = String.raw`
NR == 1 { mark = $0 " "; next }
index($0, mark) == 1 {
	name = substr($0, length(mark) + 1)
	whole = name == "end"
	if (!whole) print "= " name
	lines = empty = 0
	next
}
$0 == "" { empty += 1; next }
lines < 5000 {
	for (; empty > 0; empty -= 1) print "|"
	print "|" substr($0, 1, 4000)
	lines += 1
}
END { exit !whole }
`;

/**
 * All facts of a machine in one round trip. A section is a header line and the output of its function with `|` before
 * each line, so that nothing that a machine prints can pass for a header. A tool that is missing or hangs leaves its
 * section empty.
 *
 * Starting a program takes about a millisecond of the machine's processor, and there are many things to ask: what the
 * shell can do itself it does, a program that can not answer is not started, and one awk reads all sections.
 */
export const factsGather = defineScript<FactsInput, HostFacts>({
	name: 'facts.gather',
	purpose:
		'reads what the machine is and what is on it; changes nothing and reads no secret out',
	as: 'any',
	timeoutMs: 60_000,
	fields: ({now, rttMs, dialed, rootRefused}) => [
		{name: 'tool_names', value: toolNames.join(' ')},
		{name: 'rtt', value: String(rttMs)},
		{name: 'dialed', value: dialed ?? ''},
		{name: 'root_refused', value: rootRefused ?? ''},
		{name: 'sent_at', value: String(now())},
	],
	source: String.raw`
clock_at=$(date +%s.%N)

if ! command -v awk >/dev/null 2>&1; then
	echo 'there is no awk on this machine' >&2
	exit 1
fi

# The timeout of an old busybox wants other words; then nothing has a limit but the whole.
if identity=$(timeout 5 uname -nrm 2>/dev/null); then
	limited() { timeout 5 "$@"; }
else
	identity=$(uname -nrm)
	limited() { "$@"; }
fi
kernel=${'$'}{identity#* }
kernel=${'$'}{kernel% *}

section() {
	printf '\n%s %s\n' "$marker" "$1"
	shift
	"$@" || :
}

have() {
	command -v "$1" >/dev/null
}

# Small files, without a program. The second word is a pattern for the lines that are wanted.
lines_of() {
	[ -r "$1" ] || return 1
	while IFS= read -r file_line || [ -n "$file_line" ]; do
		case $file_line in
			${'$'}{2:-*}) printf '%s\n' "$file_line" ;;
		esac
	done <"$1"
}

show_call() {
	printf '%s\n' "clock $clock_at" "sent $sent_at" "rtt $rtt" "dialed $dialed" "connection $ssh_connection" "refused $root_refused"
}
${systemSections}${networkSections}${k3sSections}${tailscaleSections}
{
	exec 2>/dev/null
	printf '%s\n' "$marker"
	section call show_call
	for name in ${sectionNames.join(' ')}; do
		section "$name" "show_$name"
	done
	k3s_config_files
	section end :
} | awk '${answerProgram}'
`,
	decode: ({stdout}) => parseHostFacts(stdout),
});
