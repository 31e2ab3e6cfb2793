import pLimit from 'p-limit';
import type {NodeSpec} from '../cluster/schema.js';
import {UserError, describeError, exitCodes} from '../errors.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {ConnectQuestions, Host} from '../host/host.js';
import {factsGather, factsInput} from '../host/scripts/facts-gather.js';
import {makeLookAtTailnet, makeRelaysOf} from './look-at-tailnet.js';
import type {NodeContact, OpenFleet} from './operations.js';

/** Nodes logged in to at once, when nobody says otherwise. */
const defaultConcurrency = 20;

/** A node's contact, with what is needed to renew or end it. */
type Entry = {
	/** How we log in, to notice a change. */
	readonly login: string;
	readonly controller: AbortController;
	contact: NodeContact;
	/** Ends with the state that the contact comes to; never rejects. */
	settled: Promise<NodeContact>;
};

const failedContact = (error: unknown): NodeContact => ({
	state: 'failed',
	message: describeError(error),
	tryNext: error instanceof UserError ? error.tryNext : [],
	unreachable:
		error instanceof UserError && error.exitCode === exitCodes.unreachable,
});

/** The same questions, one at a time: a person answers no two at once. */
const oneByOne = (
	questions: ConnectQuestions,
	signal: AbortSignal,
): ConnectQuestions => {
	let last: Promise<unknown> = Promise.resolve();
	const inTurn = async <Answer>(ask: () => Promise<Answer>) => {
		const before = last;
		const asked = (async () => {
			await Promise.allSettled([before]);
			signal.throwIfAborted();
			return ask();
		})();
		last = asked;
		return asked;
	};

	return {
		trustHostKey: async (key) =>
			inTurn(async () => questions.trustHostKey(key)),
		askSecret: async (question) =>
			inTurn(async () => questions.askSecret(question)),
	};
};

const hostOf = (contact: NodeContact): Host | undefined =>
	contact.state === 'asking' || contact.state === 'ready'
		? contact.host
		: undefined;

/** Opens a fleet: machines are contacted as they are added, and failures are a state of theirs. */
export const openFleet: OpenFleet = ({
	world,
	questions,
	signal,
	concurrency = defaultConcurrency,
}) => {
	const limit = pLimit(concurrency);
	const entries = new Map<string, Entry>();
	const listeners = new Set<() => void>();
	const closing = new AbortController();
	const end = AbortSignal.any([signal, closing.signal]);
	const orderly = oneByOne(questions, end);

	const settle = (entry: Entry, contact: NodeContact): NodeContact => {
		entry.contact = contact;
		for (const listener of listeners) {
			listener();
		}

		return contact;
	};

	const reach = async (node: NodeSpec, entry: Entry): Promise<NodeContact> => {
		const until = AbortSignal.any([end, entry.controller.signal]);
		let host: Host | undefined;
		try {
			// What a machine then tells about itself is its own work: nobody waits for a place until it is done.
			host = await limit(async () => {
				until.throwIfAborted();
				return world.connect(
					{name: node.name, ssh: node.ssh},
					{signal: until, questions: orderly},
				);
			});
			until.throwIfAborted();
			settle(entry, {state: 'asking', host});
			const facts = await host.run(factsGather, factsInput(host, world.now), {
				signal: until,
			});
			until.throwIfAborted();
			return settle(entry, {state: 'ready', host, facts});
		} catch (error) {
			await host?.close();
			return settle(entry, failedContact(error));
		}
	};

	const drop = async (name: string): Promise<void> => {
		const entry = entries.get(name);
		if (entry === undefined) {
			return;
		}

		entries.delete(name);
		entry.controller.abort(
			new UserError(`${name} was removed before it answered.`, {node: name}),
		);
		await hostOf(entry.contact)?.close();
	};

	const begin = (node: NodeSpec, login: string): Entry => {
		const entry: Entry = {
			login,
			controller: new AbortController(),
			contact: {state: 'connecting'},
			settled: Promise.resolve({state: 'connecting'}),
		};
		entries.set(node.name, entry);
		entry.settled = reach(node, entry);
		settle(entry, entry.contact);
		return entry;
	};

	const add = async (node: NodeSpec): Promise<NodeContact> => {
		const login = JSON.stringify(node.ssh);
		const known = entries.get(node.name);
		if (known?.login === login && known.contact.state !== 'failed') {
			return known.settled;
		}

		// The new contact takes the old one's place at once, so that two calls never make two.
		const dropped = drop(node.name);
		const entry = begin(node, login);
		await dropped;
		return entry.settled;
	};

	const ready = <Value>(
		pick: (contact: NodeContact & {readonly state: 'ready'}) => Value,
	): ReadonlyMap<string, Value> =>
		new Map(
			[...entries].flatMap(([name, {contact}]) =>
				contact.state === 'ready' ? [[name, pick(contact)] as const] : [],
			),
		);

	return {
		contact: (name) => entries.get(name)?.contact,
		add,
		async addAll(nodes) {
			await Promise.all(
				nodes
					.filter(({name}) => !entries.has(name))
					.map(async (node) => add(node)),
			);
		},
		async remove(name) {
			const dropped = drop(name);
			for (const listener of listeners) {
				listener();
			}

			await dropped;
		},
		hosts: () => ready<Host>(({host}) => host),
		facts: () => ready<HostFacts>(({facts}) => facts),
		askSecret: orderly.askSecret,
		...(world.knock && {knock: world.knock}),
		lookAtTailnet: makeLookAtTailnet(world),
		relaysOf: makeRelaysOf(world),
		secrets: world,
		subscribe(listener) {
			listeners.add(listener);
			return () => {
				listeners.delete(listener);
			};
		},
		async close() {
			closing.abort(new UserError('The connections are being closed.', {}));
			await Promise.all([...entries.keys()].map(async (name) => drop(name)));
		},
	};
};
