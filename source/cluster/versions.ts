/** A K3s release, taken apart: `v1.36.3-rc1+k3s2`. */
export type K3sVersion = {
	readonly major: number;
	readonly minor: number;
	readonly patch: number;
	/** `rc1` of a release candidate. */
	readonly candidate: string | undefined;
	/** The number after `+k3s`. */
	readonly revision: number;
};

/** Reads a release name; `undefined` when it is none. */
export const parseK3sVersion = (text: string): K3sVersion | undefined => {
	const match =
		/^v?(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)(?:-(?<candidate>[\w.]+))?(?:\+k3s(?<revision>\d+))?$/.exec(
			text,
		);
	if (!match) {
		return undefined;
	}

	const {major, minor, patch, candidate, revision} = match.groups!;
	return {
		major: Number(major),
		minor: Number(minor),
		patch: Number(patch),
		candidate,
		revision: Number(revision ?? 0),
	};
};

const compareCandidates = (
	one: string | undefined,
	other: string | undefined,
): number => {
	if (one === other) {
		return 0;
	}

	// A candidate comes before its release.
	if (one === undefined || other === undefined) {
		return one === undefined ? 1 : -1;
	}

	return one.localeCompare(other, 'en', {numeric: true});
};

/** Negative when `one` is older than `other`, 0 when they are the same release. Texts that are no release sort first. */
export const compareK3sVersions = (one: string, other: string): number => {
	const first = parseK3sVersion(one);
	const second = parseK3sVersion(other);
	if (!first || !second) {
		return Number(Boolean(first)) - Number(Boolean(second));
	}

	return (
		first.major - second.major ||
		first.minor - second.minor ||
		first.patch - second.patch ||
		compareCandidates(first.candidate, second.candidate) ||
		first.revision - second.revision
	);
};

/**
 * Does a release have something that came with several lines at once, such as `['v1.24.7+k3s1', 'v1.25.3+k3s1']`?
 * In a line that is named its own minimum counts; lines after the newest named one have it, lines before and between
 * that are not named do not.
 */
export const meetsMinimum = (
	version: string,
	minimums: readonly string[],
): boolean => {
	const parsed = parseK3sVersion(version);
	if (!parsed) {
		return false;
	}

	const line = ({major, minor}: K3sVersion) => major * 1000 + minor;
	const lines = minimums.map((minimum) => parseK3sVersion(minimum)!);
	const own = minimums.find((_, index) => line(lines[index]!) === line(parsed));
	return own === undefined
		? line(parsed) > Math.max(...lines.map((candidate) => line(candidate)))
		: compareK3sVersions(version, own) >= 0;
};
