import type {Role} from '../cluster/schema.js';

/** K3s's own config file, the user's; K3s reads it before the drop-ins beside it. */
export const userConfigPath = '/etc/rancher/k3s/config.yaml';

/** The drop-in that we write: all that we tell K3s. */
export const configPath = '/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml';

/** What we have written on a machine, so that any of our runs can tell. */
export const manifestPath = '/var/lib/k3s-mesh/manifest.json';

/** Where the K3s binary is put. */
export const binaryPath = '/usr/local/bin/k3s';

/** The systemd unit that K3s's install script makes for a role. */
export const unitName = (role: Role): 'k3s' | 'k3s-agent' =>
	role === 'server' ? 'k3s' : 'k3s-agent';
