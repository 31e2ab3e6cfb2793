import {proxyFor, type ProxyScheme} from '../cluster/proxy.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {MeshContext} from '../mesh/mesh.js';
import {nodeExternalIps, nodeIps} from '../mesh/node-ips.js';
import {plainKey} from '../cluster/k3s-flags.js';
import {environmentPath} from './paths.js';
import type {Step, Template, ValueReference} from './plan.js';

/** What a proxy must never be asked for, whatever the cluster: this machine itself, and the addresses of tailnets. */
const always = [
	'localhost',
	'127.0.0.0/8',
	'::1',
	'.svc',
	'100.64.0.0/10',
] as const;

const clusterDomain = ({cluster}: MeshContext): string => {
	const entry = Object.entries(cluster.k3s.config).find(
		([key]) => plainKey(key) === 'cluster-domain',
	);
	return typeof entry?.[1] === 'string' ? entry[1] : 'cluster.local';
};

/**
 * What K3s must reach without a proxy, the same on every node: nodes by name and by address, pods and services, and
 * the API. K3s adds the networks of pods and services by itself, and leaves the nodes to whoever sets the proxy
 * (K3s docs: Configuring an HTTP proxy; k3s-io/k3s#12009).
 */
export const clusterNoProxy = (context: MeshContext): readonly string[] => {
	const {cluster, facts} = context;
	const nodes = cluster.nodes.flatMap((node) => {
		const host = facts.get(node.name);
		const addresses = [
			...nodeExternalIps(cluster, host, node),
			...nodeIps(cluster, host, node),
		];
		return [
			node.name,
			// Others join a server under what it is logged in to when the file gives it no address.
			...(addresses.length === 0 ? [node.ssh.host] : addresses),
		];
	});
	return [
		...new Set([
			...always,
			`.${clusterDomain(context)}`,
			...cluster.network.podCidr,
			...cluster.network.serviceCidr,
			...(cluster.apiEndpoint === undefined ? [] : [cluster.apiEndpoint]),
			...nodes,
		]),
	];
};

const comments = [
	'# Written by k3s-mesh-tui for the service of K3s. Its next run puts back what is changed here: change the cluster file',
	'# instead, or write into the .env file beside the unit, which is read before this one.',
];

/** One variable. systemd reads the quotes as JSON writes them; a URL has nothing else that it would change. */
const variable = (
	name: string,
	value: string | ValueReference,
): ReadonlyArray<string | ValueReference> =>
	typeof value === 'string'
		? [`${name}=${JSON.stringify(value)}\n`]
		: [`${name}=`, value, '\n'];

/**
 * The variables that K3s and our downloads get on a node: the proxy of the cluster file; where the file has none and
 * the machine one of its own, which K3s's installer hands on to K3s, only what that must not be asked for. A file of
 * an earlier run is emptied when neither is there any more. `undefined` when there is nothing to write.
 */
export const environmentFile = (
	context: MeshContext,
	facts: HostFacts,
): Template | undefined => {
	const {cluster} = context;
	const head = `${comments.join('\n')}\n`;
	const noProxy = (entries: readonly string[]) =>
		variable(
			'NO_PROXY',
			[...new Set([...clusterNoProxy(context), ...entries])].join(','),
		);
	if (cluster.proxy !== undefined) {
		const proxy = (scheme: ProxyScheme) => {
			const source = proxyFor(cluster, scheme)!;
			return variable(
				`${scheme.toUpperCase()}_PROXY`,
				'url' in source ? source.url : {reference: `${scheme}-proxy`},
			);
		};

		return [
			head,
			...proxy('http'),
			...proxy('https'),
			...noProxy(cluster.proxy.noProxy),
		];
	}

	if (facts.proxy?.ofMachine === true) {
		return [head, ...noProxy(facts.proxy.noProxy)];
	}

	return facts.manifest?.files[environmentPath] === undefined
		? undefined
		: [head];
};

/** The drop-in that makes systemd hand the file to K3s; nothing happens when the file is not there. */
export const environmentDropIn = `# Written by k3s-mesh-tui.
[Service]
EnvironmentFile=-${environmentPath}
`;

/** Does the file say on the host what it should? A URL with a password cannot be compared from here. */
export const environmentExpectation = (
	facts: HostFacts,
	content: Template,
): Step['expectation'] => {
	const secret = '(secret)';
	const wanted = content
		.map((piece) => (typeof piece === 'string' ? piece : `"${secret}"`))
		.join('')
		.split('\n')
		.filter((line) => line !== '' && !line.startsWith('#'));
	const present = facts.proxy?.written;
	return present?.length === wanted.length &&
		present.every(
			(line, index) =>
				line === wanted[index] ||
				(wanted[index]!.endsWith(`="${secret}"`) &&
					line.split('=')[0] === wanted[index]!.split('=')[0]),
		)
		? 'unchanged'
		: 'change';
};
