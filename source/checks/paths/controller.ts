import {controller, verdictArrives} from '../../facts/measurements.js';
import {isBlocked} from '../conclusions/verdict.js';
import {inWords, rule} from '../rule.js';
import {describeVerdict} from './words.js';
import {wrongHostFix} from './wrong-host.js';

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
			({path}) => path.from === controller,
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
		const {address, port} = first.path;
		const what = `This machine does not reach the Kubernetes API of ${inWords(servers)} (TCP ${port} at ${address}: ${describeVerdict(first.verdict)})`;
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
								'Or reach the API through SSH, and let the kubeconfig say https://127.0.0.1:6443:',
								`ssh -N -L ${port}:127.0.0.1:${port} USER@${servers[0]!}`,
							],
						},
					),
				];
	},
);
