import {controller, verdictArrives} from '../../facts/measurements.js';
import {portName} from '../../plan/firewall/openings.js';
import {inWords, rule} from '../rule.js';

/** Is K3s, which is bound to the tailnet, out of reach for all others? It is seen from here, once it runs. */
export const exposed = rule(
	{
		id: 'path.exposed',
		severity: 'warning',
		sentence:
			'K3s on Tailscale addresses is reached in the tailnet, and from nowhere else.',
		source: 'K3s docs: Requirements, "should not be exposed to the world"',
	},
	({cluster, facts, measurements}, report) => {
		if (cluster.mesh.kind !== 'tailscale-ip') {
			return [];
		}

		const open = measurements.cells.filter(
			({path, verdict}) =>
				path.from === controller &&
				facts.get(path.to)?.k3s?.unitState === 'active' &&
				verdictArrives(verdict),
		);
		return [...new Set(open.map(({path}) => path.port))].map((port) => {
			const paths = open
				.map(({path}) => path)
				.filter((path) => path.port === port);
			const names = [...new Set(paths.map(({to}) => to))];
			return report(
				'warning',
				`This machine reaches TCP ${port} (${portName(port, 'tcp')}) of ${inWords(names)} outside of the tailnet, at ${inWords([...new Set(paths.map(({address}) => address))])}: others may, too.`,
				{
					nodes: names,
					fixes: [
						'Run apply: where no firewall keeps out what nothing names, it closes these ports to all but the tailnet.',
						`Or take out what opens TCP ${port} in the firewalls on and in front of ${inWords(names)}, unless it is meant for this machine alone.`,
					],
				},
			);
		});
	},
);
