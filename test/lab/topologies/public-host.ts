import type {HostSpec} from '../topology.js';

/** A host whose one card is on the wan. */
export const publicHost = (
	name: string,
	role: HostSpec['role'],
	externalIp: string,
	rest: Partial<HostSpec> = {},
): HostSpec => ({name, role, externalIp, ...rest});

/** POSIX sh that loads the chains of one table at every boot. */
export const nftablesAtBoot = (chains: string): string => `
cat >/etc/nftables.conf <<'CONF'
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
${chains.trim()}
}
CONF
systemctl enable --now nftables.service
`;
