import {z} from 'zod';
import {apiLimitMs} from './limits.js';
import {answerLines, plainValue} from './answer-lines.js';
import {k3sPath} from './files-shell.js';
import {defineScript} from './script.js';

const kubectl = `${k3sPath}
kubectl() {
	k3s kubectl --request-timeout=15s "$@" </dev/null
}
`;

/** The address of the cluster's DNS service; `undefined` when the cluster has none. */
export const verifyClusterDns = defineScript<
	Record<string, never>,
	{readonly address: string | undefined}
>({
	name: 'verify.cluster-dns',
	purpose: 'looks up the address of the cluster DNS',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: () => [],
	source: `${kubectl}
kubectl -n kube-system get service kube-dns -o json 2>/dev/null || echo '{}'
`,
	decode({stdout}) {
		const service = z
			.object({
				spec: z.object({clusterIP: z.string().optional()}).optional(),
			})
			.parse(JSON.parse(stdout));
		return {address: service.spec?.clusterIP};
	},
});

/** Whether the API could read something of a node. */
export type ApiAnswer = {
	readonly ok: boolean;
	readonly detail: string;
};

/** Reads the logs of pods through the API, which goes through each node's kubelet. By pod name. */
export const verifyLogs = defineScript<
	{readonly pods: readonly string[]},
	ReadonlyMap<string, ApiAnswer>
>({
	name: 'verify.logs',
	purpose: 'reads the logs of the short-lived pods through the API',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: ({pods}) => [
		{
			name: 'pods',
			value: pods.map((pod) => plainValue('pod name', pod)).join('\n'),
		},
	],
	source: String.raw`${kubectl}
read_one() {
	if said=$(kubectl -n kube-system logs --tail=1 "$1" 2>&1); then
		printf 'ok %s\n' "$1"
	else
		printf 'no %s %s\n' "$1" "$(printf '%s' "$said" | tail -n 1 | head -c 300)"
	fi
}
while IFS= read -r pod; do
	[ -z "$pod" ] || read_one "$pod" &
done <<END_OF_PODS
$pods
END_OF_PODS
wait
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const answers = new Map<string, ApiAnswer>();
		for (const pod of answer.all('ok')) {
			answers.set(pod, {ok: true, detail: ''});
		}

		for (const text of answer.all('no')) {
			const [pod = '', ...detail] = text.split(' ');
			answers.set(pod, {ok: false, detail: detail.join(' ')});
		}

		return answers;
	},
});

/** Asks the kubelet of a node for its health through the API: the way that logs take, for a node without a pod of ours. */
export const verifyKubelet = defineScript<{readonly node: string}, ApiAnswer>({
	name: 'verify.kubelet',
	purpose: "asks a node's kubelet for its health through the API",
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: ({node}) => [{name: 'node', value: plainValue('node name', node)}],
	source: String.raw`${kubectl}
if said=$(kubectl get --raw "/api/v1/nodes/$node/proxy/healthz" 2>&1); then
	echo 'ok'
else
	printf 'no %s
' "$(printf '%s' "$said" | tail -n 1 | head -c 300)"
fi
`,
	decode({stdout}) {
		const detail = answerLines(stdout).optional('no');
		return {ok: detail === undefined, detail: detail ?? ''};
	},
});

/** Names of the nodes of which the API has metrics; `undefined` when it has no metrics at all. */
export const verifyMetrics = defineScript<
	Record<string, never>,
	readonly string[] | undefined
>({
	name: 'verify.metrics',
	purpose: "asks the API for every node's metrics",
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: () => [],
	source: `${kubectl}
kubectl get --raw /apis/metrics.k8s.io/v1beta1/nodes 2>/dev/null || exit 3
`,
	acceptCodes: [3],
	decode({stdout, code}) {
		if (code === 3) {
			return undefined;
		}

		return z
			.object({
				items: z.array(z.object({metadata: z.object({name: z.string()})})),
			})
			.parse(JSON.parse(stdout))
			.items.map(({metadata}) => metadata.name);
	},
});
