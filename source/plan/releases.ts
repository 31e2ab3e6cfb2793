import type {Cluster} from '../cluster/schema.js';
import type {Architecture} from '../facts/host-facts.js';

/** Where K3s comes from when the cluster file names no mirror. */
export const defaultMirrors = {
	installScript: 'https://get.k3s.io',
	releases: 'https://github.com/k3s-io/k3s/releases',
	channels: 'https://update.k3s.io/v1-release/channels',
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
	};
};

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

/** The files of a release for an architecture. */
export const releaseFiles = (
	cluster: Pick<Cluster, 'mirrors'>,
	version: string,
	architecture: Architecture,
): {
	readonly url: string;
	readonly checksumUrl: string;
	readonly fileName: string;
} => {
	const base = `${mirrorsOf(cluster).releases}/download/${version.replaceAll('+', '%2B')}`;
	const {suffix, checksum} = fileNames[architecture];
	return {
		url: `${base}/k3s${suffix}`,
		checksumUrl: `${base}/sha256sum-${checksum}.txt`,
		fileName: `k3s${suffix}`,
	};
};
