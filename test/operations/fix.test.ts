import assert from 'node:assert/strict';
import {describe, mock, test} from 'node:test';
import {clusterSchema} from '../../source/cluster/schema.js';
import {UserError, exitCodes} from '../../source/errors.js';
import {HostLost, ScriptFailed} from '../../source/host/errors.js';
import type {
	ConnectQuestions,
	Host,
	SecretQuestion,
} from '../../source/host/host.js';
import {secretText} from '../../source/host/secret-text.js';
import type {MachineSpec} from '../../source/host/simulated/machine.js';
import {parseManifest} from '../../source/install/manifest.js';
import {manifestRead} from '../../source/host/scripts/manifest.js';
import {lockTake} from '../../source/host/scripts/lock.js';
import {checkCluster} from '../../source/operations/check.js';
import {applyFixes, proposeFixes} from '../../source/operations/fix.js';
import {openFleet} from '../../source/operations/fleet.js';
import type {FixOutcome, World} from '../../source/operations/operations.js';
import {fixOutcomeText} from '../../source/ui/state/fix-text.js';
import {fastWorld, threeMachines} from '../host/simulated-support.js';

const closed = (
	by: 'host-firewall' | 'cloud-firewall',
	firewall: 'ufw' | 'nftables' = 'ufw',
): Partial<MachineSpec> => ({
	closed: [{protocol: 'udp', port: 51_820, how: 'filtered', by}],
	facts: {
		firewall: {kind: firewall, active: true, defaultDeny: true, summary: ''},
	},
});

/** A script of a host that fails instead, by its name. */
type Failing = Readonly<Record<string, () => Error>>;

/** A stage with three machines; `attempt` may refuse a connection, and counts from 1 for each node. */
const stageOf = async (
	machines: Parameters<typeof threeMachines>[0],
	attempt: (
		node: string,
		count: number,
		options: Parameters<World['connect']>[1],
	) => Error | undefined | Promise<Error | undefined> = () => undefined,
	failing: Failing = {},
	/** Scripts that answer this instead, by their name. */
	answering: Readonly<Record<string, unknown>> = {},
	/** Answers what a login asks. */
	askSecret: ConnectQuestions['askSecret'] = async () => undefined,
) => {
	const {world: simulated, clock} = fastWorld(threeMachines(machines));
	const counts = new Map<string, number>();
	const ran: string[] = [];
	const armLimits: Array<number | undefined> = [];
	const world: World = {
		...simulated,
		async connect(target, options) {
			const count = (counts.get(target.name) ?? 0) + 1;
			counts.set(target.name, count);
			const refusal = await attempt(target.name, count, options);
			if (refusal !== undefined) {
				throw refusal;
			}

			const host = await simulated.connect(target, options);
			const watched: Host = {
				...host,
				async run(script, input, callOptions) {
					const {keep} = input as {readonly keep?: boolean};
					ran.push(
						`${target.name} ${script.name}${keep === undefined ? '' : keep ? ' keep' : ' back'}`,
					);
					if (script.name === 'firewall.arm') {
						armLimits.push(callOptions.timeoutMs);
					}

					const failure = failing[script.name];
					if (failure !== undefined) {
						throw failure();
					}

					return script.name in answering
						? (answering[script.name] as never)
						: host.run(script, input, callOptions);
				},
			};
			return watched;
		},
	};
	const cluster = clusterSchema.parse({
		version: 1,
		name: 'fixed',
		nodes: ['one', 'two', 'three'].map((name, index) => ({
			name,
			role: index === 0 ? 'server' : 'agent',
			ssh: name,
			externalIp: `198.51.100.${index + 1}`,
		})),
	});
	const stop = new AbortController();
	const fleet = openFleet({
		world,
		questions: {
			trustHostKey: async () => true,
			askSecret,
		},
		signal: stop.signal,
	});
	await fleet.addAll(cluster.nodes);
	const check = async () =>
		checkCluster({
			cluster,
			fleet,
			ignore: [],
			signal: stop.signal,
			onEvent() {
				// The report is enough.
			},
		});
	const report = await check();
	const propose = () => proposeFixes({report, facts: fleet.facts()});
	const apply = async (
		fixes = propose(),
		rollbackSeconds = 1,
	): Promise<ReadonlyMap<string, FixOutcome>> => {
		const told = new Map<string, FixOutcome>();
		const outcomes = await applyFixes({
			cluster,
			fixes,
			fleet,
			world,
			signal: stop.signal,
			rollbackSeconds,
			onOutcome(node, outcome) {
				told.set(node, outcome);
			},
		});
		assert.deepEqual(outcomes, told);
		return outcomes;
	};

	return {clock, fleet, check, propose, apply, ran, counts, armLimits, stop};
};

const unreachable = () =>
	new UserError('three does not answer.', {exitCode: exitCodes.unreachable});

describe('opening host firewalls', () => {
	test('a closed path is proposed with its lines, is open afterwards, and is not opened twice', async () => {
		const stage = await stageOf({three: closed('host-firewall')});
		try {
			const fixes = stage.propose();
			assert.deepEqual(
				fixes.map(({node, firewall, paths}) => [node, firewall, paths.length]),
				[['three', 'ufw', 2]],
			);
			const outcomes = await stage.apply(fixes);
			assert.deepEqual([...outcomes], [['three', {kind: 'opened'}]]);
			assert.deepEqual(
				stage.ran.filter((name) => /^three (?:firewall|manifest)/.test(name)),
				[
					'three firewall.arm',
					'three manifest.read',
					'three manifest.write',
					'three firewall.apply',
					'three firewall.settle keep',
				],
			);
			// The fleet's, the one that shows that it is reached, and the fleet's again, for its facts.
			assert.equal(stage.counts.get('three'), 3);
			const {measurements} = await stage.check();
			assert.ok(
				measurements.cells.every(({verdict}) => verdict.kind === 'open'),
			);

			assert.deepEqual(
				[...(await stage.apply(fixes))],
				[['three', {kind: 'already'}]],
			);
			assert.equal(stage.counts.get('three'), 3);
		} finally {
			await stage.fleet.close();
		}
	});

	test('a host with many rules has longer to look for them', async () => {
		const stage = await stageOf({three: closed('host-firewall')});
		try {
			const [fix] = stage.propose();
			await stage.apply([
				{...fix!, rules: Array.from({length: 100}, () => fix!.rules[0]!)},
			]);
			assert.deepEqual(stage.armLimits, [480_000]);
		} finally {
			await stage.fleet.close();
		}
	});

	test('the manifest lists the rules and the unit that brings them back', async () => {
		const stage = await stageOf({three: closed('host-firewall', 'nftables')});
		try {
			const [fix] = stage.propose();
			await stage.apply();
			const host = stage.fleet.hosts().get('three')!;
			const text = await host.run(
				manifestRead,
				{},
				{signal: stage.stop.signal},
			);
			const manifest = parseManifest(text!)!;
			assert.equal(manifest.cluster, 'fixed');
			assert.equal(manifest.firewall!.kind, 'nftables');
			assert.deepEqual(manifest.firewall!.rules, fix!.rules);
			assert.deepEqual(Object.keys(manifest.files), [
				'/etc/systemd/system/k3s-mesh-firewall.service',
			]);
		} finally {
			await stage.fleet.close();
		}
	});

	test('a path that stays closed behind the opened firewall is not ours to open', async () => {
		const stage = await stageOf({three: closed('cloud-firewall')});
		try {
			assert.deepEqual([...(await stage.apply()).values()], [{kind: 'opened'}]);
			const {measurements} = await stage.check();
			assert.ok(
				measurements.cells.some(({verdict}) => verdict.kind === 'filtered'),
			);
			assert.deepEqual(
				[...(await stage.apply()).values()],
				[{kind: 'already'}],
			);
		} finally {
			await stage.fleet.close();
		}
	});

	test('a host that no new connection reaches takes the rules back, and is open again for us', async () => {
		// More than can be tried before the host takes them back.
		let refusals = 0;
		const stage = await stageOf({three: closed('host-firewall')}, (node) => {
			if (node !== 'three' || refusals === 0) {
				return undefined;
			}

			refusals -= 1;
			return unreachable();
		});
		try {
			const [fix] = stage.propose();
			refusals = 8;
			const outcomes = await stage.apply([
				{...fix!, rules: fix!.rules.slice(0, 1)},
			]);
			const outcome = outcomes.get('three')!;
			assert.equal(outcome.kind, 'rolled-back');
			assert.match(
				(outcome as {message: string}).message,
				/^three was not reached after the change \(three does not answer\.\), and took the lines back/,
			);
			assert.equal(refusals, 0);
			assert.ok(!stage.ran.includes('three firewall.settle keep'));
			// Its facts are there again.
			assert.equal(stage.fleet.contact('three')!.state, 'ready');
		} finally {
			await stage.fleet.close();
		}
	});

	/** A login that wants a code from the connection on that a fix makes anew. */
	const wantsCode: Parameters<typeof stageOf>[1] = async (
		node,
		count,
		{questions, signal},
	) => {
		if (node !== 'three' || count === 1) {
			return undefined;
		}

		const answer = await questions.askSecret({
			kind: 'prompt',
			user: 'me',
			host: 'three',
			port: 22,
			instructions: '',
			prompt: 'Verification code:',
			isHidden: true,
		});
		signal.throwIfAborted();
		return answer === '123456' ? undefined : unreachable();
	};

	test('a login that wants a code each time asks the person, who has as long as the host waits', async () => {
		const asked: SecretQuestion[] = [];
		const stage = await stageOf(
			{three: closed('host-firewall')},
			wantsCode,
			{},
			{},
			async (question) => {
				asked.push(question);
				// Longer than a machine would have for it.
				mock.timers.tick(30_000);
				return '123456';
			},
		);
		mock.timers.enable({apis: ['setTimeout']});
		try {
			assert.deepEqual(
				[...(await stage.apply(stage.propose(), 120)).values()],
				[{kind: 'opened'}],
			);
			assert.ok(stage.ran.includes('three firewall.settle keep'));
			// The one that confirms the change says why it comes; the one behind it is a plain login.
			assert.equal(asked.length, 2);
			const [why, ...none] = asked.map(
				(question) => secretText(question).lines,
			);
			assert.match(
				why!.join('\n'),
				/^This new login to three has to succeed within \d+ s; else it takes its new firewall rules back\.$/,
			);
			assert.deepEqual(none, [[]]);
		} finally {
			mock.timers.reset();
			await stage.fleet.close();
		}
	});

	test('where nobody gives the code the rules are taken back at once, and it is said why', async () => {
		const stage = await stageOf({three: closed('host-firewall')}, wantsCode);
		try {
			const outcome = (await stage.apply()).get('three')!;
			assert.ok(outcome.kind === 'failed');
			assert.match(
				outcome.message,
				/^three asks for something at each login, and nobody answered, .* What was added has been taken back\.$/,
			);
			assert.match(
				outcome.tryNext.join(' '),
				/in a terminal, or in the wizard/,
			);
			assert.deepEqual(
				stage.ran.filter((name) => name.startsWith('three firewall.settle')),
				['three firewall.settle back'],
			);
			// The fleet's, one to confirm, and the fleet's again.
			assert.equal(stage.counts.get('three'), 3);
		} finally {
			await stage.fleet.close();
		}
	});

	for (const [title, failure, kind, message] of [
		[
			'a rule that the firewall refuses',
			() =>
				new ScriptFailed('three', 'firewall.apply', {
					code: 1,
					lastLines: ['The firewall refused a rule: ufw allow'],
				}),
			'failed',
			/^The firewall refused a rule: ufw allow\. What was added has been taken back\./,
		],
		[
			'a connection that is cut while rules are added',
			() => new HostLost('three', 'cut'),
			'rolled-back',
			/^The connection to three was lost .* The lines have been taken back\./,
		],
	] as const) {
		test(`${title} ends with the rules taken back`, async () => {
			const stage = await stageOf({three: closed('host-firewall')}, undefined, {
				'firewall.apply': failure,
			});
			try {
				const outcome = (await stage.apply()).get('three')!;
				assert.equal(outcome.kind, kind);
				assert.match((outcome as {message: string}).message, message);
				assert.deepEqual(
					stage.ran.filter((name) => name.startsWith('three firewall.settle')),
					['three firewall.settle back'],
				);
			} finally {
				await stage.fleet.close();
			}
		});
	}

	const left = [
		['ufw', 'delete', 'allow', 'proto', 'udp', 'from', '198.51.100.1'],
	];

	test('lines that cannot be taken back are not said to be: they are named, with what removes them', async () => {
		const stage = await stageOf(
			{three: closed('host-firewall')},
			undefined,
			{'firewall.apply': () => new HostLost('three', 'cut')},
			{'firewall.settle': {outcome: 'stuck', left}},
		);
		try {
			const outcome = (await stage.apply()).get('three')!;
			assert.ok(outcome.kind === 'stuck');
			const {message, tryNext} = outcome;
			assert.match(
				message,
				/^The connection to three was lost .* Then one line could not be taken back, .* three tries again by itself/,
			);
			assert.equal(
				tryNext.at(-1),
				'ufw delete allow proto udp from 198.51.100.1',
			);
			assert.match(
				fixOutcomeText('three', outcome).text,
				/^three could not take lines back: /,
			);
		} finally {
			await stage.fleet.close();
		}
	});

	test('where an earlier change cannot be taken back nothing is added', async () => {
		const stage = await stageOf(
			{three: closed('host-firewall')},
			undefined,
			{},
			{'firewall.arm': {missing: 0, earlier: {outcome: 'stuck', left}}},
		);
		try {
			const outcome = (await stage.apply()).get('three')!;
			assert.equal(outcome.kind, 'stuck');
			assert.match(
				'message' in outcome ? outcome.message : '',
				/^an earlier change was not confirmed, and one line could not be taken back.* Nothing was added now\.$/,
			);
			assert.ok(!stage.ran.includes('three firewall.apply'));
		} finally {
			await stage.fleet.close();
		}
	});

	test('what the host did alone with an earlier change is said', async () => {
		const stage = await stageOf(
			{three: closed('host-firewall')},
			undefined,
			{},
			{
				'firewall.arm': {
					missing: 1,
					earlier: {outcome: 'rolled-back', left: []},
				},
			},
		);
		try {
			const outcome = (await stage.apply()).get('three')!;
			assert.equal(outcome.kind, 'opened');
			assert.match(
				fixOutcomeText('three', outcome).text,
				/^An earlier change on three was not confirmed by a new connection: three has taken its lines back\. The lines were added/,
			);
		} finally {
			await stage.fleet.close();
		}
	});

	test('a change that another run has ended is not said to be taken back', async () => {
		const stage = await stageOf(
			{three: closed('host-firewall')},
			undefined,
			{'firewall.apply': () => new HostLost('three', 'cut')},
			{'firewall.settle': {outcome: 'kept'}},
		);
		try {
			const outcome = (await stage.apply()).get('three')!;
			assert.equal(outcome.kind, 'failed');
			assert.match(
				(outcome as {message: string}).message,
				/Another run has ended the change on three meanwhile/,
			);
		} finally {
			await stage.fleet.close();
		}
	});

	test('nothing is changed while another run is at work on the cluster', async () => {
		const stage = await stageOf({three: closed('host-firewall')});
		try {
			const first = stage.fleet.hosts().get('one')!;
			await first.run(
				lockTake,
				{runId: 'other', owner: 'eve on laptop', gone: []},
				{signal: stage.stop.signal},
			);
			stage.clock.now += 5000;
			const pending = stage.apply();
			// The other run says that it is at work.
			const beat = setInterval(() => {
				// The last one may find the connection closed.
				first
					.run(
						lockTake,
						{runId: 'other', owner: 'eve on laptop', gone: []},
						{signal: stage.stop.signal},
					)
					.catch(() => undefined);
			}, 100);
			const outcome = (await pending).get('three')!;
			clearInterval(beat);
			assert.equal(outcome.kind, 'failed');
			assert.match(
				(outcome as {message: string}).message,
				/^Another run is at work on this cluster: eve on laptop/,
			);
			assert.ok(!stage.ran.some((name) => name.startsWith('three firewall')));
		} finally {
			await stage.fleet.close();
		}
	});

	test('stopped in the middle, the host is left to take the rules back', async () => {
		let asked = 0;
		const stage = await stageOf({three: closed('host-firewall')}, (node) => {
			if (node === 'three') {
				asked += 1;
				if (asked === 2) {
					stage.stop.abort(new UserError('Stopped.'));
				}
			}

			return undefined;
		});
		const outcome = (await stage.apply()).get('three')!;
		assert.equal(outcome.kind, 'failed');
		assert.match(
			(outcome as {message: string}).message,
			/^stopped; three takes back by itself, within \d+ s, what was added$/,
		);
		assert.ok(
			!stage.ran.some((name) => name.startsWith('three firewall.settle')),
		);
		await stage.fleet.close();
	});
});
