import {addressFamily} from '../../cluster/addresses.js';
import {closeRulesPath} from '../../plan/paths.js';
import {answerLines, plainValue} from './answer-lines.js';
import {
	failFunction,
	hashFunctions,
	stateFolder,
	stateFolderFunction,
	writeFunction,
} from './files-shell.js';
import {defineScript} from './script.js';

/** Which ports are closed, and where they stay open. */
export type PortsToClose = {
	readonly tcp: readonly number[];
	readonly udp: readonly number[];
	/** Interfaces. */
	readonly openOn: readonly string[];
	/** Addresses whose packets to the UDP ports are taken on any interface. */
	readonly udpPeers: readonly string[];
};

const table = 'k3s_mesh_close';

/** The unit that loads the table at boot. */
const closeUnit = 'k3s-mesh-close.service';

/** Where the unit and the table lie. */
export const closeUnitPath = `/etc/systemd/system/${closeUnit}`;

/** What nft listed when the table was loaded: another program that changed it shows. */
const listedPath = `${stateFolder}/close-listed`;

/** The table: before the host's own chains, and only about the ports that it names. */
export const closeRules = ({
	tcp,
	udp,
	openOn,
	udpPeers,
}: PortsToClose): string => {
	const set = (values: ReadonlyArray<string | number>) =>
		`{ ${values.map((value) => (typeof value === 'string' ? JSON.stringify(plainValue('interface', value)) : value)).join(', ')} }`;
	return [
		'# Written by k3s-mesh-tui: closes ports of the cluster everywhere but on these interfaces.',
		`table inet ${table}`,
		`delete table inet ${table}`,
		`table inet ${table} {`,
		'	chain input {',
		'		type filter hook input priority -10; policy accept;',
		`		iifname ${set(openOn)} accept`,
		...(udp.length === 0
			? []
			: ([4, 6] as const).flatMap((family) => {
					const peers = udpPeers.filter(
						(address) => addressFamily(address) === family,
					);
					return peers.length === 0
						? []
						: [
								`		${family === 4 ? 'ip' : 'ip6'} saddr { ${peers.join(', ')} } udp dport ${set(udp)} accept`,
							];
				})),
		...(tcp.length === 0 ? [] : [`		tcp dport ${set(tcp)} drop`]),
		...(udp.length === 0 ? [] : [`		udp dport ${set(udp)} drop`]),
		'	}',
		'}',
		'',
	].join('\n');
};

/** The unit: loads the table before K3s starts, and again whenever nftables' own service has emptied everything. */
export const closeUnitText = [
	'# Written by k3s-mesh-tui: closes ports of the cluster again after a boot.',
	'[Unit]',
	'Description=k3s-mesh closed ports',
	'After=nftables.service',
	'PartOf=nftables.service',
	'ReloadPropagatedFrom=nftables.service',
	'Before=k3s.service k3s-agent.service',
	'',
	'[Service]',
	'Type=oneshot',
	'RemainAfterExit=yes',
	`ExecStart=/usr/bin/env nft -f ${closeRulesPath}`,
	`ExecReload=/usr/bin/env nft -f ${closeRulesPath}`,
	`ExecStop=-/usr/bin/env nft delete table inet ${table}`,
	'',
	'[Install]',
	'WantedBy=multi-user.target nftables.service',
	'',
].join('\n');

/**
 * Closes ports in an nftables table of ours, now and after each boot, or only looks whether they are. No other table is
 * touched, and no port that is not named.
 */
export const closePorts = defineScript<
	PortsToClose & {readonly checkOnly: boolean},
	{readonly changed: boolean}
>({
	name: 'firewall.close-ports',
	purpose:
		'closes ports of the cluster, except on some interfaces, in an nftables table of its own',
	as: 'root',
	timeoutMs: 60_000,
	fields: (input) => [
		{name: 'rules', value: closeRules(input)},
		{name: 'unit', value: closeUnitText},
		{name: 'check_only', value: input.checkOnly ? 'yes' : 'no'},
	],
	source: `${failFunction}${hashFunctions}${writeFunction}${stateFolderFunction}
command -v nft >/dev/null 2>&1 ||
	fail 'nft is not installed on this machine, and without it ports cannot be closed here: install nftables, or close them in a firewall of your own.'
is_closed() {
	[ "$(cat ${closeRulesPath} 2>/dev/null; echo x)" = "\${rules}x" ] || return 1
	[ "$(cat ${closeUnitPath} 2>/dev/null; echo x)" = "\${unit}x" ] || return 1
	[ "$(systemctl is-enabled ${closeUnit} 2>/dev/null)" = enabled ] || return 1
	listed=$(nft list table inet ${table} 2>/dev/null) || return 1
	[ "$(cat ${listedPath} 2>/dev/null)" = "$listed" ]
}
if is_closed; then
	echo 'changed no'
	exit 0
fi
if [ "$check_only" = yes ]; then
	echo 'changed yes'
	exit 0
fi
state_folder
write_file ${closeRulesPath} 600 "$rules" no
write_file ${closeUnitPath} 644 "$unit" no
said=$(nft -f ${closeRulesPath} 2>&1) || fail "nft does not take the table: $(printf '%s\\n' "$said" | head -n 1)"
systemctl daemon-reload
systemctl enable --quiet ${closeUnit}
systemctl restart ${closeUnit} || fail '${closeUnit} does not start: "journalctl -u ${closeUnit}" on this machine says why.'
nft list table inet ${table} >${listedPath}
is_closed || fail 'The ports are not closed although nft took the table: another program may reset it.'
echo 'changed yes'
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});

/** Opens what `firewall.close-ports` closed: its table, its unit and its files go. */
export const openPorts = defineScript<
	Record<string, never>,
	{readonly changed: boolean}
>({
	name: 'firewall.open-ports',
	purpose: 'takes the nftables table away that closes ports of the cluster',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: String.raw`${failFunction}
changed=no
if [ -e ${closeUnitPath} ]; then
	changed=yes
	systemctl disable --quiet --now ${closeUnit} || fail '${closeUnit} cannot be stopped.'
	rm -f ${closeUnitPath}
	systemctl daemon-reload
fi
if command -v nft >/dev/null 2>&1 && nft list table inet ${table} >/dev/null 2>&1; then
	changed=yes
	said=$(nft delete table inet ${table} 2>&1) || fail "nft does not take the table away: $(printf '%s\n' "$said" | head -n 1)"
fi
rm -f ${closeRulesPath} ${listedPath}
echo "changed $changed"
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
