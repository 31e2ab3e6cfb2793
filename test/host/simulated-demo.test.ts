import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {blockers} from '../../source/checks/finding.js';
import {
	proposeExternalAddress,
	proposeInternalAddress,
} from '../../source/facts/external-address.js';
import {makeDemoWorld} from '../../source/host/simulated/demo-world.js';
import {startApply} from '../../source/operations/apply.js';
import {checkCluster} from '../../source/operations/check.js';
import {openFleet} from '../../source/operations/fleet.js';
import {makePlan} from '../../source/operations/plan.js';
import {makeRandom} from './simulated-support.js';

const {signal} = new AbortController();

const makeDemo = () =>
	makeDemoWorld({
		pace: 0,
		now: () => Date.UTC(2026, 0, 1),
		random: makeRandom(),
	});

const openDemoFleet = ({world}: ReturnType<typeof makeDemo>) =>
	openFleet({
		world,
		questions: {
			async trustHostKey() {
				throw new Error('the demo asks for no host key');
			},
			askSecret: async () => undefined,
		},
		signal,
	});

/** Contacts, checks, plans and applies, as the wizard does. */
const goTheWholeWay = async (demo: ReturnType<typeof makeDemo>) => {
	const {world, cluster} = demo;
	const fleet = openDemoFleet(demo);
	try {
		await fleet.addAll(cluster.nodes);
		const report = await checkCluster({
			cluster,
			fleet,
			ignore: [],
			signal,
			onEvent: () => undefined,
		});
		const {measurements} = report;
		const plan = await makePlan({cluster, fleet, measurements, signal});
		const run = startApply({
			cluster,
			plan,
			fleet,
			world,
			signal,
			onEvent: () => undefined,
		});
		return {report, plan, result: await run.result};
	} finally {
		await fleet.close();
	}
};

describe('the demo', () => {
	test('has one thing to warn of and nothing that blocks, and ends in a proven cluster', async () => {
		const {report, plan, result} = await goTheWholeWay(makeDemo());
		assert.equal(report.failed.size, 0);
		assert.deepEqual(blockers(report.findings), []);
		assert.deepEqual(
			report.findings
				.filter(({severity}) => severity === 'warning')
				.map(({id, nodes}) => [id, nodes.includes('nyc1')]),
			[['path.recommended', true]],
		);
		assert.deepEqual(
			plan.nodes
				.flatMap(({steps}) =>
					steps.filter(({action}) => action.kind === 'firewall'),
				)
				.map(({node}) => node),
			['nyc1'],
		);
		assert.deepEqual(result.failures, []);
		assert.equal(result.outcome, 'good');
		assert.equal(result.changed, true);
		assert.deepEqual(
			result.proofs.filter(({ok}) => !ok),
			[],
		);
		const pairs = result.proofs.filter(({kind}) => kind === 'pod-to-pod');
		assert.equal(pairs.length, 6);
	});

	test('a second run changes nothing, and the closed port is open now', async () => {
		const demo = makeDemo();
		await goTheWholeWay(demo);
		const {report, plan, result} = await goTheWholeWay(demo);
		assert.deepEqual(
			report.findings.filter(({severity}) => severity !== 'info'),
			[],
		);
		assert.deepEqual(
			plan.nodes.flatMap(({steps}) =>
				steps.filter(({expectation}) => expectation === 'change'),
			),
			[],
		);
		assert.equal(result.outcome, 'good');
		assert.equal(result.changed, false);
	});

	test('the machine at home shows the address that its router maps to it', async () => {
		const demo = makeDemo();
		const fleet = openDemoFleet(demo);
		await fleet.addAll(demo.cluster.nodes);
		const nuc = demo.cluster.nodes.find(({name}) => name === 'nuc')!;
		const facts = fleet.facts().get('nuc')!;
		const proposal = proposeExternalAddress(nuc.ssh, facts);
		assert.equal(proposal.address, nuc.externalIp);
		assert.ok(proposal.address !== undefined);
		assert.equal(proposal.nat, 'behind-nat');
		assert.equal(proposeInternalAddress(facts).address, nuc.internalIp);
		await fleet.close();
	});

	test('the machine that can be added refuses port 22 and answers on 2222', async () => {
		const demo = makeDemo();
		const fleet = openDemoFleet(demo);
		const [like] = demo.cluster.nodes;
		const add = async (port?: number) =>
			fleet.add({
				...like!,
				name: 'ams2',
				role: 'agent',
				ssh: {host: '203.0.113.40', ...(port === undefined ? {} : {port})},
			});
		const refused = await add();
		assert.ok(refused.state === 'failed');
		assert.equal(
			refused.message,
			'203.0.113.40 refuses connections on port 22.',
		);
		const ready = await add(2222);
		assert.ok(ready.state === 'ready');
		assert.equal(ready.facts.architecture, 'arm64');
		await fleet.close();
	});
});
