import type {HeadscaleApi} from '../mesh/headscale-version.js';

/** Every call to a control server can be cut short and has an end. */
export type CallOptions = {
	readonly signal: AbortSignal;
	/** Instead of the usual limit of one call, in ms. */
	readonly timeoutMs?: number;
};

/** Whom the nodes that join belong to, and whose rights they have. */
export type KeyOwner =
	/** Tags, each as `tag:name`: the nodes' keys do not expire, and no account is needed on Tailscale. */
	| {readonly kind: 'tags'; readonly tags: readonly [string, ...string[]]}
	/** The account behind the credential; on headscale the user that the connection names. */
	| {readonly kind: 'account'};

/** What is asked of a new join key. It is always reusable, pre-approved and not ephemeral: that is what nodes need. */
export type JoinKeyRequest = {
	readonly owner: KeyOwner;
	/** How long the key can be used, in seconds. Nodes that joined stay. */
	readonly lifetimeSeconds: number;
	/** Shown in the list of keys: at most 50 characters, letters, digits, spaces and hyphens. headscale has no such field. */
	readonly description: string;
};

/** A key that was just made. The redactor knows it already. */
export type JoinKey = {
	/** By what the control server knows it, for `revokeJoinKey`. */
	readonly id: string;
	/** The secret. */
	readonly key: string;
	/** RFC 3339. */
	readonly expiresAt: string;
};

/** What the control server knows of a key that somebody pasted. */
export type JoinKeyState = {
	readonly id: string;
	/** `spent` is a one-off key that was used. */
	readonly state: 'usable' | 'expired' | 'revoked' | 'spent';
	/** RFC 3339; `undefined` where it has no end. */
	readonly expiresAt: string | undefined;
	readonly isReusable: boolean;
	readonly isEphemeral: boolean;
	/** Does a node that joins with it need no approval? Always so on headscale, which knows no approval. */
	readonly isPreApproved: boolean;
	readonly tags: readonly string[];
};

/** Routes of a device, as CIDRs. */
export type DeviceRoutes = {
	/** What the device offers. */
	readonly advertised: readonly string[];
	/** What was approved, offered or not. */
	readonly enabled: readonly string[];
};

/** A machine of the tailnet. */
export type Device = {
	readonly id: string;
	/** Its name in the tailnet, the first label only: `fra1`. */
	readonly name: string;
	/** What the machine calls itself. */
	readonly hostname: string;
	/** Tailscale addresses, IPv4 first. */
	readonly addresses: readonly string[];
	readonly tags: readonly string[];
	/** The account that it belongs to; `undefined` for a tagged one where the server tells none. */
	readonly user: string | undefined;
	/** When its node key ends and it drops out of the tailnet, RFC 3339; `undefined` for never. */
	readonly keyExpiresAt: string | undefined;
	/** Is it connected to the control server? `undefined` where the server does not tell. */
	readonly isOnline: boolean | undefined;
	/** Did device approval let it in? */
	readonly isApproved: boolean;
	/** `undefined` where the server does not tell. */
	readonly isEphemeral: boolean | undefined;
	readonly routes: DeviceRoutes;
};

/** The policy as the control server keeps it. */
export type Policy = {
	/** HuJSON, as it was written; empty where headscale has none, which lets everything through. */
	readonly text: string;
	/** By what a later write knows that nobody else has written meanwhile. */
	readonly version: string;
	/** Why the API can not write it, as a sentence, and what to do; `undefined` where it can. */
	readonly readOnly: string | undefined;
};

/** What the server says about a policy that is not in force. */
export type PolicyVerdict =
	| {readonly kind: 'accepted'}
	/** One sentence each, the server's own words. */
	| {readonly kind: 'refused'; readonly problems: readonly string[]}
	/** The server has no such call, and why. */
	| {readonly kind: 'unchecked'; readonly reason: string};

/**
 * A control server of a tailnet, through its API, with the credential of a person. Each call throws a `ControlError`
 * with a sentence for people, or the signal's reason when it was aborted.
 */
export type ControlCalls = {
	/** For sentences: `Tailscale`, or `headscale at https://hs.example.org`. */
	readonly title: string;
	/** Makes one join key. An OAuth client can make keys for tags that it has, only. */
	createJoinKey(
		request: JoinKeyRequest,
		options: CallOptions,
	): Promise<JoinKey>;
	/** Ends a key that this connection made, so that nobody can join with it any more; fine when it is gone. */
	revokeJoinKey(id: string, options: CallOptions): Promise<void>;
	/** Looks up a join key; `undefined` when this tailnet does not know it, or the credential may not see it. */
	inspectJoinKey(
		key: string,
		options: CallOptions,
	): Promise<JoinKeyState | undefined>;
	listDevices(options: CallOptions): Promise<readonly Device[]>;
	/**
	 * Approves routes of a device beside those that are approved already, and returns what is approved then. The API
	 * replaces the whole set, so it is read first.
	 */
	approveRoutes(
		deviceId: string,
		routes: readonly string[],
		options: CallOptions,
	): Promise<readonly string[]>;
	/** Takes the approval of routes back; others stay. Returns what is approved then. */
	withdrawRoutes(
		deviceId: string,
		routes: readonly string[],
		options: CallOptions,
	): Promise<readonly string[]>;
	/** Takes a device out of the tailnet; fine when it is gone already. */
	deleteDevice(deviceId: string, options: CallOptions): Promise<void>;
	readPolicy(options: CallOptions): Promise<Policy>;
	/** Asks whether the server would take a policy; nothing is changed. */
	validatePolicy(text: string, options: CallOptions): Promise<PolicyVerdict>;
	/**
	 * Puts a policy in force, and returns it as read back. Throws a `ControlError` of the kind `changed-meanwhile` when
	 * the policy is not the one that `previous` was.
	 */
	writePolicy(
		text: string,
		previous: Policy,
		options: CallOptions,
	): Promise<Policy>;
};

/** Tailscale's hosted control plane. */
export type TailscaleControl = ControlCalls & {readonly kind: 'tailscale'};

/** A headscale server. */
export type HeadscaleControl = ControlCalls & {
	readonly kind: 'headscale';
	/** What its API can do. */
	readonly api: HeadscaleApi;
	listUsers(options: CallOptions): Promise<readonly HeadscaleUser[]>;
};

export type HeadscaleUser = {
	/** Decimal. */
	readonly id: string;
	readonly name: string;
};

export type ControlPlane = TailscaleControl | HeadscaleControl;

/** How to get at a control server. */
export type ControlAccess =
	| {
			readonly kind: 'tailscale';
			/** An OAuth client's secret (`tskey-client-…`) or an API access token (`tskey-api-…`). */
			readonly credential: string;
			/** Another place than https://api.tailscale.com. */
			readonly baseUrl?: string;
	  }
	| {
			readonly kind: 'headscale';
			/** The server's URL, the same that nodes log in to. */
			readonly baseUrl: string;
			/** An API key, as `headscale apikeys create` prints it. */
			readonly credential: string;
			/** The user whose keys are made, where one is needed; the only one when it is not given. */
			readonly user?: string | undefined;
			/** The certificate in PEM form of the authority that signed the server's, beside the well-known ones. */
			readonly authority?: string | undefined;
	  };
