/** What hosts of a tailnet have beyond the tree. */
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {HostKind} from '../host-kind.js';
import {LabError} from '../run.js';
import type {HostSpec} from '../topology.js';
import {tailscalePackages, tailscaleRelease} from './programs.js';

/** POSIX sh: takes the certificate on its input into what all programs of the host trust. */
const trustScript = `
cat >/usr/local/share/ca-certificates/k3s-mesh-lab.crt
update-ca-certificates >/dev/null
`;

/** POSIX sh: takes the tarball on its input to where the distribution's package has its parts, and starts the daemon. */
export const installScript = `
folder=$(mktemp -d)
tar --extract --gzip --no-same-owner --directory="$folder" --strip-components=1
install -m 0755 "$folder/tailscale" /usr/bin/tailscale
install -m 0755 "$folder/tailscaled" /usr/sbin/tailscaled
install -m 0644 "$folder/systemd/tailscaled.service" /lib/systemd/system/tailscaled.service
install -m 0644 "$folder/systemd/tailscaled.defaults" /etc/default/tailscaled
rm -rf "$folder"
systemctl daemon-reload
systemctl enable --now tailscaled.service
`;

const feed = async (
	kind: HostKind,
	host: HostSpec,
	script: string,
	input: Uint8Array,
): Promise<void> => {
	const {code, stderr} = await kind.exec(host, ['/bin/sh', '-euc', script], {
		input,
		timeoutMs: 120_000,
	});
	if (code !== 0) {
		throw new LabError(`${host.name} ended with ${code}: ${stderr}`);
	}
};

/** Makes a host trust the control server, and installs Tailscale where the topology wants it installed. */
export const prepareTailnetHost = async (
	host: HostSpec,
	kind: HostKind,
	authority: string,
): Promise<void> => {
	await feed(kind, host, trustScript, await readFile(authority));
	if (host.tailscale === 'installed') {
		const packages = await tailscalePackages();
		await feed(
			kind,
			host,
			installScript,
			await readFile(path.join(packages, `${tailscaleRelease}.tgz`)),
		);
	}
};
