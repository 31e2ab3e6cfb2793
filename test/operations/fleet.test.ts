import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {
	clusterSchema,
	type ClusterInput,
	type NodeSpec,
} from '../../source/cluster/schema.js';
import type {ConnectQuestions} from '../../source/host/host.js';
import {openFleet} from '../../source/operations/fleet.js';
import type {World} from '../../source/operations/operations.js';
import {fastWorld, threeMachines} from '../host/simulated-support.js';

const yes: ConnectQuestions = {
	async trustHostKey() {
		return true;
	},
	askSecret: async () => undefined,
};

const nodesOf = (
	nodes: NonNullable<ClusterInput['nodes']>,
): readonly NodeSpec[] =>
	clusterSchema.parse({version: 1, name: 'fleet', nodes}).nodes;

const node = (name: string, ssh: string): NodeSpec =>
	nodesOf([{name, role: 'agent', ssh}])[0]!;

const open = (
	changes: Parameters<typeof threeMachines>[0] = {},
	options: {
		readonly questions?: ConnectQuestions;
		readonly concurrency?: number;
		readonly wrap?: (world: World) => World;
		readonly signal?: AbortSignal;
	} = {},
) => {
	const {world} = fastWorld(threeMachines(changes));
	const fleet = openFleet({
		world: options.wrap?.(world) ?? world,
		questions: options.questions ?? yes,
		signal: options.signal ?? new AbortController().signal,
		...(options.concurrency === undefined
			? {}
			: {concurrency: options.concurrency}),
	});
	return fleet;
};

/** A world that counts how often, and how many at once, machines are connected to. */
const counting = () => {
	const count = {connects: 0, atOnce: 0, most: 0};
	const wrap = (world: World): World => ({
		...world,
		async connect(target, options) {
			count.connects += 1;
			count.atOnce += 1;
			count.most = Math.max(count.most, count.atOnce);
			try {
				return await world.connect(target, options);
			} finally {
				count.atOnce -= 1;
			}
		},
	});
	return {count, wrap};
};

describe('a fleet', () => {
	test('a node goes from connecting to asking to ready', async () => {
		const fleet = open();
		const states: string[] = [];
		fleet.subscribe(() => {
			const state = fleet.contact('one')?.state ?? 'absent';
			if (states.at(-1) !== state) {
				states.push(state);
			}
		});
		const contact = await fleet.add(node('one', 'root@one'));
		assert.deepEqual(states, ['connecting', 'asking', 'ready']);
		assert.ok(contact.state === 'ready');
		assert.equal(contact.facts.hostname, 'one');
		assert.equal(fleet.hosts().get('one')?.address, 'root@one:22');
		assert.equal(fleet.facts().get('one')?.architecture, 'amd64');
		await fleet.close();
	});

	test('one failure does not touch the others, and says what to do', async () => {
		const fleet = open({two: {faults: {ssh: 'refused'}}});
		await fleet.addAll(
			nodesOf([
				{name: 'one', role: 'server', ssh: 'one'},
				{name: 'two', role: 'agent', ssh: 'two'},
				{name: 'lost', role: 'agent', ssh: 'nobody.example.org'},
			]),
		);
		assert.equal(fleet.contact('one')?.state, 'ready');
		const refused = fleet.contact('two');
		assert.ok(refused?.state === 'failed');
		assert.equal(refused.message, 'two refuses connections on port 22.');
		assert.equal(refused.unreachable, true);
		assert.ok(refused.tryNext.length > 0);
		assert.equal(fleet.contact('lost')?.state, 'failed');
		assert.deepEqual([...fleet.hosts().keys()], ['one']);
		await fleet.close();
	});

	test('a node is contacted once, and again when it failed or its login changed', async () => {
		const {count, wrap} = counting();
		const fleet = open({one: {sshPort: 2222}}, {wrap});
		const wrong = node('one', 'one');
		for (const _ of [1, 2]) {
			const failed = await fleet.add(wrong);
			assert.equal(failed.state, 'failed');
		}

		assert.equal(count.connects, 2);
		const right = node('one', 'one:2222');
		const [first, second] = await Promise.all([
			fleet.add(right),
			fleet.add(right),
		]);
		assert.equal(first.state, 'ready');
		assert.equal(first, second);
		await fleet.add(right);
		await fleet.addAll([right]);
		assert.equal(count.connects, 3);

		const before = fleet.hosts().get('one')!;
		const moved = await fleet.add(node('one', '198.51.100.1:2222'));
		assert.equal(moved.state, 'ready');
		assert.notEqual(fleet.hosts().get('one'), before);
		await fleet.close();
	});

	test('no more than so many at once', async () => {
		const {count, wrap} = counting();
		const fleet = open({}, {wrap, concurrency: 2});
		await fleet.addAll([
			node('one', 'one'),
			node('two', 'two'),
			node('three', 'three'),
			node('four', '198.51.100.1'),
		]);
		assert.equal(count.most, 2);
		assert.equal(fleet.hosts().size, 4);
		await fleet.close();
	});

	test('a machine that gathers its facts holds no place', async () => {
		let secondIsIn: () => void;
		const second = new Promise<void>((resolve) => {
			secondIsIn = resolve;
		});
		const fleet = open(
			{},
			{
				concurrency: 1,
				wrap: (world) => ({
					...world,
					async connect(target, options) {
						const host = await world.connect(target, options);
						if (target.name === 'two') {
							secondIsIn();
							return host;
						}

						const slow: typeof host = {
							...host,
							async run(...call) {
								await second;
								return host.run(...call);
							},
						};
						return slow;
					},
				}),
			},
		);
		await fleet.addAll([node('one', 'root@one'), node('two', 'root@two')]);
		assert.equal(fleet.contact('one')?.state, 'ready');
		assert.equal(fleet.contact('two')?.state, 'ready');
		await fleet.close();
	});

	test('a person is asked one question at a time', async () => {
		let open_ = 0;
		let most = 0;
		const fleet = open(
			{
				one: {faults: {unknownKey: true}},
				two: {faults: {unknownKey: true}},
				three: {faults: {unknownKey: true}},
			},
			{
				questions: {
					async trustHostKey(key) {
						open_ += 1;
						most = Math.max(most, open_);
						await new Promise((resolve) => {
							setImmediate(resolve);
						});
						open_ -= 1;
						return key.host !== 'two';
					},
					askSecret: async () => undefined,
				},
			},
		);
		await fleet.addAll([
			node('one', 'one'),
			node('two', 'two'),
			node('three', 'three'),
		]);
		assert.equal(most, 1);
		assert.deepEqual([...fleet.hosts().keys()], ['one', 'three']);
		const refused = fleet.contact('two');
		assert.ok(refused?.state === 'failed');
		assert.match(refused.message, /was not accepted/);
		await fleet.close();
	});

	test('a node that is removed while it is asked comes back no more', async () => {
		const fleet = open();
		let removed: Promise<void> | undefined;
		fleet.subscribe(() => {
			if (fleet.contact('one')?.state === 'asking' && removed === undefined) {
				removed = fleet.remove('one');
			}
		});
		const contact = await fleet.add(node('one', 'one'));
		await removed;
		assert.equal(contact.state, 'failed');
		assert.equal(fleet.contact('one'), undefined);
		assert.equal(fleet.hosts().size, 0);
		await fleet.close();
	});

	test('a raised signal fails what is under way; closing ends every host', async () => {
		const reason = new Error('stopped');
		const stopped = open({}, {signal: AbortSignal.abort(reason)});
		const failed = await stopped.add(node('one', 'one'));
		assert.equal(failed.state, 'failed');

		const fleet = open();
		const contact = await fleet.add(node('one', 'one'));
		assert.ok(contact.state === 'ready');
		await fleet.close();
		assert.equal(fleet.hosts().size, 0);
	});
});
