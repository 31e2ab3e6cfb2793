import type {FirewallRule} from '../plan.js';
import type {Opening} from './openings.js';

/** The mark of our rules, at the beginning of their comment. */
const comment = ({why}: Opening): readonly string[] => [
	'comment',
	`k3s-mesh ${why}`,
];

/** The words behind `allow` for one opening; forwarding has two directions. */
const specifications = (opening: Opening): ReadonlyArray<readonly string[]> => {
	switch (opening.kind) {
		case 'port': {
			return [
				[
					'proto',
					opening.protocol,
					'from',
					opening.source,
					'to',
					'any',
					'port',
					String(opening.port),
				],
			];
		}

		case 'public-port': {
			return [
				['proto', opening.protocol, 'to', 'any', 'port', String(opening.port)],
			];
		}

		case 'network': {
			return [['from', opening.cidr, 'to', 'any']];
		}

		case 'interface': {
			return [['in', 'on', opening.device]];
		}

		case 'forward': {
			return [
				['in', 'on', opening.device],
				['out', 'on', opening.device],
			];
		}
	}
};

/** Rules for ufw. They are put in front, so that a deny rule of the user's does not come before them; its defaults stay. */
export const ufwRules = (
	openings: readonly Opening[],
): readonly FirewallRule[] =>
	openings.flatMap((opening) => {
		const program = opening.kind === 'forward' ? ['ufw', 'route'] : ['ufw'];
		return specifications(opening).map((words) => ({
			why: opening.why,
			add: [...program, 'prepend', 'allow', ...words, ...comment(opening)],
			remove: [...program, 'delete', 'allow', ...words],
		}));
	});
