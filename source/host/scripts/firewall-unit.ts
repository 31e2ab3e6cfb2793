/** A rule in the words of the firewall's own program. */
export type FirewallWords = {
	/** The command that adds it, program first. */
	readonly add: readonly string[];
	/** The command that takes it back. */
	readonly remove: readonly string[];
};

/** The firewalls that we open. */
export type OpenedFirewall = 'ufw' | 'firewalld' | 'nftables' | 'iptables';

/** The unit that brings rules back after a boot, where the firewall has no memory of its own. */
export const firewallUnit = 'k3s-mesh-firewall.service';

/** Where that unit lies. */
export const firewallUnitPath = `/etc/systemd/system/${firewallUnit}`;

/** Our chain is emptied first, but the jump to it may be there still, when only this unit is started again. */
const unlessThere =
	'for last in "$@"; do :; done; nft list chain "$3" "$4" "$5" | grep -qF "comment $last" || exec nft "$@"';

/** A word of ExecStart: quoted for systemd, so that it stays one word and nothing in it is expanded. */
const quoted = (word: string): string =>
	`"${word
		.replaceAll(/[\\"]/g, String.raw`\$&`)
		.replaceAll('%', '%%')
		.replaceAll('$', '$$$$')}"`;

/** Programs are looked for by env, since not every systemd takes a name without its folder. */
const execution = (words: readonly string[]): string => {
	const [program, verb, object] = words;
	const command =
		program === 'nft' && verb === 'insert' && object === 'rule'
			? ['sh', '-c', unlessThere, ...words]
			: words;
	return `-/usr/bin/env ${command.map((word) => quoted(word)).join(' ')}`;
};

/**
 * The text of the unit, or `undefined` where the firewall remembers rules itself. It adds the rules again at boot, after
 * the firewall's own service and whenever that is restarted or reloaded.
 */
export const firewallUnitText = (
	firewall: OpenedFirewall,
	rules: readonly FirewallWords[],
): string | undefined => {
	if (firewall === 'ufw' || firewall === 'firewalld') {
		return undefined;
	}

	const commands = [
		...new Set(rules.map(({remove}) => execution(remove))),
		...rules.map(({add}) => execution(add)),
	];
	const others =
		'nftables.service netfilter-persistent.service iptables.service';
	return [
		'# Written by k3s-mesh-tui: adds its firewall rules again after a boot.',
		'[Unit]',
		'Description=k3s-mesh firewall rules',
		`After=${others}`,
		`PartOf=${others}`,
		`ReloadPropagatedFrom=${others}`,
		'Before=k3s.service k3s-agent.service',
		'',
		'[Service]',
		'Type=oneshot',
		'RemainAfterExit=yes',
		...['ExecStart', 'ExecReload'].flatMap((when) =>
			commands.map((command) => `${when}=${command}`),
		),
		'',
		'[Install]',
		`WantedBy=multi-user.target ${others}`,
		'',
	].join('\n');
};
