import type {FirewallFacts, ForwardingFacts} from './host-facts.js';
import {ownChains, ownLines, parseNft} from './parse-nft.js';
import type {Sections} from './sections.js';

/** Characters of a summary that people can still read. */
const summaryLimit = 4000;

/** Bounded, but all lines with our mark stay: the plan looks for them. */
const summaryOf = (lines: readonly string[]): string => {
	const text = lines.join('\n').trim();
	if (text.length <= summaryLimit) {
		return text;
	}

	const marked = text
		.slice(summaryLimit)
		.split('\n')
		.slice(1)
		.filter((line) => /k3s[-_]mesh/.test(line));
	return [text.slice(0, summaryLimit), '…', ...marked].join('\n');
};

type IptablesChain = {
	readonly policy: 'accept' | 'drop';
	/** `-A …` lines, in order. */
	readonly rules: readonly string[];
};

/** Reads one chain of `iptables -S`. */
const readChain = (lines: readonly string[], chain: string): IptablesChain => ({
	policy: lines.includes(`-P ${chain} DROP`) ? 'drop' : 'accept',
	rules: lines.filter((line) => line.startsWith(`-A ${chain} `)),
});

/** Rules that stop every packet that reaches them: nothing but a target. */
const stopping = ({rules}: IptablesChain): string[] =>
	rules.filter((rule) =>
		/^-A \S+(?: -m comment --comment (?:"[^"]*"|\S+))? -j (?:DROP|REJECT)(?: --reject-with \S+)?$/.test(
			rule,
		),
	);

const denies = (chain: IptablesChain): boolean =>
	chain.policy === 'drop' || stopping(chain).length > 0;

/** Chains that other programs keep for what is theirs. */
const foreignChain =
	/^(?:KUBE|CNI|FLANNEL|DOCKER|CILIUM|cali|ts|f2b|LIBVIRT|ufw)-/;

/** Does the chain drop or reject any packet, itself or in a chain that it calls? */
const dropsSome = (
	lines: readonly string[],
	chain: string,
	callers: readonly string[] = [],
): boolean =>
	readChain(lines, chain).rules.some((rule) => {
		const target = / -[jg] (?<target>\S+)/.exec(rule)?.groups!.target;
		return (
			target === 'DROP' ||
			target === 'REJECT' ||
			(target !== undefined &&
				!foreignChain.test(target) &&
				!callers.includes(target) &&
				dropsSome(lines, target, [...callers, chain]))
		);
	});

/** Both kinds of iptables tables, one after the other. */
const iptablesLines = (sections: Sections): readonly string[] => [
	...sections.lines('iptables'),
	...sections.lines('iptables_legacy'),
];

/** Could iptables read the tables that are its own? It can not when somebody wrote into them with nft. */
const iptablesAnswered = (sections: Sections): boolean =>
	iptablesLines(sections).some((line) => line.startsWith('-P INPUT '));

const ufwFacts = (sections: Sections): FirewallFacts | undefined => {
	const status = sections.lines('ufw');
	const config = sections.lines('ufw_config');
	if (status.length === 0 && config.length === 0) {
		return undefined;
	}

	const active =
		status.length > 0
			? status.some((line) => /^Status: active$/.test(line.trim()))
			: config.some((line) => /^ENABLED=yes$/i.test(line.trim()));
	const policy =
		status
			.map((line) =>
				/^Default: (?<incoming>\w+) \(incoming\)/.exec(line.trim()),
			)
			.find((match) => match !== null)?.groups!.incoming ??
		config
			.map((line) =>
				/^DEFAULT_INPUT_POLICY="?(?<policy>\w+)"?/.exec(line.trim()),
			)
			.find((match) => match !== null)
			?.groups!.policy!.toLowerCase();
	return {
		kind: 'ufw',
		active,
		defaultDeny: active && policy !== 'allow' && policy !== 'accept',
		summary: summaryOf(status.length > 0 ? status : config),
	};
};

const firewalldFacts = (sections: Sections): FirewallFacts | undefined => {
	if (sections.first('firewalld') !== 'running') {
		return undefined;
	}

	const zone = sections.lines('firewalld_zone');
	return {
		kind: 'firewalld',
		active: true,
		defaultDeny: !zone.some((line) => /^\s*target: ACCEPT$/.test(line)),
		// Whole: the plan finds the zones of interfaces in it, and our rules, which can not be marked.
		summary: zone.join('\n').trim(),
	};
};

const nftFacts = (sections: Sections): FirewallFacts | undefined => {
	const lines = sections.lines('nft');
	const all = parseNft(lines);
	const iptables = iptablesAnswered(sections);
	const input = ownChains(all, 'input', iptables);
	const dropping = [...input, ...ownChains(all, 'forward', iptables)].filter(
		({drops}) => drops,
	);
	return dropping.length > 0
		? {
				kind: 'nftables',
				active: true,
				defaultDeny: input.some(
					({policy, stoppingRule}) =>
						policy === 'drop' || stoppingRule !== undefined,
				),
				dropping: dropping.map(({table, name, hook}) => ({
					table,
					chain: name,
					hook: hook as 'input' | 'forward',
				})),
				summary: summaryOf(ownLines(lines, iptables)),
			}
		: undefined;
};

const iptablesFacts = (sections: Sections): FirewallFacts | undefined => {
	const lines = iptablesLines(sections);
	const input = readChain(lines, 'INPUT');
	return denies(input) || dropsSome(lines, 'INPUT')
		? {
				kind: 'iptables',
				active: true,
				defaultDeny: denies(input),
				summary: summaryOf(lines),
			}
		: undefined;
};

/** What a rollback of ours left on the host for the next run. */
const unconfirmedRules = (sections: Sections): FirewallFacts['unconfirmed'] => {
	const [outcome, ...left] = sections.lines('rollback');
	return outcome === 'rolled-back' || outcome === 'stuck'
		? {outcome, left: left.map((line) => line.split('\t'))}
		: undefined;
};

/**
 * Which firewall decides about incoming packets. ufw and firewalld come before the tables that they write; a firewall
 * that is installed and off is named when no other is on.
 */
export const parseFirewall = (sections: Sections): FirewallFacts => {
	const ufw = ufwFacts(sections);
	const active =
		(ufw?.active ? ufw : undefined) ??
		firewalldFacts(sections) ??
		nftFacts(sections) ??
		iptablesFacts(sections);
	const unconfirmed = unconfirmedRules(sections);
	return {
		...(active ?? {
			kind: ufw?.kind ?? 'none',
			active: false,
			defaultDeny: false,
			// Where forwarding alone was off, our rules for it are in iptables, whatever else there is.
			summary: [
				...(ufw === undefined ? [] : [ufw.summary]),
				...iptablesLines(sections).filter((line) => line.includes('k3s-mesh')),
			].join('\n'),
		}),
		...(unconfirmed && {unconfirmed}),
	};
};

/** What happens to packets that the machine forwards, as pods need it. IPv4. */
export const parseForwarding = (sections: Sections): ForwardingFacts => {
	const forward = readChain(iptablesLines(sections), 'FORWARD');
	const all = parseNft(sections.lines('nft'));
	const chains = ownChains(all, 'forward', iptablesAnswered(sections));
	// firewalld ends its forward chain with a reject of its own.
	const firewalld = all.filter(
		({table, hook}) => table === 'inet firewalld' && hook === 'forward',
	);
	const nftRules = [...chains, ...firewalld].flatMap((chain) => {
		const {table, name, stoppingRule} = chain;
		return stoppingRule === undefined
			? []
			: [`${table} ${name}: ${stoppingRule}`];
	});
	const ufwRouted = sections
		.lines('ufw')
		.some((line) => /\b(?:deny|reject) \(routed\)/.test(line));
	return {
		ipv4: sections.first('ip_forward') === '1',
		policy:
			forward.policy === 'drop' ||
			ufwRouted ||
			chains.some(({policy}) => policy === 'drop')
				? 'drop'
				: 'accept',
		blockingRules: [...new Set([...stopping(forward), ...nftRules])],
	};
};
