import {HostLost} from '../host/errors.js';
import type {Host} from '../host/host.js';

/** The open connections of a run. A lost one is opened again when it is next needed. */
export type HostPool = {
	/** Throws a `UserError` when the node cannot be reached (any more). */
	get(node: string): Promise<Host>;
};

/** How a run reaches its nodes. */
export type HostSource = {
	/** An open connection, the one that is there already or a new one. */
	open(node: string): Promise<Host>;
	/** A new connection in place of one that was lost. */
	reopen(node: string): Promise<Host>;
};

/** Keeps one connection a node, and notices on every call when one is lost. */
export const makeHostPool = (source: HostSource): HostPool => {
	const open = new Map<string, Promise<Host>>();
	const known = new Set<string>();

	const connect = async (node: string): Promise<Host> => {
		const host = known.has(node)
			? await source.reopen(node)
			: await source.open(node);
		known.add(node);
		return watchLoss(host, () => {
			open.delete(node);
		});
	};

	return {
		async get(node) {
			const current = open.get(node);
			if (current) {
				return current;
			}

			const connecting = connect(node);
			open.set(node, connecting);
			try {
				return await connecting;
			} catch (error) {
				open.delete(node);
				throw error;
			}
		},
	};
};

/** The same host, with a notice when a call finds its connection gone. */
const watchLoss = (host: Host, onLost: () => void): Host => {
	const noticing = async <Result>(call: Promise<Result>): Promise<Result> => {
		try {
			return await call;
		} catch (error) {
			if (error instanceof HostLost) {
				onLost();
			}

			throw error;
		}
	};

	return {
		name: host.name,
		address: host.address,
		get rttMs() {
			return host.rttMs;
		},
		run: async (script, input, options) =>
			noticing(host.run(script, input, options)),
		stream: async (script, input, options) =>
			noticing(host.stream(script, input, options)),
		upload: async (script, input, options) =>
			noticing(host.upload(script, input, options)),
		converse: async (script, input, options) =>
			noticing(host.converse(script, input, options)),
		close: async () => host.close(),
	};
};
