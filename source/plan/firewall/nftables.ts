import type {FirewallRule} from '../plan.js';
import type {Opening} from './openings.js';

/** A chain that the kernel hands packets to. */
export type BaseChain = {
	readonly family: 'inet' | 'ip' | 'ip6';
	readonly table: string;
	readonly chain: string;
	readonly hook: 'input' | 'forward';
};

/** Tables that other programs write and that come and go with them. */
const foreignTables = /^(?:firewalld|kube|cni|k3s|docker|libvirt|tailscale)/i;

/**
 * The chains that drop or reject packets, read from `nft list ruleset`: an accept in a table of our own would not
 * help, since a packet must be accepted by every table. Falls back to the names that distributions use.
 */
export const droppingChains = (ruleset: string): readonly BaseChain[] => {
	const chains: BaseChain[] = [];
	let table: {family: BaseChain['family']; name: string} | undefined;
	let chain: {name: string; hook: string; drops: boolean} | undefined;
	const close = () => {
		if (
			table !== undefined &&
			chain?.drops === true &&
			(chain.hook === 'input' || chain.hook === 'forward') &&
			!foreignTables.test(table.name)
		) {
			chains.push({
				family: table.family,
				table: table.name,
				chain: chain.name,
				hook: chain.hook,
			});
		}

		chain = undefined;
	};

	for (const line of ruleset.split('\n')) {
		const tableLine = /^\s*table (?<family>\w+) (?<name>\S+) \{/.exec(line);
		const chainLine = /^\s*chain (?<name>\S+) \{/.exec(line);
		if (tableLine) {
			close();
			const {family, name} = tableLine.groups!;
			table =
				family === 'inet' || family === 'ip' || family === 'ip6'
					? {family, name: name!}
					: undefined;
		} else if (chainLine) {
			close();
			chain = {name: chainLine.groups!.name!, hook: '', drops: false};
		} else if (chain !== undefined) {
			chain.hook =
				/type filter hook (?<hook>\w+)/.exec(line)?.groups!.hook ?? chain.hook;
			// A drop may also stand in a chain that this one jumps to; whoever jumps may drop.
			chain.drops ||= /policy drop|\b(?:drop|reject|jump|goto)\b/.test(line);
		}
	}

	close();
	const fallback = (hook: BaseChain['hook']): BaseChain => ({
		family: 'inet',
		table: 'filter',
		chain: hook,
		hook,
	});
	return chains.length > 0 ? chains : [fallback('input'), fallback('forward')];
};

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
const fits = (family: BaseChain['family'], opening: Opening): boolean =>
	family === 'inet' ||
	!('family' in opening) ||
	(family === 'ip') === (opening.family === 4);

/**
 * Rules for nftables: a chain of ours in the table that drops, and a jump to it in front of the dropping chain. Each
 * comment is unique in its chain, so that a rule that is there is found by it. Taking back empties our chain.
 */
export const nftablesRules = (
	openings: readonly Opening[],
	ruleset: string,
): readonly FirewallRule[] =>
	droppingChains(ruleset).flatMap(({family, table, chain, hook}) => {
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
