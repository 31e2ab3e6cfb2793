/** What only Perl can do besides Python, and nothing that perl-base lacks. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {describe, test} from 'node:test';
import type {ChosenRung} from '../../source/facts/rungs.js';
import {
	startAgent,
	type RunningAgent,
} from '../../source/probe/agent-client.js';
import {perlAgentSource} from '../../source/probe/agent-perl/source.js';
import type {Report, Try} from '../../source/probe/messages.js';
import {makeLocalHost} from './local-host.js';

const {status, stdout} = spawnSync('sh', ['-c', 'command -v perl'], {
	encoding: 'utf8',
});
const skip = status === 0 ? false : 'perl is not installed';
const on: ChosenRung = {
	rung: 'perl',
	program: stdout.trim(),
	listener: undefined,
};
const token = 'ba'.repeat(16);
const address = '127.0.65.2';
const port = 27_821;

const withAgents = async (
	work: (one: RunningAgent, other: RunningAgent) => Promise<void>,
): Promise<void> => {
	const start = async (name: string) =>
		startAgent(makeLocalHost(name), {
			on,
			limitSeconds: 30,
			silenceSeconds: 30,
			signal: new AbortController().signal,
		});
	const [one, other] = await Promise.all([start('one'), start('other')]);
	try {
		await one.listen(token, [
			{protocol: 'udp', address: '127.0.65.1', port},
			{protocol: 'udp', address: '127.0.0.1', port},
		]);
		const {refused} = await other.listen(token, [
			{protocol: 'udp', address, port},
			{protocol: 'tcp', address, port},
		]);
		assert.deepEqual(refused, []);
		await work(one, other);
	} finally {
		one.close();
		other.close();
	}
};

const tryAll = async (
	agent: RunningAgent,
	tries: readonly Try[],
): Promise<ReadonlyMap<number, Report>> => {
	const reports = new Map<number, Report>();
	await agent.try(tries, (report) => {
		reports.set(report.tried, report);
	});
	assert.equal(reports.size, tries.length);
	return reports;
};

describe('the probe agent in Perl', {skip}, () => {
	test('needs nothing that a Perl without its library lacks', () => {
		const used = [...perlAgentSource.matchAll(/^use (?<name>[A-Za-z:]+)/gm)];
		assert.deepEqual(
			used.map(({groups}) => groups!.name),
			['strict', 'Config', 'Errno', 'Fcntl', 'Socket'],
		);
		assert.doesNotMatch(perlAgentSource, /\brequire\b|Time::HiRes|JSON::/);
	});

	test('round trips, the largest packet, and packets from one port', async () => {
		await withAgents(async (one, other) => {
			const place = {address, port};
			const reports = await tryAll(one, [
				{
					...place,
					id: 1,
					what: 'latency',
					protocol: 'udp',
					count: 4,
					phase: 0.5,
				},
				{
					...place,
					id: 2,
					what: 'latency',
					protocol: 'tcp',
					count: 3,
					phase: 0,
				},
				{...place, id: 3, what: 'mtu', protocol: 'udp'},
				{...place, id: 4, what: 'mapping', protocol: 'udp', localPort: port},
				{
					...place,
					id: 5,
					what: 'service',
					protocol: 'tcp',
					speaks: 'connect',
				},
				{...place, id: 6, what: 'service', protocol: 'udp', speaks: 'names'},
			]);
			for (const [id, count] of [
				[1, 4],
				[2, 3],
			] as const) {
				const report = reports.get(id)!;
				assert.ok(report.result === 'sampled', JSON.stringify(report));
				assert.equal(report.rtts.length, count);
				assert.ok(report.rtts.every((rtt) => rtt > 0));
			}

			const mtu = reports.get(3)!;
			assert.ok(mtu.result === 'largest' && mtu.bytes >= 1280);
			const mapping = reports.get(4)!;
			assert.ok(mapping.result === 'answered', JSON.stringify(mapping));
			assert.equal(mapping.localPort, port);
			assert.equal(mapping.source, `127.0.0.1:${port}`);
			assert.equal(reports.get(6)!.result, 'served');
			assert.equal(reports.get(5)!.result, 'served');
			const arrived = new Map(
				(await other.arrivals()).map(({id, packets}) => [id, packets]),
			);
			assert.equal(arrived.get(1), 4);
			assert.equal(arrived.has(4), true);
		});
	});

	test('hundreds of paths at once are all answered', async () => {
		await withAgents(async (one) => {
			const reports = await tryAll(
				one,
				Array.from({length: 600}, (_, index): Try => ({
					id: index + 1,
					what: 'path',
					protocol: index % 2 === 0 ? 'tcp' : 'udp',
					address,
					port,
				})),
			);
			assert.deepEqual(
				[...reports.values()].filter(({result}) => result !== 'answered'),
				[],
			);
		});
	});
});
