import type {Help} from './help-text.js';

/** What `?` tells on the Checks screen. */
export const checksHelp: Help = {
	title: 'Checks',
	about: [
		'Every path that the cluster needs, tried from every node to every other, and what follows from it. A row sends, a column should answer. Nothing is changed on any node.',
		'On Tailscale addresses r stands behind a round trip that a relay carries.',
		'● arrives, ▲ look at it, ✖ blocked (with how many), ◌ being measured, – not expected. A finding with ✖ stops the install until it is mended or overridden.',
	],
	keys: [
		['← ↑ ↓ →', 'choose a pair; the evidence and the fix stand below'],
		['Tab', 'ports, latency, MTU, hosts, findings'],
		['a', 'the next kind of addresses'],
		['w', 'the worst first, or by site again'],
		['n', 'to the next pair in trouble'],
		['/', 'only some nodes: "pi nuc" rows, "> fra" columns, "pi > fra" both'],
		['v', 'all the evidence of the pair or the node'],
		['f', 'open the firewall of the node that should answer; asks first'],
		['c', 'copy the lines that open it'],
		['o', 'in Findings: override the check by its id, or take that back'],
		['r', 'measure again'],
		['Enter', 'next: Review'],
		['Esc', 'back to Settings'],
		['q', 'quit; everything is saved'],
	],
};
