import {UserError} from '../errors.js';

/** What went wrong with a call to a control server, for code that goes on from it. */
export type ControlFailure =
	/** The credential is not taken. */
	| 'unauthorized'
	/** It is taken, and may not do this. */
	| 'forbidden'
	| 'not-found'
	/** Somebody else has written meanwhile. */
	| 'changed-meanwhile'
	| 'rate-limited'
	/** The server understood and said no. */
	| 'refused'
	| 'server-error'
	/** No connection, or it broke. */
	| 'unreachable'
	/** The server's certificate can not be trusted. */
	| 'untrusted-certificate'
	| 'timeout'
	/** What came is no answer of such a server. */
	| 'unexpected-answer'
	/** What is there to log in with, or the URL, can not be right. */
	| 'bad-access';

/** A call to a control server did not succeed. Its sentence holds no secret. */
export class ControlError extends UserError {
	readonly failure: ControlFailure;
	/** The HTTP status, when there was an answer. */
	readonly status: number | undefined;

	constructor(
		failure: ControlFailure,
		message: string,
		details: {
			readonly tryNext?: readonly string[];
			readonly status?: number | undefined;
			readonly cause?: unknown;
		} = {},
	) {
		super(message, details);
		this.name = 'ControlError';
		this.failure = failure;
		this.status = details.status;
	}
}
