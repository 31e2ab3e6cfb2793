import type {Topology} from '../topology.js';
import {publicHost} from './public-host.js';

const link = {};

const wan: Topology = {
	name: 'wan',
	about:
		'four public hosts that are far apart: 5 ms; 40 ms and 1 % loss; 180 ms and 10 % loss',
	sites: [],
	hosts: [
		publicHost('fra', 'server', '198.51.100.131', {link}),
		publicHost('ams', 'agent', '198.51.100.132', {link}),
		publicHost('hel', 'agent', '203.0.113.133', {link}),
		publicHost('syd', 'agent', '203.0.113.134', {link}),
	],
	distances: [
		{between: ['fra', 'ams'], rttMs: 5, loss: 0},
		{between: ['fra', 'hel'], rttMs: 40, loss: 0.01},
		{between: ['fra', 'syd'], rttMs: 180, loss: 0.1},
		{between: ['ams', 'hel'], rttMs: 40, loss: 0},
		{between: ['ams', 'syd'], rttMs: 180, loss: 0.01},
		{between: ['hel', 'syd'], rttMs: 180, loss: 0},
	],
};

const mtu: Topology = {
	name: 'mtu',
	about:
		'five public hosts: links of 1500, 1450 (the host knows) and 1400 (ICMP tells), and a black hole above 1400 that tells nobody',
	sites: [],
	hosts: [
		publicHost('wide', 'server', '198.51.100.141', {link}),
		publicHost('knows', 'agent', '198.51.100.142', {link: {mtu: 1450}}),
		publicHost('told', 'agent', '203.0.113.143', {
			link: {narrow: {bytes: 1400, told: true}},
		}),
		publicHost('hole', 'agent', '203.0.113.144', {
			link: {narrow: {bytes: 1400, told: false}},
		}),
		publicHost('wide2', 'agent', '203.0.113.145', {link}),
	],
};

/** Hosts whose links are not those of one room. */
export const wanTopologies: readonly Topology[] = [wan, mtu];
