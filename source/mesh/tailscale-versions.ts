import {
	compareK3sVersions,
	meetsMinimum,
	parseK3sVersion,
} from '../cluster/versions.js';

/** First releases with `vpn-auth` (K3s docs: Distributed hybrid or multicloud cluster). */
export const vpnAuthReleases = [
	'v1.25.11+k3s1',
	'v1.26.6+k3s1',
	'v1.27.3+k3s1',
] as const;

/** First releases whose `vpn-auth` knows `controlServerURL` (k3s-io/k3s#7824; that of the 1.27 line by its date). */
export const controlServerReleases = [
	'v1.25.12+k3s1',
	'v1.26.7+k3s1',
	'v1.27.4+k3s1',
] as const;

/**
 * First releases that leave a machine alone that is logged in (k3s-io/k3s#13106 and its backports #13267 to #13270; the
 * releases by the dates of these). Older ones run `tailscale up --reset` at each start, with the key that they are given.
 */
export const keyUnusedReleases = [
	'v1.31.15+k3s1',
	'v1.32.11+k3s1',
	'v1.33.7+k3s1',
	'v1.34.3+k3s1',
] as const;

/** Does K3s never use the key of a machine that is logged in? Not when the release is not known. */
export const leavesLoginAlone = (version: string | undefined): boolean =>
	version !== undefined && meetsMinimum(version, keyUnusedReleases);

/** Releases of one line in which something is wrong: from the first of them up to the one that mends it. */
type Range = {
	readonly from: string;
	/** The first that is well again; `undefined` when none of the line is. */
	readonly to: string | undefined;
};

const isWithin = (version: string, {from, to}: Range): boolean => {
	const parsed = parseK3sVersion(version);
	const start = parseK3sVersion(from)!;
	return (
		parsed?.major === start.major &&
		parsed.minor === start.minor &&
		compareK3sVersions(version, from) >= 0 &&
		(to === undefined || compareK3sVersions(version, to) < 0)
	);
};

/**
 * The node's address in the tailnet does not reach the kubelet (k3s-io/k3s#13457), or its certificate, so that
 * `kubectl logs` fails (k3s-io/k3s#13659). Mended in 1.33.11, 1.34.7, 1.35.4 and 1.36.0.
 */
const addressMissing: readonly Range[] = [
	{from: 'v1.32.11', to: undefined},
	{from: 'v1.33.7', to: 'v1.33.11-rc2'},
	{from: 'v1.34.3', to: 'v1.34.7-rc2'},
	{from: 'v1.35.0-rc1', to: 'v1.35.4-rc2'},
];

/** The same, mended in a way that comes too late on some starts (k3s-io/k3s#14000, by its date). */
const addressLate: readonly Range[] = [
	{from: 'v1.34.7-rc2', to: 'v1.34.8-rc1'},
	{from: 'v1.35.4-rc2', to: 'v1.35.5-rc1'},
	{from: 'v1.36.0-rc1', to: 'v1.36.1-rc1'},
];

/** Embedded etcd listens on the node's address in the tailnet (k3s-io/k3s#14515). */
const etcdOnTailnet: readonly Range[] = [
	{from: 'v1.35.5-rc1', to: undefined},
	{from: 'v1.36.1-rc1', to: 'v1.36.4-rc1'},
];

/** What is known to be wrong with `vpn-auth` in a release. */
export type VpnAuthFault =
	| 'address-missing'
	| 'address-late'
	| 'etcd-on-tailnet'
	/** It is not known which address embedded etcd takes. */
	| 'etcd-unknown';

/** What is known against `vpn-auth` in a release; what etcd does matters only where the servers share one. */
export const vpnAuthFault = (
	version: string,
	hasEtcd: boolean,
): VpnAuthFault | undefined => {
	const among = (ranges: readonly Range[]) =>
		ranges.some((range) => isWithin(version, range));
	if (among(addressMissing)) {
		return 'address-missing';
	}

	if (hasEtcd && among(etcdOnTailnet)) {
		return 'etcd-on-tailnet';
	}

	if (among(addressLate)) {
		return 'address-late';
	}

	// The backport of #14000 to the 1.34 line, and all that came after the newest release that was looked at.
	return hasEtcd &&
		(isWithin(version, {from: 'v1.34.8-rc1', to: undefined}) ||
			compareK3sVersions(version, 'v1.36.4-rc1') >= 0)
		? 'etcd-unknown'
		: undefined;
};

/** Which address embedded etcd takes under `vpn-auth`; the internal one where that is not known. */
export const etcdAddress = (
	version: string | undefined,
): 'internal' | 'tailscale' =>
	version !== undefined && vpnAuthFault(version, true) === 'etcd-on-tailnet'
		? 'tailscale'
		: 'internal';
