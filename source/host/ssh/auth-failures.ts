import type {Client} from 'ssh2';

type Listener = (allowed: readonly string[], isPartial: boolean) => void;

type FailureHandler = (
	protocol: unknown,
	allowed: readonly string[],
	isPartial: boolean,
) => void;

/**
 * Hears each "no" of a host to a login method, with the methods that may go on. The library tells that to its
 * `authHandler` as well, but not after a key of an agent, where it tells what was said before that; so its handler of
 * that message (RFC 4252, 5.1) is wrapped. To be called right after `connect`.
 */
export const onAuthFailure = (client: Client, listener: Listener): void => {
	const {_protocol: protocol} = client as unknown as {
		readonly _protocol: {
			readonly _handlers: {USERAUTH_FAILURE: FailureHandler};
		};
	};
	const handlers = protocol._handlers;
	const handle = handlers.USERAUTH_FAILURE;
	handlers.USERAUTH_FAILURE = (from, allowed, isPartial) => {
		listener(allowed, isPartial);
		handle(from, allowed, isPartial);
	};
};
