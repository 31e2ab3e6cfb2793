import type {NftChain} from '../../facts/host-facts.js';
import type {FirewallRule} from '../plan.js';
import type {Opening} from './openings.js';

type Family = 'inet' | 'ip' | 'ip6';

/** The names that distributions use, where the host did not tell. */
const usualChains: readonly NftChain[] = [
	{table: 'inet filter', chain: 'input', hook: 'input'},
	{table: 'inet filter', chain: 'forward', hook: 'forward'},
];

const quote = (text: string): string => `"${text}"`;

const matches = (opening: Opening): ReadonlyArray<readonly string[]> => {
	switch (opening.kind) {
		case 'port': {
			return [
				[
					opening.family === 4 ? 'ip' : 'ip6',
					'saddr',
					opening.source,
					opening.protocol,
					'dport',
					String(opening.port),
				],
			];
		}

		case 'public-port': {
			return [[opening.protocol, 'dport', String(opening.port)]];
		}

		case 'network': {
			return [[opening.family === 4 ? 'ip' : 'ip6', 'saddr', opening.cidr]];
		}

		case 'interface': {
			return [['iifname', quote(opening.device)]];
		}

		case 'forward': {
			return [
				['iifname', quote(opening.device)],
				['oifname', quote(opening.device)],
			];
		}
	}
};

/** Can a table of this family hold the opening at all? */
const fits = (family: Family, opening: Opening): boolean =>
	family === 'inet' ||
	!('family' in opening) ||
	(family === 'ip') === (opening.family === 4);

/**
 * Rules for nftables: a chain of ours in each table that drops, and a jump to it in front of the dropping chain. An
 * accept in a table of our own would not help, since a packet must be accepted by every table. Each comment is unique
 * in its chain, so that a rule that is there is found by it. Taking back empties our chain.
 */
export const nftablesRules = (
	openings: readonly Opening[],
	dropping: readonly NftChain[] = usualChains,
): readonly FirewallRule[] =>
	dropping.flatMap(({table: familyAndName, chain, hook}) => {
		const [family, table] = familyAndName.split(' ') as [Family, string];
		const wanted = openings.filter(
			(opening) =>
				fits(family, opening) &&
				(opening.kind === 'forward') === (hook === 'forward'),
		);
		if (wanted.length === 0) {
			return [];
		}

		const own = `k3s_mesh_${hook}`;
		const remove = ['nft', 'flush', 'chain', family, table, own];
		const word = (words: readonly string[]) =>
			quote(
				`k3s-mesh ${words.map((text) => text.replaceAll('"', '')).join(' ')}`,
			);
		return [
			{
				why: `a chain of our own in ${family} ${table}`,
				add: ['nft', 'add', 'chain', family, table, own],
				remove,
			},
			{
				why: `our chain in front of ${chain}`,
				add: [
					'nft',
					'insert',
					'rule',
					family,
					table,
					chain,
					'jump',
					own,
					'comment',
					quote('k3s-mesh'),
				],
				remove,
			},
			...wanted.flatMap((opening) =>
				matches(opening).map((words) => ({
					why: opening.why,
					add: [
						'nft',
						'add',
						'rule',
						family,
						table,
						own,
						...words,
						'accept',
						'comment',
						word(words),
					],
					remove,
				})),
			),
		];
	});
