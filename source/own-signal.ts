/**
 * A signal that aborts with another one, for one listener's own use. Node takes more than ten listeners on one signal
 * for a leak and warns on the terminal, and what waits on behalf of forty nodes listens forty times.
 */
export const ownSignal = (signal: AbortSignal): AbortSignal =>
	AbortSignal.any([signal]);
