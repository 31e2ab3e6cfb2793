import {z} from 'zod';
import {apiLimitMs} from './limits.js';
import {answerLines, plainValue} from './answer-lines.js';
import {failFunction, k3sPath} from './files-shell.js';
import {defineScript} from './script.js';
import {
	pingAll,
	readPings,
	targetsField,
	type PingResult,
} from './verify-ping.js';

/** Name and label of the short-lived DaemonSet, in `kube-system`. */
export const verifyPodsName = 'k3s-mesh-verify';

const kubectl = `${failFunction}${k3sPath}
kubectl() {
	k3s kubectl --request-timeout=15s "$@"
}
`;

/**
 * Starts one pod a node: a DaemonSet of the pause image that K3s's own containerd uses, so that it is on every
 * machine already, air-gapped ones too.
 */
export const verifyPodsUp = defineScript<
	Record<string, never>,
	{readonly image: string}
>({
	name: 'verify.pods-up',
	purpose: 'starts one short-lived pod on each node',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: () => [],
	source: String.raw`${kubectl}
image=$(sed -n "s/^ *sandbox\(_image\)* *= *[\"']\([A-Za-z0-9._:/@-]*\)[\"'].*/\2/p" /var/lib/rancher/k3s/agent/etc/containerd/config.toml 2>/dev/null | head -n 1)
[ -n "$image" ] || image=rancher/mirrored-pause:3.6
kubectl apply -f - <<END_OF_MANIFEST >&2
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ${verifyPodsName}
  namespace: kube-system
  labels: {app: ${verifyPodsName}}
spec:
  selector:
    matchLabels: {app: ${verifyPodsName}}
  template:
    metadata:
      labels: {app: ${verifyPodsName}}
    spec:
      terminationGracePeriodSeconds: 0
      automountServiceAccountToken: false
      tolerations: [{operator: Exists}]
      containers:
        - name: pod
          image: $image
          imagePullPolicy: IfNotPresent
          resources:
            limits: {memory: 16Mi}
END_OF_MANIFEST
printf 'image %s\n' "$image"
`,
	decode: ({stdout}) => ({image: answerLines(stdout).one('image')}),
});

/** A pod of verification. */
export type VerifyPod = {
	readonly name: string;
	readonly node: string;
	/** `undefined` until it has one. */
	readonly address: string | undefined;
	readonly running: boolean;
	/** Why its container does not run, in Kubernetes' words. */
	readonly reason: string | undefined;
};

const podList = z.object({
	items: z.array(
		z.object({
			metadata: z.object({
				name: z.string(),
				deletionTimestamp: z.string().optional(),
			}),
			spec: z.object({nodeName: z.string().default('')}).prefault({}),
			status: z
				.object({
					phase: z.string().default('Pending'),
					podIP: z.string().optional(),
					containerStatuses: z
						.array(
							z.object({
								state: z
									.object({
										waiting: z
											.object({
												reason: z.string().optional(),
												message: z.string().optional(),
											})
											.optional(),
									})
									.optional(),
							}),
						)
						.default([]),
				})
				.prefault({}),
		}),
	),
});

/** Reads the answer of `kubectl get pods -o json`. Throws when it is something else. */
export const parsePods = (text: string): readonly VerifyPod[] =>
	podList
		.parse(JSON.parse(text))
		.items.filter(({metadata}) => metadata.deletionTimestamp === undefined)
		.map(({metadata, spec, status}) => {
			const waiting = status.containerStatuses[0]?.state?.waiting;
			return {
				name: metadata.name,
				node: spec.nodeName,
				address: status.podIP === '' ? undefined : status.podIP,
				running: status.phase === 'Running',
				reason: waiting?.message ?? waiting?.reason,
			};
		});

/** Lists the pods of verification, on a server. */
export const verifyPodsList = defineScript<
	Record<string, never>,
	readonly VerifyPod[]
>({
	name: 'verify.pods-list',
	purpose: 'looks where the short-lived pods run',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: () => [],
	source: `${kubectl}
kubectl -n kube-system get pods -l app=${verifyPodsName} -o json </dev/null
`,
	decode: ({stdout}) => parsePods(stdout),
});

/** Takes the pods of verification away again. */
export const verifyPodsDown = defineScript<Record<string, never>, void>({
	name: 'verify.pods-down',
	purpose: 'removes the short-lived pods',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: () => [],
	source: `${kubectl}
kubectl -n kube-system delete daemonset ${verifyPodsName} --ignore-not-found --wait=false </dev/null >&2
`,
	decode() {
		// Nothing to read.
	},
});

/** What one pod reaches. */
export type PodReach = {
	/** Why nothing could be tried from inside the pod's network. */
	readonly problem: string | undefined;
	readonly pings: readonly PingResult[];
	/** `undefined` when no DNS server was given. */
	readonly dns: {readonly ok: boolean; readonly detail: string} | undefined;
};

const dnsQuery = String.raw`
import socket, struct, sys
server, name = sys.argv[1], sys.argv[2]
question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
query = struct.pack(">HHHHHH", 17, 256, 1, 0, 0, 0) + question + struct.pack(">HH", 1, 1)
family = socket.AF_INET6 if ":" in server else socket.AF_INET
said = "no answer"
for attempt in range(3):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(2)
    try:
        s.sendto(query, (server, 53))
        answer = s.recv(2048)
        flags, answers = struct.unpack(">HxxH", answer[2:8])
        if flags & 15 == 0 and answers > 0:
            print("dns yes")
            sys.exit(0)
        said = "answers with code %d and %d records" % (flags & 15, answers)
    except OSError as error:
        said = "no answer (%s)" % error
    finally:
        s.close()
print("dns no " + said)
`;

/**
 * Stands in the network of the pod that has this address on this machine, and pings other pods and asks the
 * cluster DNS from there.
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
		{name: 'dns_server', value: plainValue('address', dnsServer ?? '')},
		{name: 'dns_name', value: plainValue('name', dnsName)},
		targetsField(targets),
	],
	source: String.raw`${pingAll}
network=
for one in /var/run/netns/* /run/docker/netns/*; do
	[ -e "$one" ] || continue
	if nsenter --net="$one" ip -o addr show 2>/dev/null </dev/null | grep -qF " $address/"; then
		network=$one
		break
	fi
done
if [ -z "$network" ]; then
	printf 'nowhere no network namespace with %s was found\n' "$address"
	exit 0
fi
ping_all nsenter --net="$network"
[ -n "$dns_server" ] || exit 0
if command -v python3 >/dev/null 2>&1; then
	nsenter --net="$network" python3 -c '${dnsQuery}' "$dns_server" "$dns_name" </dev/null
elif command -v nslookup >/dev/null 2>&1; then
	if nsenter --net="$network" nslookup "$dns_name" "$dns_server" >/dev/null 2>&1 </dev/null; then
		echo 'dns yes'
	else
		echo 'dns no no answer'
	fi
else
	echo 'dns no neither python3 nor nslookup is installed'
fi
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const dns = answer.optional('dns');
		return {
			problem: answer.optional('nowhere'),
			pings: readPings(stdout),
			dns:
				dns === undefined
					? undefined
					: {ok: dns === 'yes', detail: dns.replace(/^(?:yes|no) ?/, '')},
		};
	},
});
