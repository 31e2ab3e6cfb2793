import {meshOf} from '../../mesh/catalogue.js';
import {clockSkews} from './clocks.js';
import type {Conclude} from './conclusions.js';
import {concludeEtcd} from './etcd.js';
import {latencyGrades} from './latency.js';
import {concludeNat} from './nat.js';
import {oneWayPairs} from './one-way.js';
import {findSites} from './sites.js';

/** Draws every conclusion from what was measured. */
export const conclude: Conclude = (context) => {
	const mesh = meshOf(context.cluster);
	return {
		sites: findSites(context),
		nat: concludeNat(context),
		oneWay: oneWayPairs(context),
		etcd: concludeEtcd(context),
		meshMtu: new Map(
			context.cluster.nodes.flatMap((node) => {
				const mtu = mesh.mtu(context, node);
				return mtu === undefined ? [] : [[node.name, mtu] as const];
			}),
		),
		clockSkewMs: clockSkews(context),
		gradeOf: latencyGrades(context),
	};
};
