/** Machines that no lab has: what check and apply say about them, on simulated ones. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {blockers} from '../../source/checks/finding.js';
import {clusterSchema} from '../../source/cluster/schema.js';
import {checkExitCode} from '../../source/commands/check.js';
import {findingLines} from '../../source/commands/check-text.js';
import {UserError} from '../../source/errors.js';
import type {HostFacts} from '../../source/facts/host-facts.js';
import type {Faults} from '../../source/host/simulated/machine.js';
import {checkCluster} from '../../source/operations/check.js';
import {openFleet} from '../../source/operations/fleet.js';
import {makePlan} from '../../source/operations/plan.js';
import {fastWorld, threeMachines} from '../host/simulated-support.js';

const {signal} = new AbortController();

/** Contacts and checks three machines of which the second does not do, and tries to plan for them. */
const tryWith = async (second: {
	readonly facts?: Partial<HostFacts>;
	readonly faults?: Faults;
}) => {
	const {world} = fastWorld(threeMachines({two: second}));
	const cluster = clusterSchema.parse({
		version: 1,
		name: 'unfit',
		nodes: ['one', 'two', 'three'].map((name, index) => ({
			name,
			role: index === 0 ? 'server' : 'agent',
			ssh: `me@${name}`,
			externalIp: `198.51.100.${index + 1}`,
		})),
	});
	const fleet = openFleet({
		world,
		questions: {
			async trustHostKey() {
				return true;
			},
			askSecret: async () => undefined,
		},
		signal,
	});
	try {
		await fleet.addAll(cluster.nodes);
		const report = await checkCluster({
			cluster,
			fleet,
			ignore: [],
			signal,
			onEvent: () => undefined,
		});
		const [planned] = await Promise.allSettled([
			makePlan({cluster, fleet, measurements: report.measurements, signal}),
		]);
		return {report, planned};
	} finally {
		await fleet.close();
	}
};

for (const [title, second, id, sentence, next] of [
	[
		'an architecture without K3s',
		{facts: {machine: 'mips64', architecture: undefined}},
		'arch.supported',
		'two is a mips64 machine; K3s exists for x86_64, aarch64, armv7, s390x and riscv64.',
		'Leave two out.',
	],
	[
		'OpenRC',
		{facts: {init: 'openrc'}},
		'init.supported',
		'two runs OpenRC. K3s itself can, but this program steps in through systemd and cannot install there.',
		'Install K3s on two by hand, or use a distribution with systemd.',
	],
	[
		'another init',
		{facts: {init: 'other'}},
		'init.supported',
		'two does not run systemd, which this program installs K3s with.',
		'Use a machine that boots with systemd.',
	],
	[
		'no sudo',
		{faults: {noSudo: true}},
		'privilege.root',
		'The user me on two is not root, and can not become root: there is neither sudo nor doas.',
		'Log in to two as root, or give the password when sudo asks for it (without a terminal, in K3S_MESH_SUDO_PASSWORD or in a file that K3S_MESH_SUDO_PASSWORD_FILE names), or install sudo and allow it without one. As root on two:',
	],
	[
		'nothing to measure with',
		{facts: {python: undefined, probeTools: {}}},
		'tool.probe',
		'two has neither Python 3 nor Perl nor bash, so that no path from or to it can be measured.',
		'apt-get update && apt-get install -y python3',
	],
	[
		'nothing to measure with on a system that we do not know',
		{
			facts: {
				python: undefined,
				probeTools: {},
				os: {id: 'nixos', versionId: '', prettyName: 'NixOS'},
			},
		},
		'tool.probe',
		'two has neither Python 3 nor Perl nor bash, so that no path from or to it can be measured.',
		'Install Python 3 on two.',
	],
] as ReadonlyArray<
	readonly [string, Parameters<typeof tryWith>[0], string, string, string]
>) {
	test(`${title}: one blocking finding about that machine, with a next step`, async () => {
		const {report} = await tryWith(second);
		const blocking = blockers(report.findings);
		assert.deepEqual(
			blocking.map(({nodes, ...finding}) => [finding.id, nodes]),
			[[id, ['two']]],
		);
		assert.deepEqual(findingLines(blocking).slice(0, 2), [
			`✖ ${id}  ${sentence}`,
			`    ${next}`,
		]);
		assert.equal(checkExitCode(report, [], false), 1);
		assert.ok(
			report.measurements.cells.some(
				({path, verdict}) =>
					path.from === 'three' && path.to === 'one' && verdict.kind === 'open',
			),
			'the other machines are measured all the same',
		);
	});
}

test('a plan for an architecture without K3s is refused with the node and a next step', async () => {
	const {planned} = await tryWith({
		facts: {machine: 'mips64', architecture: undefined},
	});
	assert.equal(planned.status, 'rejected');
	const error: unknown = planned.reason;
	assert.ok(error instanceof UserError);
	assert.equal(
		error.message,
		'two is a mips64 machine, and there is no K3s for that.',
	);
	assert.equal(error.node, 'two');
	assert.deepEqual(error.tryNext, ['Leave two out of the cluster.']);
});
