import {controller, verdictArrives} from '../../facts/measurements.js';
import {k3sPorts} from '../../mesh/k3s-requirements.js';
import {isBlocked} from '../conclusions/verdict.js';
import {inWords, rule} from '../rule.js';
import {describeVerdict} from './words.js';
import {wrongHostFix} from './wrong-host.js';

/** How the API is reached through SSH. */
const tunnel = (port: number, server: string): readonly string[] => [
	'Or reach the API through SSH, and let the kubeconfig say https://127.0.0.1:6443:',
	`ssh -N -L ${port}:127.0.0.1:${port} USER@${server}`,
];

/** Does kubectl reach the Kubernetes API from here? */
export const controllerPath = rule(
	{
		id: 'path.controller',
		severity: 'warning',
		sentence: 'This machine reaches the Kubernetes API of a server.',
		source: 'K3s docs: Cluster access',
	},
	(context, report) => {
		const {measurements} = context;
		const tried = measurements.cells.filter(
			({path}) => path.from === controller && path.port === k3sPorts.api,
		);
		const closed = tried.filter(({verdict}) => isBlocked(verdict));
		const [first] = closed;
		if (first === undefined) {
			return [];
		}

		const servers = [...new Set(closed.map(({path}) => path.to))];
		const wrong = closed.filter(({verdict}) => verdict.kind === 'wrong-host');
		const shut = [
			...new Set(
				closed.filter((cell) => !wrong.includes(cell)).map(({path}) => path.to),
			),
		];
		const isTailnet = context.cluster.mesh.kind !== 'wireguard-native';
		const {address, port} = first.path;
		const what = `This machine does not reach the Kubernetes API of ${inWords(servers)} (TCP ${port} at ${address}: ${describeVerdict(first.verdict)})`;
		if (isTailnet) {
			// Nothing of K3s need be open to anybody outside of the tailnet.
			return [
				report(
					'info',
					`${what}. kubectl works from here under the server's address in the tailnet, once this machine is in it, or through an SSH tunnel.`,
					{
						nodes: servers,
						fixes: tunnel(port, servers[0]!),
					},
				),
			];
		}

		return tried.some(({verdict}) => verdictArrives(verdict))
			? [
					report(
						'info',
						`${what}; kubectl works from here as long as another address of the API does.`,
						{nodes: servers},
					),
				]
			: [
					report(
						'warning',
						`${what}. The cluster works without that, but kubectl works from here through an SSH tunnel only.`,
						{
							nodes: servers,
							fixes: [
								...(wrong.length === 0 ? [] : [wrongHostFix(context, wrong)]),
								...(shut.length === 0
									? []
									: [
											`Allow TCP ${port} from the address of this machine in the firewalls on and in front of ${inWords(shut)}.`,
										]),
								...tunnel(port, servers[0]!),
							],
						},
					),
				];
	},
);
