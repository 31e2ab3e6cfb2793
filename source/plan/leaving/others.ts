import {sameAddress} from '../../cluster/addresses.js';
import type {Cluster, NodeSpec} from '../../cluster/schema.js';
import type {FirewallRule, Step, StepId} from '../plan.js';
import type {LeavingMachine} from './machine-steps.js';

/** Those of a leaving node's addresses that no node that stays has, too. */
export const ownAddresses = (
	node: NodeSpec,
	{nodes}: Cluster,
	addresses: ReadonlyArray<string | undefined>,
): readonly string[] => {
	const others = nodes
		.filter(({name}) => name !== node.name)
		.flatMap(({externalIp, internalIp}) => [externalIp, internalIp])
		.filter((address) => address !== undefined);
	return [...new Set(addresses)]
		.filter((address) => address !== undefined)
		.filter((address) => !others.some((other) => sameAddress(other, address)));
};

/** Does a rule let in just one of these addresses? */
export const namesAddress = (
	{add}: FirewallRule,
	addresses: readonly string[],
): boolean =>
	addresses.some((address) =>
		add.some((word) => word === address || word.includes(`"${address}"`)),
	);

/** The step with which a machine that stays takes back the rules that let a node in which has left; `undefined` when it has none. */
export const ruleStep = (
	{node, remains}: LeavingMachine,
	{
		cluster,
		left,
		addresses,
		after,
	}: {
		readonly cluster: Cluster;
		/** Name of the node that leaves. */
		readonly left: string;
		readonly addresses: readonly string[];
		readonly after: readonly StepId[];
	},
): Step | undefined => {
	const {listed} = remains;
	if (listed?.firewall === undefined || listed.cluster !== cluster.name) {
		return undefined;
	}

	const {kind, rules} = listed.firewall;
	const naming = rules.filter((rule) => namesAddress(rule, addresses));
	return naming.length === 0
		? undefined
		: {
				id: `${node.name}/clean/firewall`,
				node: node.name,
				stage: 'clean',
				title: `take ${naming.length} rules of ${kind} back that let ${left} in`,
				action: {
					kind: 'take-back-firewall',
					firewall: kind,
					rules: naming,
					staying: rules.filter((rule) => !naming.includes(rule)),
				},
				needs: after,
				expectation: 'change',
			};
};
