/** Why something that a person has given can not be used, and what to do instead. Holds no secret. */
export type Obstacle = {
	readonly message: string;
	readonly tryNext: readonly string[];
};

/** What the control server tells of a key, without the key. */
export type KeyState = {
	/** `spent` is a one-off key that was used. */
	readonly state: 'usable' | 'expired' | 'revoked' | 'spent';
	readonly isReusable: boolean;
	readonly isEphemeral: boolean;
	readonly isPreApproved: boolean;
	readonly tags: readonly string[];
};

/** The key that nodes log in with, as far as it is known before anybody is asked for one. */
export type KeyLook =
	/** None is named: it is asked for, or made, when a node needs it. */
	| {readonly kind: 'not-named'}
	| {readonly kind: 'unusable'; readonly obstacle: Obstacle}
	/** Its form is right; the state is known where the control server was asked and told it. */
	| {readonly kind: 'named'; readonly state: KeyState | undefined}
	/** Its form is right, and the control server, which knows all of its keys, does not know this one. */
	| {readonly kind: 'unknown-there'};

/** A machine of the tailnet, as its control server knows it. */
export type TailnetDevice = {
	readonly name: string;
	readonly addresses: readonly string[];
	/** Is it forgotten once it is offline? `undefined` where the server does not tell. */
	readonly isEphemeral: boolean | undefined;
	/** CIDRs that others send to it: offered, approved, and of a machine that is not known to be away. */
	readonly routes: readonly string[];
};

/** An answer that is never a guess. */
export type PolicyAnswer = {
	readonly answer: 'yes' | 'no' | 'unknown';
	/** One sentence: what lets it through, what is missing, or what can not be judged. */
	readonly reason: string;
};

/** What the tailnet's policy means for the cluster. */
export type PolicyLook = {
	/** Are a node's pod networks approved by themselves? One answer for each pod network. */
	readonly autoApproval: ReadonlyArray<
		PolicyAnswer & {readonly podCidr: string}
	>;
	/** May nodes be given the tags? */
	readonly tagDefined: PolicyAnswer;
	readonly nodesToNodes: PolicyAnswer;
	readonly nodesToPods: PolicyAnswer;
	readonly podsToPods: PolicyAnswer;
};

/** The control server's API, through the credentials that the cluster file names. */
export type ApiLook =
	| {readonly kind: 'not-named'}
	| {readonly kind: 'unusable'; readonly obstacle: Obstacle}
	/** `policy` is `undefined` where there is one that can not be read. */
	| {
			readonly kind: 'asked';
			readonly policy: PolicyLook | undefined;
			readonly devices: readonly TailnetDevice[];
	  };

/** A node that does not trust the control server's certificate. */
export type Distrust = {
	readonly node: string;
	/** The words of the program that asked there. */
	readonly said: string;
};

/** What is known of the tailnet before a node is changed, beside what the nodes tell themselves. */
export type TailnetLook = {
	readonly key: KeyLook;
	readonly api: ApiLook;
	/** Absent where no node was asked. */
	readonly distrust?: readonly Distrust[];
};
