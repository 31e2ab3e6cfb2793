import {z} from 'zod';
import {apiLimitMs} from './limits.js';
import {answerLines} from './answer-lines.js';
import {failFunction, k3sPath} from './files-shell.js';
import {defineScript} from './script.js';

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
	/** Those of further families, where pods have two. */
	readonly furtherAddresses?: readonly string[];
	readonly running: boolean;
	/** Why its container does not run, in Kubernetes' words. */
	readonly reason: string | undefined;
	/** Kubernetes' word for it, when the reason is that an image cannot be had. */
	readonly imageProblem?: string;
};

/** What the kubelet says of a container whose image it cannot get. */
const imageWords: ReadonlySet<string> = new Set([
	'ErrImagePull',
	'ImagePullBackOff',
	'ErrImageNeverPull',
	'ImageInspectError',
	'RegistryUnavailable',
]);

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
					podIPs: z.array(z.object({ip: z.string()})).default([]),
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

const eventList = z.object({
	items: z.array(
		z.object({
			involvedObject: z.object({name: z.string().default('')}),
			message: z.string().default(''),
		}),
	),
});

/**
 * Reads the answers of `kubectl get -o json`: the pods, and the events about sandboxes that could not be made. A pod
 * without a sandbox only says `ContainerCreating`; why is in an event, so also when it is the sandbox's own image.
 * Throws when they are something else.
 */
export const parsePods = (
	podsText: string,
	eventsText: string,
): readonly VerifyPod[] => {
	const events = eventList.parse(JSON.parse(eventsText)).items;
	return podList
		.parse(JSON.parse(podsText))
		.items.filter(({metadata}) => metadata.deletionTimestamp === undefined)
		.map(({metadata, spec, status}) => {
			const running = status.phase === 'Running';
			const further = status.podIPs
				.map(({ip}) => ip)
				.filter((ip) => ip !== status.podIP);
			const waiting = status.containerStatuses[0]?.state?.waiting;
			const sandbox =
				!running &&
				(waiting === undefined || waiting.reason === 'ContainerCreating')
					? events.findLast(
							({involvedObject}) => involvedObject.name === metadata.name,
						)?.message
					: undefined;
			const word = sandbox === undefined ? waiting?.reason : sandboxWord;
			const isImage =
				sandbox === undefined
					? imageWords.has(word ?? '')
					: /sandbox image/i.test(sandbox);
			return {
				name: metadata.name,
				node: spec.nodeName,
				address: status.podIP === '' ? undefined : status.podIP,
				...(further.length > 0 && {furtherAddresses: further}),
				running,
				reason: [sandbox, waiting?.message, waiting?.reason].find(
					(text) => text !== undefined && text !== '',
				),
				...(isImage && word !== undefined && {imageProblem: word}),
			};
		});
};

/** The reason of the events that say why a sandbox could not be made. */
const sandboxWord = 'FailedCreatePodSandBox';

/** Between the two answers of the script below; no JSON has such a line. */
const separator = '--- events';

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
	source: String.raw`${kubectl}
kubectl -n kube-system get pods -l app=${verifyPodsName} -o json </dev/null
printf '\n%s\n' '${separator}'
kubectl -n kube-system get events --field-selector reason=${sandboxWord} -o json </dev/null
`,
	decode({stdout}) {
		const [pods = '', events = ''] = stdout.split(`\n${separator}\n`);
		return parsePods(pods, events);
	},
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
