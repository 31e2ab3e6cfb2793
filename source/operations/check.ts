import {conclude} from '../checks/conclusions/conclude.js';
import {checkAll, judge} from '../checks/check.js';
import {noMeasurements} from '../facts/measurements.js';
import {meshOf} from '../mesh/catalogue.js';
import {mergeMeasurements} from '../probe/merge.js';
import {runProbe} from '../probe/run-probe.js';
import {nodesWithoutTrust} from './look-at-trust.js';
import type {CheckCluster} from './operations.js';

/** Measures between the nodes and applies every rule. Nodes that are not ready show up as unknown, and by name. */
export const checkCluster: CheckCluster = async ({
	cluster,
	fleet,
	ignore,
	signal,
	onEvent,
	again,
}) => {
	const facts = fleet.facts();
	const hosts = fleet.hosts();
	const looked = Promise.all([
		fleet.lookAtTailnet?.(cluster, signal),
		nodesWithoutTrust({cluster, facts, hosts, signal}),
	]);
	const probed = await runProbe({
		cluster,
		facts,
		hosts,
		requirements: meshOf(cluster).requirements({
			cluster,
			facts,
			measurements: noMeasurements,
		}),
		...(fleet.relaysOf && {relays: fleet.relaysOf(cluster, signal)}),
		...(fleet.knock && {knock: fleet.knock}),
		...(again && {only: again.only}),
		signal,
		onEvent,
	});
	const [tailnet, distrust] = await looked;
	const measured =
		tailnet === undefined
			? probed
			: {...probed, tailnet: {...tailnet, distrust}};
	const measurements =
		again === undefined
			? measured
			: mergeMeasurements(again.earlier.measurements, measured);
	return {
		cluster,
		measurements,
		conclusions: conclude({cluster, facts, measurements}),
		findings: judge(checkAll({cluster, facts, measurements}), [
			...cluster.ignore,
			...ignore,
		]),
		failed: new Map(
			cluster.nodes.flatMap(({name}) => {
				const contact = fleet.contact(name);
				return contact?.state === 'failed'
					? [[name, contact.message] as const]
					: [];
			}),
		),
	};
};
