/**
 * What differs between headscale's releases, as far as it matters here; from its change log and from the protobuf files
 * of each release.
 */
export type HeadscaleApi = {
	/** The release as the server tells it; `undefined` before 0.27, which has no way to ask. */
	readonly version: string | undefined;
	/** The line, such as 28 for 0.28; for one that tells a text without a number the newest that is known here. */
	readonly minor: number;
};

/** `POST /node/{id}/approve_routes`; before it each route has an id of its own. */
export const approvesPerNode = (api: HeadscaleApi): boolean => api.minor >= 26;

/** Keys are made for a user's number; before that for a user's name. */
export const namesUsersByNumber = (api: HeadscaleApi): boolean =>
	api.minor >= 26;

/** A key with tags needs no user, and the node belongs to its tags. */
export const tagsNeedNoUser = (api: HeadscaleApi): boolean => api.minor >= 28;

/** Keys are ended by their number; before that by the user and the key itself. */
export const endsKeysByNumber = (api: HeadscaleApi): boolean => api.minor >= 28;

/** `POST /policy/check`. */
export const checksPolicies = (api: HeadscaleApi): boolean => api.minor >= 29;

/** The policy may have grants beside acls; a `*` no longer means addresses outside of the tailnet. */
export const knowsGrants = (api: HeadscaleApi): boolean => api.minor >= 29;

/** The newest line whose API was looked at. */
export const newestKnownMinor = 29;

/** The line in a version text: 28 for `v0.28.0-beta.1`; `undefined` where there is none, such as `dev`. */
export const headscaleMinor = (version: string): number | undefined => {
	const [, major, minor] = /^v?(\d+)\.(\d+)\b/.exec(version) ?? [];
	if (minor === undefined) {
		return undefined;
	}

	return Number(major) > 0 ? newestKnownMinor : Number(minor);
};
