/** A base chain of nftables: one that the kernel itself calls. */
export type BaseChain = {
	/** Such as `inet filter`. */
	readonly table: string;
	readonly name: string;
	readonly hook: string;
	readonly policy: 'accept' | 'drop';
	/** Its rules as printed, in order. */
	readonly rules: readonly string[];
};

/** What a rule may say before its verdict and still mean every packet: counters, log, comment. */
const decoration =
	/\bcounter(?:\s+packets\s+\d+\s+bytes\s+\d+)?|\blog(?:\s+(?:prefix\s+"[^"]*"|level\s+\w+|group\s+\d+|flags\s+\w+(?:\s+\w+)?))*|\bcomment\s+"[^"]*"|\s#\s*handle\s+\d+$/g;

/** Does the rule drop or reject whatever reaches it? */
export const rejectsAll = (rule: string): boolean =>
	/^(?:drop|reject\b.*)$/.test(rule.replaceAll(decoration, '').trim());

/** Reads `nft list ruleset` as far as base chains of type filter go. */
export const parseNft = (lines: readonly string[]): BaseChain[] => {
	const chains: BaseChain[] = [];
	let table = '';
	let chain:
		| {name: string; hook?: string; policy: 'accept' | 'drop'; rules: string[]}
		| undefined;
	for (const text of lines) {
		const line = text.trim();
		const opened = /^table\s+(?<family>\w+)\s+(?<name>\S+)\s*\{$/.exec(line);
		if (opened) {
			table = `${opened.groups!.family} ${opened.groups!.name}`;
			continue;
		}

		const begun = /^chain\s+(?<name>\S+)\s*\{$/.exec(line);
		if (begun) {
			chain = {name: begun.groups!.name!, policy: 'accept', rules: []};
			continue;
		}

		if (!chain) {
			continue;
		}

		// Sets and maps within a rule span lines of their own; a chain ends with a brace alone, one level in.
		if (/^\t?\}$|^ {4}\}$/.test(text)) {
			if (chain.hook !== undefined) {
				chains.push({
					table,
					name: chain.name,
					hook: chain.hook,
					policy: chain.policy,
					rules: chain.rules,
				});
			}

			chain = undefined;
			continue;
		}

		const type =
			/^type\s+(?<type>\w+)\s+hook\s+(?<hook>\w+).*?;(?:\s*policy\s+(?<policy>\w+);)?/.exec(
				line,
			);
		if (type) {
			if (type.groups!.type === 'filter') {
				chain.hook = type.groups!.hook!;
				chain.policy = type.groups!.policy === 'drop' ? 'drop' : 'accept';
			}
		} else if (line !== '') {
			chain.rules.push(line);
		}
	}

	return chains;
};

/** Tables that other tools keep and that are judged by their own words: iptables-nft, firewalld. */
const foreign = new Set(['ip filter', 'ip6 filter', 'inet firewalld']);

/** Base chains that somebody wrote with nft itself, and that concern IPv4. */
export const ownChains = (
	chains: readonly BaseChain[],
	hook: 'input' | 'forward',
): BaseChain[] =>
	chains.filter(
		(chain) =>
			chain.hook === hook &&
			!chain.table.startsWith('ip6 ') &&
			!(
				foreign.has(chain.table) &&
				/^(?:INPUT|FORWARD|filter_\w+)$/.test(chain.name)
			),
	);

/** The rule of a chain that stops every packet that reaches it, if there is one. */
export const stoppingRule = ({rules}: BaseChain): string | undefined =>
	rules.find((rule) => rejectsAll(rule));
