import {sameSite} from '../../cluster/sites.js';
import {thresholds} from '../thresholds.js';
import type {Conclude, FoundSite} from './conclusions.js';

/** Draws every conclusion from what was measured. */
export const conclude: Conclude = ({cluster}) => {
	const sites: Array<FoundSite & {nodes: string[]}> = [];
	for (const node of cluster.nodes) {
		const site = sites.find(({nodes}) =>
			cluster.nodes.some(
				(other) => nodes.includes(other.name) && sameSite(node, other),
			),
		);
		if (site === undefined) {
			sites.push({name: node.site ?? node.name, nodes: [node.name]});
		} else {
			site.nodes.push(node.name);
		}
	}

	return {
		sites,
		nat: new Map(),
		oneWay: [],
		etcd: undefined,
		meshMtu: new Map(),
		clockSkewMs: new Map(),
		gradeOf: ({medianMs}) =>
			medianMs > thresholds.agentLatencyMs.warning
				? {grade: 'poor', reason: 'kubectl logs and new pods feel slow'}
				: {grade: 'good', reason: 'short enough for all that runs over it'},
	};
};
