import {isCidr, parseCidr} from '../cluster/addresses.js';
import {goesDirect} from '../cluster/proxy.js';
import {clusterNoProxy} from '../plan/proxy.js';
import {each, inWords, rule, type Rule} from './rule.js';

/** Is all of an entry reached without the proxy? */
const covers = (noProxy: readonly string[], entry: string): boolean => {
	if (isCidr(entry)) {
		const {prefix} = parseCidr(entry)!;
		const address = entry.split('/')[0]!;
		return noProxy.some(
			(one) =>
				one === '*' ||
				(isCidr(one) &&
					parseCidr(one)!.prefix <= prefix &&
					goesDirect([one], address)),
		);
	}

	return goesDirect(noProxy, entry.startsWith('.') ? `a${entry}` : entry);
};

const shownMissing = 4;

const noProxy = rule(
	{
		id: 'proxy.no-proxy',
		severity: 'info',
		sentence:
			'A proxy of the machine itself is not asked for nodes, pods and services.',
		source: 'K3s docs: Configuring an HTTP proxy; k3s-io/k3s#12009',
	},
	(context, report) => {
		if (context.cluster.proxy !== undefined) {
			return [];
		}

		const wanted = clusterNoProxy(context);
		return each(context, ({proxy}, {name}) => {
			const missing =
				proxy?.ofMachine === true
					? wanted.filter((entry) => !covers(proxy.noProxy, entry))
					: [];
			if (missing.length === 0) {
				return undefined;
			}

			const shown =
				missing.length <= shownMissing + 1
					? missing
					: [
							...missing.slice(0, shownMissing),
							`${missing.length - shownMissing} more`,
						];
			return report(
				'info',
				`${name} has a proxy in /etc/environment, and NO_PROXY there lacks ${inWords(shown)}. K3s is given a NO_PROXY that has them; other programs on ${name} ask the proxy.`,
				{
					nodes: [name],
					fixes: [
						`For other programs, add to NO_PROXY in /etc/environment of ${name}: ${missing.join(',')}`,
					],
				},
			);
		});
	},
);

/** Rules about proxies. */
export const proxyRules: readonly Rule[] = [noProxy];
