import assert from 'node:assert/strict';
import {
	ControlError,
	type ControlFailure,
} from '../../source/control/control-error.js';

/** A call fails in this way, and its words say so. Returns the error. */
export const fails = async (
	promise: Promise<unknown>,
	failure: ControlFailure,
	expected: RegExp,
): Promise<ControlError> => {
	const error = await promise.then(
		() => undefined,
		(error_: unknown) => error_,
	);
	assert.ok(error instanceof ControlError, String(error));
	assert.equal(error.failure, failure, error.message);
	assert.match([error.message, ...error.tryNext].join(' '), expected);
	return error;
};
