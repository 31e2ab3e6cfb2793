/** Latency, loss and path MTU against what the links were built to be. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type {Distance} from '../relay/link-spec.js';
import {stageFor} from '../support.js';
import type {HostSpec} from '../topology.js';
import {assertCells, checkJson} from './report.js';
import {questionsOf} from './truth.js';

/** What a busy machine may add to a round trip, in ms: to the best one, and to most. */
const slackMs = {best: 15, median: 30};

/** All ordered pairs. */
const pairsOf = (
	hosts: readonly HostSpec[],
): ReadonlyArray<readonly [HostSpec, HostSpec]> =>
	hosts.flatMap((from) =>
		hosts.filter((to) => to !== from).map((to) => [from, to] as const),
	);

/**
 * How many of `count` packets in a row are lost on one way: the relay loses one of each 1/loss, and the row begins
 * anywhere.
 */
const lostOf = (
	count: number,
	loss: number,
): {readonly least: number; readonly most: number} => ({
	least: Math.max(0, Math.floor(count * loss) - 1),
	most: loss === 0 ? 0 : Math.ceil(count * loss) + 1,
});

test('wan: the network is as far and as lossy as it says', async (t) => {
	const stage = await stageFor('wan');
	t.after(stage.down);
	const {lab} = stage;
	const distances = lab.topology.distances!;
	const apart = (from: string, to: string): Distance =>
		distances.find(
			({between}) => between.includes(from) && between.includes(to),
		)!;

	await t.test('by ping', async () => {
		for (const [from, to] of [
			['fra', 'syd'],
			['ams', 'fra'],
		] as const) {
			const {rttMs, loss} = apart(from, to);
			const {stdout} = await lab
				.node(from)
				.exec(`ping -q -c 100 -i 0.01 ${lab.node(to).externalIp}`);
			const received = Number(
				/(?<count>\d+) received/.exec(stdout)!.groups!.count,
			);
			const fastest = Number(/= (?<min>[\d.]+)\//.exec(stdout)!.groups!.min);
			const there = lostOf(100, loss);
			const back = lostOf(100 - there.least, loss);
			assert.ok(
				100 - received >= there.least &&
					100 - received <= there.most + back.most,
				stdout,
			);
			assert.ok(fastest >= rttMs && fastest <= rttMs + slackMs.best, stdout);
		}
	});

	await t.test(
		'by the program, and every path is open all the same',
		async () => {
			const report = await checkJson(stage);
			assertCells(report, questionsOf(lab.topology), () => 'open');

			const external = report.latencies.filter(
				({addressKind, from, to}) =>
					addressKind === 'external' &&
					lab.nodes.some(({name}) => name === from) &&
					from !== to,
			);
			const pairs = pairsOf(lab.topology.hosts);
			assert.equal(external.length, pairs.length);
			for (const [from, to] of pairs) {
				const {rttMs, loss} = apart(from.name, to.name);
				const there = external.find(
					(one) => one.from === from.name && one.to === to.name,
				)!;
				const back = external.find(
					(one) => one.from === to.name && one.to === from.name,
				)!;
				const said = JSON.stringify(there);
				assert.ok(
					there.minMs >= rttMs && there.minMs <= rttMs + slackMs.best,
					said,
				);
				assert.ok(
					there.medianMs >= rttMs && there.medianMs <= rttMs + slackMs.median,
					said,
				);
				assert.ok(there.samples >= 20, said);
				// Both directions together: then each way has carried the questions of one and the answers to the other.
				const samples = there.samples + back.samples;
				const lost = there.loss * there.samples + back.loss * back.samples;
				const one = lostOf(samples, loss);
				assert.ok(
					lost <= 2 * one.most && lost >= one.least,
					`${from.name} and ${to.name}: ${lost} of ${samples} lost, ${loss} on each way`,
				);
			}
		},
	);
});

test('mtu: the largest packet of every path is found exactly, told or not', async (t) => {
	const stage = await stageFor('mtu');
	t.after(stage.down);
	const {topology} = stage.lab;
	const report = await checkJson(stage);
	assertCells(report, questionsOf(topology), () => 'open');
	const bytesOf = ({link}: HostSpec): number =>
		Math.min(link!.mtu ?? 1500, link!.narrow?.bytes ?? 1500);
	assert.deepEqual(
		report.pathMtus
			.map(({from, to, bytes}) => `${from} > ${to} ${bytes}`)
			.toSorted(),
		pairsOf(topology.hosts)
			.map(
				([from, to]) =>
					`${from.name} > ${to.name} ${Math.min(bytesOf(from), bytesOf(to))}`,
			)
			.toSorted(),
	);
});
