import {toolNames, type HostFacts} from '../../facts/host-facts.js';
import {parseHostFacts} from '../../facts/parse-facts.js';
import type {Host} from '../host.js';
import {k3sSections} from './facts/k3s.js';
import {networkSections} from './facts/network.js';
import {systemSections} from './facts/system.js';
import {defineScript} from './script.js';

/** What facts need from this side. */
export type FactsInput = {
	/** Our clock, in ms since 1970. */
	readonly now: () => number;
	/** Round trip to the host, in ms: half of it lies between the two clocks. */
	readonly rttMs: number;
	/** The address that was dialed, when it is known. */
	readonly dialed: string | undefined;
};

/** The input for a host that is open. */
export const factsInput = (host: Host, now: () => number): FactsInput => ({
	now,
	rttMs: host.rttMs,
	dialed: host.dialed,
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
];

/**
 * All facts of a machine in one round trip. A section is a header line and the output of its function with `|` before
 * each line, so that nothing that a machine prints can pass for a header. A tool that is missing or hangs leaves its
 * section empty.
 */
export const factsGather = defineScript<FactsInput, HostFacts>({
	name: 'facts.gather',
	purpose:
		'reads what the machine is and what is on it; changes nothing and reads no secret out',
	as: 'any',
	timeoutMs: 60_000,
	fields: ({now, rttMs, dialed}) => [
		{name: 'tool_names', value: toolNames.join(' ')},
		{name: 'rtt', value: String(rttMs)},
		{name: 'dialed', value: dialed ?? ''},
		{name: 'sent_at', value: String(now())},
	],
	source: String.raw`
clock_at=$(date +%s.%N)

if timeout 1 true 2>/dev/null; then
	limited() { timeout 5 "$@"; }
else
	limited() { "$@"; }
fi

section() {
	printf '= %s\n' "$1"
	shift
	{ "$@" 2>/dev/null || :; } </dev/null | cut -c 1-4000 | sed -e 's/^/|/' -e 5000q
	printf '\n'
}

show_call() {
	printf '%s\n' "clock $clock_at" "sent $sent_at" "rtt $rtt" "dialed $dialed" "connection $ssh_connection"
}
${systemSections}${networkSections}${k3sSections}
section call show_call
for name in ${sectionNames.join(' ')}; do
	section "$name" "show_$name"
done
k3s_config_files
`,
	decode: ({stdout}) => parseHostFacts(stdout),
});
