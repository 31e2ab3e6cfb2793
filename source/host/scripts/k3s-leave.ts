import {apiLimitMs} from './limits.js';
import {answerLines, plainValue} from './answer-lines.js';
import {failFunction, k3sPath} from './files-shell.js';
import {defineScript} from './script.js';

const kubectl = `${failFunction}${k3sPath}
kubectl() {
	k3s kubectl "$@" </dev/null
}
`;

/**
 * Has a node take no new pods and sends its pods away, within a time: https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/.
 * Pods of DaemonSets stay, and what a pod keeps in an emptyDir is lost, as it would be with the node.
 */
export const k3sDrain = defineScript<
	{readonly node: string; readonly seconds: number},
	void
>({
	name: 'k3s.drain',
	purpose: 'has the pods of a node go to other nodes, and no new ones come',
	as: 'root',
	timeoutMs: 3_600_000,
	fields: ({node, seconds}) => [
		{name: 'node', value: plainValue('node name', node)},
		{name: 'seconds', value: String(Math.ceil(seconds))},
	],
	source: `${kubectl}
kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --force --timeout="\${seconds}s" 2>&1
`,
	decode() {
		// Its lines were streamed.
	},
});

/**
 * Takes a node out of the cluster: its object, with which K3s also takes out the member of embedded etcd, and the
 * secret with its password, so that its name can be used again (https://docs.k3s.io/architecture#how-agent-node-registration-works).
 */
export const k3sDeleteNode = defineScript<
	{readonly node: string},
	{readonly changed: boolean}
>({
	name: 'k3s.delete-node',
	purpose: 'deletes a node and its password from the cluster',
	as: 'root',
	timeoutMs: apiLimitMs,
	fields: ({node}) => [{name: 'node', value: plainValue('node name', node)}],
	source: String.raw`${kubectl}
said=$(
	kubectl --request-timeout=60s delete node "$node" --ignore-not-found 2>&1 &&
		kubectl --request-timeout=60s -n kube-system delete secret "$node.node-password.k3s" --ignore-not-found 2>&1
) || fail "The cluster does not let $node go: $(printf '%s\n' "$said" | tail -n 1)"
if [ -n "$said" ]; then
	echo 'changed yes'
else
	echo 'changed no'
fi
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
