import type {Role} from '../../cluster/schema.js';
import type {Host} from '../../host/host.js';
import type {Step, StepAction} from '../../plan/plan.js';
import type {Clocks} from '../clocks.js';
import type {Proof} from '../events.js';
import type {Manifest, ManifestChange} from '../manifest.js';
import type {NodeReader} from '../node-reader.js';
import type {References} from '../references.js';
import type {TailnetAccess} from '../tailnet-access.js';
import type {Verification} from '../verification.js';

/** What a step can use and tell while it runs. */
export type StepContext = {
	readonly step: Step;
	readonly role: Role;
	readonly host: Host;
	readonly signal: AbortSignal;
	/** How long it may wait for something outside of itself, in ms. */
	readonly waitLimitMs: number;
	/** Between two looks at something that it waits for, in ms. */
	readonly pollMs: number;
	/** ms since 1970. */
	readonly now: () => number;
	readonly references: References;
	/** Node objects of the cluster, read on its first server. */
	readonly nodes: NodeReader;
	readonly verification: Verification;
	readonly clocks: Clocks;
	/** Another node of the plan, which sees this one from outside; `undefined` where there is none to be had. */
	otherHost(): Promise<Host | undefined>;
	/** `undefined` when the mesh uses no tailnet. */
	readonly tailnet: TailnetAccess | undefined;
	/** Lists a change on the host, before it is made. */
	listInManifest(change: ManifestChange): Promise<Manifest>;
	/** From when on the journal of K3s is of interest, by the host's clock, in seconds since 1970; 0 for all of it. */
	journalSince: number;
	readonly tell: {
		/** What the node does now. */
		now(text: string): void;
		/** It waits for something outside of itself, until this time at the latest (ms since 1970). */
		waiting(text: string, deadlineAt: number): void;
		progress(doneBytes: number, totalBytes: number | undefined): void;
		log(line: string): void;
		proof(proof: Proof): void;
	};
};

/** Did a step change anything on the host? */
export type StepOutcome = 'changed' | 'unchanged';

/** How one kind of step is done. Every function may be cut at any point and run again. */
export type StepHandler<Action extends StepAction> = {
	/** Is everything as wanted already? Changes nothing. */
	check(action: Action, context: StepContext): Promise<boolean>;
	/** Makes it so. */
	act(action: Action, context: StepContext): Promise<StepOutcome>;
	/** Looks, after a change, whether it is so now. Throws when it is not. */
	verify(action: Action, context: StepContext): Promise<void>;
};

/** The action of one kind. */
export type ActionOf<Kind extends StepAction['kind']> = Extract<
	StepAction,
	{readonly kind: Kind}
>;
