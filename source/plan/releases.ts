import type {Cluster} from '../cluster/schema.js';
import type {Architecture} from '../facts/host-facts.js';

/** Where K3s and Tailscale come from when the cluster file names no mirror. */
export const defaultMirrors = {
	installScript: 'https://get.k3s.io',
	releases: 'https://github.com/k3s-io/k3s/releases',
	channels: 'https://update.k3s.io/v1-release/channels',
	tailscaleScript: 'https://tailscale.com/install.sh',
	tailscaleArchives: 'https://pkgs.tailscale.com/stable',
} as const;

/** The mirrors of a cluster, without a slash at the end. */
export const mirrorsOf = ({
	mirrors,
}: Pick<Cluster, 'mirrors'>): Record<keyof typeof defaultMirrors, string> => {
	const from = (name: keyof typeof defaultMirrors) =>
		(mirrors[name] ?? defaultMirrors[name]).replace(/\/+$/, '');
	return {
		installScript: from('installScript'),
		releases: from('releases'),
		channels: from('channels'),
		tailscaleScript: from('tailscaleScript'),
		tailscaleArchives: from('tailscaleArchives'),
	};
};

/** A file of a K3s release on this machine. */
export type LocalFile = {
	/** Where it is here. */
	readonly path: string;
	readonly fileName: string;
	readonly bytes: number;
	/** Hexadecimal. */
	readonly sha256: string;
};

/** The files of a K3s release on this machine, for nodes that get nothing from the internet. */
export type LocalRelease = {
	readonly installScript: LocalFile;
	/** What nodes of an architecture need. */
	readonly files: ReadonlyMap<
		Architecture,
		{
			readonly binary: LocalFile;
			readonly checksums: LocalFile;
			/** Absent when the nodes have a registry of their own. */
			readonly images: LocalFile | undefined;
		}
	>;
};

/** Where the files of a release lie on a host before they are put into place. */
export const releaseFolder = '/var/lib/k3s-mesh/release';

/** From where K3s loads images when it starts (https://docs.k3s.io/installation/airgap). */
export const imagesFolder = '/var/lib/rancher/k3s/agent/images';

/** How a release names its files for an architecture: the binary's suffix, and the word in the checksum file's name. */
const fileNames: Readonly<
	Record<Architecture, {readonly suffix: string; readonly checksum: string}>
> = {
	amd64: {suffix: '', checksum: 'amd64'},
	arm64: {suffix: '-arm64', checksum: 'arm64'},
	arm: {suffix: '-armhf', checksum: 'arm'},
	s390x: {suffix: '-s390x', checksum: 's390x'},
	riscv64: {suffix: '-riscv64', checksum: 'riscv64'},
};

/** What a release calls the files for an architecture; of the images the first that is there counts. */
export const releaseFileNames = (
	architecture: Architecture,
): {
	readonly binary: string;
	readonly checksums: string;
	readonly images: readonly string[];
} => {
	const {suffix, checksum} = fileNames[architecture];
	return {
		binary: `k3s${suffix}`,
		checksums: `sha256sum-${checksum}.txt`,
		images: ['tar.zst', 'tar.gz', 'tar'].map(
			(ending) => `k3s-airgap-images-${checksum}.${ending}`,
		),
	};
};

/** The files of a release for an architecture. */
export const releaseFiles = (
	cluster: Pick<Cluster, 'mirrors'>,
	version: string,
	architecture: Architecture,
	/** Have the files been sent to the host? */
	isLocal: boolean,
): {
	readonly url: string;
	readonly checksumUrl: string;
	readonly fileName: string;
} => {
	const base = isLocal
		? `file://${releaseFolder}`
		: `${mirrorsOf(cluster).releases}/download/${version.replaceAll('+', '%2B')}`;
	const {binary, checksums} = releaseFileNames(architecture);
	return {
		url: `${base}/${binary}`,
		checksumUrl: `${base}/${checksums}`,
		fileName: binary,
	};
};
