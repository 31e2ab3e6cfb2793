/** A base chain of nftables: one that the kernel itself calls. */
export type BaseChain = {
	/** Such as `inet filter`. */
	readonly table: string;
	readonly name: string;
	readonly hook: string;
	readonly policy: 'accept' | 'drop';
	/** Its rules as printed, in order. */
	readonly rules: readonly string[];
	/** Does it drop or reject any packet at all, itself or in a chain that it calls? */
	readonly drops: boolean;
	/** The rule that stops every packet that reaches it, itself or by a chain that it calls. */
	readonly stoppingRule: string | undefined;
};

/** What a rule may say before its verdict and still mean every packet: counters, log, comment. */
const decoration =
	/\bcounter(?:\s+packets\s+\d+\s+bytes\s+\d+)?|\blog(?:\s+(?:prefix\s+"[^"]*"|level\s+\w+|group\s+\d+|flags\s+\w+(?:\s+\w+)?))*|\bcomment\s+"[^"]*"|\s#\s*handle\s+\d+$/g;

/** A rule without counters, logs and comments: what it says about packets. */
const bare = (rule: string): string => rule.replaceAll(decoration, '').trim();

/** Does the rule drop or reject whatever reaches it? */
export const rejectsAll = (rule: string): boolean =>
	/^(?:drop|reject\b.*)$/.test(bare(rule));

type Chain = {
	readonly table: string;
	readonly name: string;
	/** For a base chain of type filter. */
	hook?: string;
	/** For a base chain of another type, such as nat. */
	other?: true;
	policy: 'accept' | 'drop';
	rules: string[];
};

/** The chains of `nft list ruleset`, in order. */
const readChains = (lines: readonly string[]): Chain[] => {
	const chains: Chain[] = [];
	let table = '';
	let chain: Chain | undefined;
	for (const text of lines) {
		const line = text.trim();
		const opened = /^table\s+(?<family>\w+)\s+(?<name>\S+)\s*\{/.exec(line);
		if (opened) {
			table = `${opened.groups!.family} ${opened.groups!.name}`;
			continue;
		}

		const begun = /^chain\s+(?<name>\S+)\s*\{/.exec(line);
		if (begun) {
			chain = {table, name: begun.groups!.name!, policy: 'accept', rules: []};
			chains.push(chain);
			continue;
		}

		if (!chain) {
			continue;
		}

		// Sets and maps within a rule span lines of their own; a chain ends with a brace alone, one level in.
		if (/^\t?\}$|^ {4}\}$/.test(text)) {
			chain = undefined;
			continue;
		}

		const type =
			/^type\s+(?<type>\w+)\s+hook\s+(?<hook>\w+).*?;(?:\s*policy\s+(?<policy>\w+);)?/.exec(
				line,
			);
		if (type?.groups!.type === 'filter') {
			chain.hook = type.groups.hook!;
			chain.policy = type.groups.policy === 'drop' ? 'drop' : 'accept';
		} else if (type) {
			chain.other = true;
		} else if (line !== '') {
			chain.rules.push(line);
		}
	}

	return chains.filter(({other}) => other === undefined);
};

/** Reads `nft list ruleset` as far as base chains of type filter go. */
export const parseNft = (lines: readonly string[]): BaseChain[] => {
	const chains = readChains(lines);
	const byName = new Map(
		chains.map((chain) => [`${chain.table} ${chain.name}`, chain]),
	);
	/** The chains that a rule calls. */
	const called = ({table}: Chain, rule: string): Chain[] =>
		[...bare(rule).matchAll(/\b(?:jump|goto) (?<name>[\w-]+)/g)].flatMap(
			({groups}) => byName.get(`${table} ${groups!.name}`) ?? [],
		);
	const drops = (chain: Chain, callers: readonly Chain[] = []): boolean =>
		chain.policy === 'drop' ||
		chain.rules.some(
			(rule) =>
				// What a named verdict map holds is not in the rule.
				/\b(?:drop|reject)\b|\bvmap @/.test(bare(rule)) ||
				called(chain, rule).some(
					(other) =>
						!callers.includes(other) && drops(other, [...callers, chain]),
				),
		);

	const stopping = (
		chain: Chain,
		callers: readonly Chain[] = [],
	): string | undefined => {
		for (const rule of chain.rules) {
			const calls = /^(?:jump|goto) \S+$/.test(bare(rule));
			const found = rejectsAll(rule)
				? rule
				: called(chain, rule)
						.filter((other) => calls && !callers.includes(other))
						.map((other) => stopping(other, [...callers, chain]))
						.find((one) => one !== undefined);
			if (found !== undefined) {
				return found;
			}
		}

		return undefined;
	};

	return chains.flatMap((chain) =>
		chain.hook === undefined
			? []
			: [
					{
						table: chain.table,
						name: chain.name,
						hook: chain.hook,
						policy: chain.policy,
						rules: chain.rules,
						drops: drops(chain),
						stoppingRule: stopping(chain),
					},
				],
	);
};

/** Tables that iptables keeps: its own words tell what is in them. */
const iptablesTable = /^ip6? (?:filter|nat|mangle|raw|security)$/;

/** Tables that other programs write, and that come and go with them. */
const foreignTable =
	/^\w+ (?:firewalld|kube|cni|flannel|k3s|docker|libvirt|tailscale|f2b|crowdsec)/i;

/**
 * Base chains that somebody wrote with nft itself, and that concern IPv4. A table with a name of iptables' counts as
 * theirs when iptables can not read it.
 */
export const ownChains = (
	chains: readonly BaseChain[],
	hook: 'input' | 'forward',
	iptablesAnswered: boolean,
): BaseChain[] =>
	chains.filter(
		(chain) =>
			chain.hook === hook &&
			!chain.table.startsWith('ip6 ') &&
			!foreignTable.test(chain.table) &&
			!(iptablesAnswered && iptablesTable.test(chain.table)),
	);

/** The lines of `nft list ruleset` that are about tables which somebody wrote with nft itself. */
export const ownLines = (
	lines: readonly string[],
	iptablesAnswered: boolean,
): string[] => {
	let isOwn = true;
	return lines.filter((line) => {
		const table = /^table (?<name>\w+ \S+)/.exec(line)?.groups!.name;
		if (table !== undefined) {
			isOwn = !(
				foreignTable.test(table) ||
				(iptablesAnswered && iptablesTable.test(table))
			);
		}

		return isOwn && !line.startsWith('# Warning:');
	});
};
