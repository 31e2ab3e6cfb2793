/** What it means when nodes do not reach the relays of a tailnet that they are to join. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {checkAll} from '../../source/checks/check.js';
import {
	noMeasurements,
	type Outbound,
	type OutboundNeed,
} from '../../source/facts/measurements.js';
import {tailnet3, type Rest} from '../mesh/tailnet-support.js';
import {makeContext} from '../plan/fixtures.js';

const one = 'https://derp1.example.org';
const two = 'https://derp2.example.org';

type Said = readonly [from: string, target: string, answers: boolean];

const told = (
	need: OutboundNeed,
	tries: readonly Said[],
	rest: Rest = {},
): readonly string[] =>
	checkAll(
		makeContext(
			tailnet3(rest),
			{},
			{
				...noMeasurements,
				outbound: tries.map(([from, target, answers]): Outbound => ({
					from,
					need,
					target,
					result: answers ? {kind: 'answered', ms: 9} : {kind: 'silent'},
				})),
			},
		),
	).map(({severity, id, nodes, message}) =>
		[severity, id, nodes.join(','), message].join(' '),
	);

const headscale: Rest = {
	mesh: {kind: 'tailscale', controlServer: 'https://head.example.org'},
};

for (const [title, need, tries, rest, expected] of [
	[
		'one relay that answers is enough',
		'tailscale-relay',
		[
			['nuc', one, false],
			['nuc', two, true],
		],
		{},
		[],
	],
	[
		'nodes that reach none are told of together',
		'tailscale-relay',
		[
			['nuc', one, false],
			['nuc', two, false],
			['pi4', one, false],
			['fra1', one, true],
		],
		{},
		[
			/^warning outbound\.tailscale-relay nuc,pi4 nuc and pi4 reach none of .*derp1\.example\.org and https:\/\/derp2/,
		],
	],
	[
		'no UDP means a relay for all',
		'tailscale-stun',
		[['nuc', 'derp1.example.org:3478, UDP', false]],
		{},
		[/^warning outbound\.tailscale-udp nuc nuc gets no answer by UDP/],
	],
	[
		'a headscale that answers no node by UDP may have it elsewhere',
		'tailscale-stun',
		[['nuc', 'head.example.org:3478, UDP', false]],
		headscale,
		[/^info outbound\.tailscale-udp nuc .* may listen on another port/],
	],
	[
		'one that answers others by UDP has it there',
		'tailscale-stun',
		[
			['nuc', 'head.example.org:3478, UDP', false],
			['fra1', 'head.example.org:3478, UDP', true],
		],
		headscale,
		[/^warning outbound\.tailscale-udp nuc /],
	],
] as ReadonlyArray<
	readonly [string, OutboundNeed, readonly Said[], Rest, readonly RegExp[]]
>) {
	test(title, () => {
		const said = told(need, tries, rest).filter((line) =>
			line.includes('outbound.'),
		);
		assert.equal(said.length, expected.length, said.join('\n'));
		for (const [index, pattern] of expected.entries()) {
			assert.match(said[index]!, pattern);
		}
	});
}
