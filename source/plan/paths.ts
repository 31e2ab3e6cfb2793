import type {Role} from '../cluster/schema.js';

/** Where K3s's configuration lies: the user's and ours. K3s's uninstall script removes it whole. */
export const k3sFolder = '/etc/rancher/k3s';

/** K3s's own config file, the user's; K3s reads it before the drop-ins beside it. */
export const userConfigPath = '/etc/rancher/k3s/config.yaml';

/** The drop-in that we write: all that we tell K3s. */
export const configPath = '/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml';

/** What we have written on a machine, so that any of our runs can tell. */
export const manifestPath = '/var/lib/k3s-mesh/manifest.json';

/** The nftables table that closes ports of the cluster, as its own unit loads it. */
export const closeRulesPath = '/var/lib/k3s-mesh/close.nft';

/** Where the K3s binary is put. */
export const binaryPath = '/usr/local/bin/k3s';

/** The systemd unit that K3s's install script makes for a role. */
export const unitName = (role: Role): 'k3s' | 'k3s-agent' =>
	role === 'server' ? 'k3s' : 'k3s-agent';

/** What K3s gets in its environment from us, and our downloads and tailscaled too: the proxy. It may hold a password. */
export const environmentPath = '/etc/rancher/k3s/k3s-mesh.env';

/** The drop-in that makes systemd read it, after all that is the user's. */
export const environmentDropInPath = (role: Role): string =>
	`/etc/systemd/system/${unitName(role)}.service.d/10-k3s-mesh.conf`;
