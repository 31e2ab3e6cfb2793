import assert from 'node:assert/strict';
import test from 'node:test';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {
	controller,
	type Cell,
	type Path,
	type Verdict,
} from '../../source/facts/measurements.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import {hostFixes} from '../../source/plan/firewall/host-fixes.js';
import {nodeFirewall} from '../../source/plan/firewall/node-firewall.js';
import {denying, lan3, makeContext, measured} from './fixtures.js';

const filtered: Verdict = {kind: 'filtered'};
const refused = (by: string | undefined): Verdict => ({
	kind: 'refused',
	by,
	reason: 'host-prohibited',
});

/** WireGuard to nuc, with this verdict; all else is open. */
const contextOf = (verdict: Verdict, nuc: Partial<HostFacts>) => {
	const cluster = lan3();
	return makeContext(
		cluster,
		{nuc},
		measured(cluster, ({to, protocol}) =>
			to === 'nuc' && protocol === 'udp' ? verdict : undefined,
		),
	);
};

const none = new Set<string>();
const accepting = {ipv4: true, policy: 'accept', blockingRules: []} as const;
const ufw = {...denying('ufw'), forwarding: accepting};

test('a host whose firewall is on gets what the install would add, and the paths to it that are closed', () => {
	const context = contextOf(filtered, ufw);
	const fixes = hostFixes(context, none);
	assert.equal(fixes.length, 1);
	const [fix] = fixes;
	assert.equal(fix!.node, 'nuc');
	assert.equal(fix!.firewall, 'ufw');
	assert.deepEqual(
		fix!.rules,
		nodeFirewall(
			context,
			meshOf(context.cluster),
			context.cluster.nodes.find(({name}) => name === 'nuc')!,
		)!.rules,
	);
	assert.deepEqual(
		fix!.paths.map(({from, protocol, port}) => `${from} ${protocol}/${port}`),
		['fra1 udp/51820', 'pi4 udp/51820'],
	);
	assert.ok(
		fix!.lines.includes(
			"ufw prepend allow proto udp from 198.51.100.11 to any port 51820 comment 'k3s-mesh WireGuard from fra1'",
		),
	);
});

for (const [title, verdict, fixable] of [
	['silence', filtered, true],
	['a refusal by the address itself', refused('198.51.100.12'), true],
	['a refusal by nobody who shows himself', refused(undefined), true],
	[
		'a sender that does not let it out',
		{
			kind: 'refused',
			by: undefined,
			reason: "blocked by the sender's own firewall",
		},
		false,
	],
	['a refusal by a router', refused('198.51.100.254'), false],
	['another machine', {kind: 'wrong-host', answeredBy: '198.51.100.77'}, false],
	['an open path', {kind: 'open', rttMs: 3}, false],
	['what could not be measured', {kind: 'unknown', reason: 'x'}, false],
] as const) {
	test(`${title} ${fixable ? 'may be' : 'is not'} the host's own firewall`, () => {
		assert.equal(hostFixes(contextOf(verdict, ufw), none).length > 0, fixable);
	});
}

for (const [title, facts] of [
	['no firewall', {}],
	['a firewall that is off', {firewall: {...ufw.firewall!, active: false}}],
	['no way to become root', {...ufw, privilege: 'none'}],
	[
		'no systemd to take it back',
		{
			...ufw,
			tools: {
				...makeContext(lan3()).facts.get('nuc')!.tools,
				'systemd-run': false,
			},
		},
	],
] as const) {
	test(`nothing is proposed for a host with ${title}`, () => {
		assert.deepEqual(hostFixes(contextOf(filtered, facts), none), []);
	});
}

test('a host is not opened for itself, nor for the machine where the person sits', () => {
	const context = makeContext(lan3(), {nuc: ufw});
	const cell = (from: string): Cell => {
		const path: Path = {
			from,
			to: 'nuc',
			addressKind: 'external',
			address: '198.51.100.12',
			protocol: 'tcp',
			port: 6443,
		};
		return {
			path,
			verdict: filtered,
			sent: 5,
			answered: 0,
			observedSource: undefined,
		};
	};

	for (const from of ['nuc', controller]) {
		assert.deepEqual(
			hostFixes(
				{
					...context,
					measurements: {...context.measurements, cells: [cell(from)]},
				},
				none,
			),
			[],
		);
	}
});

test('a host that passes nothing on is opened for pods, without a closed path', () => {
	const context = makeContext(lan3(), {
		pi4: {forwarding: {ipv4: true, policy: 'drop', blockingRules: []}},
	});
	assert.deepEqual(hostFixes(context, none), []);
	const [fix] = hostFixes(context, new Set(['pi4']));
	assert.equal(fix!.firewall, 'iptables');
	assert.deepEqual(fix!.paths, []);
	assert.ok(fix!.rules.every(({add}) => add.includes('FORWARD')));
	assert.match(fix!.lines.at(-1)!, /^# k3s-mesh-firewall\.service /);
});

test('firewalld: no source is moved to another zone', () => {
	const [fix] = hostFixes(
		contextOf(filtered, {...denying('firewalld'), forwarding: accepting}),
		none,
	);
	assert.ok(fix!.lines.every((line) => !line.includes('--add-source')));
	// Each for what it keeps and for what runs: a reload would flush what K3s has put into iptables.
	const kept = fix!.lines.filter((line) => line.includes(' --permanent '));
	assert.equal(kept.length, fix!.rules.length);
	assert.deepEqual(
		fix!.lines,
		kept.flatMap((line) => [line, line.replace(' --permanent', '')]),
	);
});
