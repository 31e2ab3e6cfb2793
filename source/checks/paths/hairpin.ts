import {isBlocked} from '../conclusions/verdict.js';
import {rule} from '../rule.js';
import {askedCells} from './look.js';
import {describeVerdict} from './words.js';
import {wrongHostFix} from './wrong-host.js';

/** Does a server reach itself under the address that pods find it by? */
export const hairpin = rule(
	{
		id: 'server.hairpin',
		severity: 'error',
		sentence: 'A server reaches itself under its external address.',
		source: 'k3s-io/k3s#2963',
	},
	(context, report) =>
		askedCells(context)
			.filter(
				({cell}) => cell.path.from === cell.path.to && isBlocked(cell.verdict),
			)
			.map(({cell}) => {
				const {path, verdict} = cell;
				return report(
					'error',
					`${path.to} does not reach itself under its external address ${path.address} (TCP ${path.port}: ${describeVerdict(verdict)}). Pods there find the Kubernetes API under that address.`,
					{
						nodes: [path.to],
						fixes:
							verdict.kind === 'wrong-host'
								? [wrongHostFix(context, [cell])]
								: [
										`Let the router or the cloud's firewall in front of ${path.to} pass TCP ${path.port} from ${path.address} back to it.`,
										`Or put the address on the machine itself, which then answers without leaving it (also after a reboot, as a line of your network configuration):`,
										`ip address add ${path.address}/${path.address.includes(':') ? 128 : 32} dev lo`,
									],
					},
				);
			}),
);
