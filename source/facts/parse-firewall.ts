import type {FirewallFacts, ForwardingFacts} from './host-facts.js';
import {ownChains, parseNft, stoppingRule} from './parse-nft.js';
import type {Sections} from './sections.js';

/** Characters of a summary that people can still read. */
const summaryLimit = 4000;

const summaryOf = (lines: readonly string[]): string => {
	const text = lines.join('\n').trim();
	return text.length > summaryLimit
		? `${text.slice(0, summaryLimit)}\n…`
		: text;
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

/** Both kinds of iptables tables, one after the other. */
const iptablesLines = (sections: Sections): readonly string[] => [
	...sections.lines('iptables'),
	...sections.lines('iptables_legacy'),
];

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
		summary: summaryOf(zone),
	};
};

const nftFacts = (sections: Sections): FirewallFacts | undefined => {
	const lines = sections.lines('nft');
	const chains = ownChains(parseNft(lines), 'input');
	const denying = chains.some(
		(chain) => chain.policy === 'drop' || stoppingRule(chain) !== undefined,
	);
	return denying
		? {
				kind: 'nftables',
				active: true,
				defaultDeny: true,
				summary: summaryOf(lines),
			}
		: undefined;
};

const iptablesFacts = (sections: Sections): FirewallFacts | undefined => {
	const lines = iptablesLines(sections);
	const input = readChain(lines, 'INPUT');
	const someStopped = input.rules.some((rule) =>
		/ -j (?:DROP|REJECT)\b/.test(rule),
	);
	return denies(input) || someStopped
		? {
				kind: 'iptables',
				active: true,
				defaultDeny: denies(input),
				summary: summaryOf(lines),
			}
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
	return (
		active ??
		ufw ?? {kind: 'none', active: false, defaultDeny: false, summary: ''}
	);
};

/** What happens to packets that the machine forwards, as pods need it. IPv4. */
export const parseForwarding = (sections: Sections): ForwardingFacts => {
	const forward = readChain(iptablesLines(sections), 'FORWARD');
	const all = parseNft(sections.lines('nft'));
	const chains = ownChains(all, 'forward');
	// firewalld ends its forward chain with a reject of its own.
	const firewalld = all.filter(
		({table, hook}) => table === 'inet firewalld' && hook === 'forward',
	);
	const nftRules = [...chains, ...firewalld].flatMap((chain) => {
		const rule = stoppingRule(chain);
		return rule === undefined ? [] : [`${chain.table} ${chain.name}: ${rule}`];
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
