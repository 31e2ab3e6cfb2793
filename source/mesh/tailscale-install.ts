import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {StepAction} from '../plan/plan.js';
import {mirrorsOf} from '../plan/releases.js';

type InstallAction = Extract<StepAction, {kind: 'tailscale-install'}>;

/** `ID` of os-release of the systems that Tailscale's install script has packages for (scripts/installer.sh). */
const packaged: ReadonlySet<string> = new Set(
	`ubuntu pop neon tuxedo debian linuxmint elementary raspbian kali parrot zorin sparky deepin pika
	centos amzn xenenterprise ol rhel miraclelinux fedora rocky almalinux nobara openmandriva cloudlinux alinux
	opensuse-leap sles opensuse-tumbleweed opensuse-slowroll arch archarm endeavouros manjaro cachyos
	alpine void gentoo photon`.split(/\s+/),
);

/** Systems whose programs come from a description of the whole machine: nothing is installed on them from outside. */
const declared: ReadonlySet<string> = new Set(['nixos', 'guix', 'steamos']);

/** Fedora's systems with a read-only /usr have the same `ID` as Fedora. */
const isImage = ({os}: HostFacts): boolean =>
	/coreos|silverblue|kinoite|iot|atomic|bazzite/i.test(os.prettyName);

/** Tailscale's names of architectures; K3s has builds for further ones. */
const architectures: Partial<
	Readonly<Record<NonNullable<HostFacts['architecture']>, string>>
> = {amd64: 'amd64', arm64: 'arm64', arm: 'arm', riscv64: 'riscv64'};

/** How Tailscale gets onto a machine: by its own script, or from its archive; `undefined` when neither can. */
export const tailscaleInstall = (
	cluster: Cluster,
	host: HostFacts,
): InstallAction | undefined => {
	const {tailscaleScript, tailscaleArchives} = mirrorsOf(cluster);
	// A file that names another place of the archives, and none of the script, means nodes that get nothing else.
	const onlyArchives =
		cluster.mirrors.tailscaleArchives !== undefined &&
		cluster.mirrors.tailscaleScript === undefined;
	if (packaged.has(host.os.id) && !isImage(host) && !onlyArchives) {
		return {
			kind: 'tailscale-install',
			from: {method: 'script', url: tailscaleScript},
		};
	}

	const architecture =
		host.architecture === undefined
			? undefined
			: architectures[host.architecture];
	return declared.has(host.os.id) || architecture === undefined
		? undefined
		: {
				kind: 'tailscale-install',
				from: {method: 'archive', url: tailscaleArchives, architecture},
			};
};
