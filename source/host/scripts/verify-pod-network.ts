import {apiLimitMs} from './limits.js';
import {answerLines, plainValue} from './answer-lines.js';
import {askDns, dnsFields, readDns, type DnsAnswer} from './dns-ask.js';
import {defineScript} from './script.js';
import {
	pingAll,
	readPings,
	targetsField,
	type PingResult,
} from './verify-ping.js';
import {standInUnit} from './verify-stand-in.js';

/** What one pod reaches. */
export type PodReach = {
	/** Why nothing could be tried from inside the pod's network. */
	readonly problem: string | undefined;
	readonly pings: readonly PingResult[];
	/** `undefined` when no DNS server was given. */
	readonly dns: DnsAnswer | undefined;
};

/**
 * Stands in the network of the pod, or of what plays it, that has this address on this machine, and pings other pods
 * and asks the cluster DNS from there.
 */
export const verifyPodNetwork = defineScript<
	{
		readonly podAddress: string;
		readonly targets: readonly string[];
		readonly dnsServer: string | undefined;
		/** Such as `kubernetes.default.svc.cluster.local`. */
		readonly dnsName: string;
	},
	PodReach
>({
	name: 'verify.pod-network',
	purpose: "reaches other pods and the cluster DNS from inside a pod's network",
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: ({podAddress, targets, dnsServer, dnsName}) => [
		{name: 'address', value: plainValue('address', podAddress)},
		...dnsFields(dnsServer, dnsName),
		targetsField(targets),
	],
	source: `${pingAll}${askDns}
network=
stand_in=$(systemctl show -p MainPID ${standInUnit} 2>/dev/null) || stand_in=
for one in /var/run/netns/* /run/docker/netns/* "/proc/\${stand_in#MainPID=}/ns/net"; do
	[ -e "$one" ] || continue
	if nsenter --net="$one" ip -o addr show 2>/dev/null </dev/null | grep -qF " $address/"; then
		network=$one
		break
	fi
done
if [ -z "$network" ]; then
	printf 'nowhere no network namespace with %s was found\\n' "$address"
	exit 0
fi
ping_all nsenter --net="$network"
[ -n "$dns_server" ] || exit 0
ask_dns nsenter --net="$network"
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return {
			problem: answer.optional('nowhere'),
			pings: readPings(stdout),
			dns: readDns(answer),
		};
	},
});
