import type {NodeSpec} from '../../cluster/schema.js';
import type {HostFacts} from '../../facts/host-facts.js';
import type {FirewallRule} from '../plan.js';
import type {Opening} from './openings.js';

/**
 * The zones of the interfaces through which peers come in, read from what firewalld printed; empty when it does not
 * say: then the default zone is meant.
 */
export const incomingZones = (
	facts: HostFacts,
	node: NodeSpec,
): readonly string[] => {
	const devices = new Set(
		[
			...facts.routes
				.filter(
					({destination}) =>
						destination === '0.0.0.0/0' || destination === '::/0',
				)
				.map(({device}) => device),
			...facts.addresses
				.filter(
					({address}) =>
						address === node.internalIp || address === node.externalIp,
				)
				.map(({device}) => device),
		].filter((device) => device !== 'lo'),
	);
	const zones = new Set<string>();
	let zone = '';
	for (const line of facts.firewall.summary.split('\n')) {
		const header = /^(?<name>[\w-]+)(?:\s|$)/.exec(line);
		zone = header?.groups!.name ?? zone;
		const interfaces = /^\s+interfaces:\s*(?<names>.*)$/.exec(line);
		if (
			interfaces
				?.groups!.names!.split(/\s+/)
				.some((device) => devices.has(device)) === true
		) {
			zones.add(zone);
		}
	}

	return [...zones];
};

const richRule = (opening: Opening): string | undefined => {
	switch (opening.kind) {
		case 'port': {
			return `rule family="ipv${opening.family}" source address="${opening.source}" port port="${opening.port}" protocol="${opening.protocol}" accept`;
		}

		case 'network': {
			return `rule family="ipv${opening.family}" source address="${opening.cidr}" accept`;
		}

		default: {
			return undefined;
		}
	}
};

const rule = (
	why: string,
	zone: string | undefined,
	setting: string,
): FirewallRule => {
	const words = (verb: 'add' | 'remove') => [
		'firewall-cmd',
		'--permanent',
		...(zone === undefined ? [] : [`--zone=${zone}`]),
		`--${verb}-${setting}`,
	];
	return {why, add: words('add'), remove: words('remove')};
};

/**
 * Rules for firewalld: rich rules by source address, so that no peer is moved to another zone (it would lose what the
 * zone that it is in allows, such as SSH). The interfaces of pods and of the mesh are ours and go into the trusted
 * zone, which forwards, too. firewalld has no comments: the manifest tells which rules are ours.
 */
export const firewalldRules = (
	openings: readonly Opening[],
	zones: readonly string[],
): readonly FirewallRule[] => {
	const rules = openings.flatMap((opening) => {
		const rich = richRule(opening);
		if (rich !== undefined) {
			return (zones.length === 0 ? [undefined] : zones).map((zone) =>
				rule(opening.why, zone, `rich-rule=${rich}`),
			);
		}

		if (opening.kind === 'public-port') {
			return (zones.length === 0 ? [undefined] : zones).map((zone) =>
				rule(opening.why, zone, `port=${opening.port}/${opening.protocol}`),
			);
		}

		return 'device' in opening
			? [rule(opening.why, 'trusted', `interface=${opening.device}`)]
			: [];
	});
	return [...new Map(rules.map((one) => [one.add.join('\n'), one])).values()];
};
