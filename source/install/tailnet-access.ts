/** What a run asks of its tailnet from this side. */
export type TailnetAccess = {
	/** URL of the control server; `undefined` for Tailscale's own. */
	readonly controlServer: string | undefined;
	/**
	 * What nodes log in with: read, asked for or made when it is first needed, and then the same for all. Throws a
	 * `UserError` when there is none.
	 */
	joinKey(signal: AbortSignal): Promise<string>;
	/**
	 * Approves routes of the machine that has one of these addresses, beside those that are approved, and tells what is
	 * approved then; `undefined` without credentials for the control server's API.
	 */
	readonly approveRoutes:
		| ((
				addresses: readonly string[],
				routes: readonly string[],
				signal: AbortSignal,
		  ) => Promise<{
				readonly approved: readonly string[];
				readonly changed: boolean;
		  }>)
		| undefined;
	/**
	 * Takes the approval of routes back from the machine that has one of these addresses; others stay. Tells whether
	 * anything was to be taken back. `undefined` without credentials.
	 */
	readonly withdrawRoutes:
		| ((
				addresses: readonly string[],
				routes: readonly string[],
				signal: AbortSignal,
		  ) => Promise<boolean>)
		| undefined;
	/**
	 * Takes the machine that has one of these addresses out of the tailnet's list. Tells whether it was there.
	 * `undefined` without credentials.
	 */
	readonly deleteDevice:
		| ((addresses: readonly string[], signal: AbortSignal) => Promise<boolean>)
		| undefined;
};
