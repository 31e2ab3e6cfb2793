import {z} from 'zod';
import {apiLimitMs} from './limits.js';
import {answerLines} from './answer-lines.js';
import {failFunction, k3sPath} from './files-shell.js';
import {defineScript} from './script.js';

/** The tokens of a running server, in full: `K10<CA hash>::server:<secret>`. */
export type ServerTokens = {
	/** `undefined` when K3s has never run as a server here. */
	readonly server: string | undefined;
	/** What agents join with; the same as the server's when no agent token was set. */
	readonly agent: string | undefined;
};

/** Reads the tokens of a server back. Both are secrets. */
export const k3sTokens = defineScript<Record<string, never>, ServerTokens>({
	name: 'k3s.tokens',
	purpose: "reads the cluster's tokens on a server",
	as: 'root',
	timeoutMs: 30_000,
	fields: () => [],
	source: String.raw`
for kind in server agent; do
	[ $kind = server ] && file=token || file=agent-token
	if [ -s /var/lib/rancher/k3s/server/$file ]; then
		printf '%s %s\n' $kind "$(head -n 1 /var/lib/rancher/k3s/server/$file)"
	fi
done
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return {
			server: answer.optional('server'),
			agent: answer.optional('agent'),
		};
	},
});

/** Reads the admin kubeconfig of a server; `undefined` when there is none yet. A secret. */
export const k3sKubeconfig = defineScript<
	Record<string, never>,
	string | undefined
>({
	name: 'k3s.kubeconfig',
	purpose: 'reads the admin kubeconfig on a server',
	as: 'root',
	timeoutMs: 30_000,
	fields: () => [],
	source: `
[ -s /etc/rancher/k3s/k3s.yaml ] || exit 3
cat /etc/rancher/k3s/k3s.yaml
`,
	acceptCodes: [3],
	decode: ({stdout, code}) => (code === 3 ? undefined : stdout),
});

const nodeList = z.object({
	items: z.array(
		z.object({
			metadata: z.object({
				name: z.string(),
				annotations: z.record(z.string(), z.string()).default({}),
				labels: z.record(z.string(), z.string()).default({}),
			}),
			spec: z
				.object({
					podCIDR: z.string().optional(),
					podCIDRs: z.array(z.string()).optional(),
					taints: z.array(z.object({key: z.string()})).optional(),
				})
				.default({}),
			status: z
				.object({
					conditions: z
						.array(
							z.object({
								type: z.string(),
								status: z.string(),
								reason: z.string().optional(),
								message: z.string().optional(),
							}),
						)
						.default([]),
					addresses: z
						.array(z.object({type: z.string(), address: z.string()}))
						.default([]),
					nodeInfo: z
						.object({kubeletVersion: z.string().optional()})
						.optional(),
				})
				.default({conditions: [], addresses: []}),
		}),
	),
});

/** A node object, as far as we read it. */
export type NodeObject = {
	readonly name: string;
	readonly ready: boolean;
	/** Why it is not ready, in the kubelet's words. */
	readonly notReadyMessage: string | undefined;
	readonly internalIps: readonly string[];
	readonly externalIps: readonly string[];
	/** Networks of its pods; the first is what the mesh routes. */
	readonly podCidrs: readonly string[];
	/** Keys of its taints. */
	readonly taints: readonly string[];
	readonly kubeletVersion: string | undefined;
	/** The public key that flannel published for WireGuard. */
	readonly wireguardKey: string | undefined;
	/** The address at which peers reach its WireGuard, as flannel published it. */
	readonly meshEndpoint: string | undefined;
};

const wireguardKey = (backendData: string | undefined): string | undefined => {
	try {
		const parsed = z
			.object({PublicKey: z.string()})
			.safeParse(JSON.parse(backendData ?? 'null'));
		return parsed.success ? parsed.data.PublicKey : undefined;
	} catch {
		return undefined;
	}
};

/** Reads the answer of `kubectl get nodes -o json`. Throws when it is something else. */
export const parseNodes = (text: string): readonly NodeObject[] =>
	nodeList.parse(JSON.parse(text)).items.map(({metadata, spec, status}) => {
		const ready = status.conditions.find(({type}) => type === 'Ready');
		const addresses = (type: string) =>
			status.addresses
				.filter((address) => address.type === type)
				.map(({address}) => address);
		return {
			name: metadata.name,
			ready: ready?.status === 'True',
			notReadyMessage:
				ready?.status === 'True'
					? undefined
					: (ready?.message ?? ready?.reason),
			internalIps: addresses('InternalIP'),
			externalIps: addresses('ExternalIP'),
			podCidrs: spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []),
			taints: (spec.taints ?? []).map(({key}) => key),
			kubeletVersion: status.nodeInfo?.kubeletVersion,
			wireguardKey: wireguardKey(
				metadata.annotations['flannel.alpha.coreos.com/backend-data'],
			),
			meshEndpoint: metadata.annotations['flannel.alpha.coreos.com/public-ip'],
		};
	});

/** Reads the node objects on a server. Fails while the API does not answer yet. */
export const k3sNodes = defineScript<
	Record<string, never>,
	readonly NodeObject[]
>({
	name: 'k3s.nodes',
	purpose: 'asks the API, on a server, for all nodes',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: () => [],
	source: `${failFunction}${k3sPath}
command -v k3s >/dev/null 2>&1 || fail 'k3s is not installed on this machine.'
k3s kubectl --request-timeout=10s get nodes -o json </dev/null
`,
	decode: ({stdout}) => parseNodes(stdout),
});
