/** There is no plan for this cluster: what is missing, and what to try. Whoever asks for plans makes a `UserError` of it. */
export class PlanError extends Error {
	/** The node that it is about, when it is about one. */
	readonly node: string | undefined;
	/** What the person can try next, one sentence each. */
	readonly tryNext: readonly string[];

	constructor(
		message: string,
		details: {
			readonly node?: string | undefined;
			readonly tryNext: readonly string[];
		},
	) {
		super(message);
		this.name = 'PlanError';
		this.node = details.node;
		this.tryNext = details.tryNext;
	}
}
