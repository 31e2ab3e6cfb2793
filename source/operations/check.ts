import {conclude} from '../checks/conclusions/conclude.js';
import {checkAll, judge} from '../checks/check.js';
import {noMeasurements} from '../facts/measurements.js';
import {meshOf} from '../mesh/catalogue.js';
import {runProbe} from '../probe/run-probe.js';
import type {CheckCluster} from './operations.js';

/** Measures between the nodes and applies every rule. Nodes that are not ready show up as unknown, and by name. */
export const checkCluster: CheckCluster = async ({
	cluster,
	fleet,
	ignore,
	signal,
	onEvent,
}) => {
	const facts = fleet.facts();
	const measurements = await runProbe({
		cluster,
		facts,
		hosts: fleet.hosts(),
		requirements: meshOf(cluster).requirements({
			cluster,
			facts,
			measurements: noMeasurements,
		}),
		signal,
		onEvent,
	});
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
