import {sameAddress} from '../cluster/addresses.js';
import type {NodeSpec} from '../cluster/schema.js';
import {ownPublicAddress} from './conclusions/external-elsewhere.js';
import {internalViews} from './conclusions/sites.js';
import {inWords, rule, type CheckContext, type Rule} from './rule.js';

const docs = 'K3s docs: Requirements';

const uniqueNames = rule(
	{
		id: 'name.unique',
		severity: 'error',
		sentence: 'Every node has a name of its own.',
		source: docs,
	},
	({cluster}, report) => {
		const names = cluster.nodes.map(({name}) => name);
		const twice = [
			...new Set(names.filter((name, index) => names.indexOf(name) < index)),
		];
		return twice.map((name) =>
			report(
				'error',
				`${names.filter((one) => one === name).length} nodes are called ${name}.`,
				{nodes: [name], fixes: ['Give each node another name.']},
			),
		);
	},
);

const sameMachine = rule(
	{
		id: 'host.same-machine',
		severity: 'error',
		sentence: 'No machine is in the cluster twice.',
		source: docs,
	},
	({cluster, facts}, report) => {
		const groups = new Map<string, string[]>();
		for (const {name} of cluster.nodes) {
			const host = facts.get(name);
			if (host === undefined || host.machineId === '') {
				continue;
			}

			const key = `${host.machineId} ${host.hostname}`;
			groups.set(key, [...(groups.get(key) ?? []), name]);
		}

		return [...groups.values()]
			.filter((names) => new Set(names).size > 1)
			.map((names) =>
				report(
					'error',
					`${inWords(names)} are one machine: hostname (${facts.get(names[0]!)!.hostname}) and machine id are the same.`,
					{
						nodes: names,
						fixes: [
							`Leave ${names.length === 2 ? 'one' : 'all but one'} of them out.`,
							'If they are copies of one disk image, give each a machine id and a hostname of its own, and reboot:',
							'rm /etc/machine-id && systemd-machine-id-setup',
						],
					},
				),
			);
	},
);

/** The other node that has an address of this one on an interface, when this one has it on none. */
const otherOwner = (
	{cluster, facts}: CheckContext,
	node: NodeSpec,
	kind: 'externalIp' | 'internalIp',
): NodeSpec | undefined => {
	const wanted = node[kind];
	const has = (name: string): boolean =>
		wanted !== undefined &&
		facts
			.get(name)
			?.addresses.some(({address}) => sameAddress(address, wanted)) === true;
	return has(node.name)
		? undefined
		: cluster.nodes.find(({name}) => name !== node.name && has(name));
};

const foreignAddress = rule(
	{
		id: 'address.other-node',
		severity: 'error',
		sentence: "A node's addresses are not those of another node.",
		source: docs,
	},
	(context, report) =>
		context.cluster.nodes.flatMap((node) =>
			(['externalIp', 'internalIp'] as const).flatMap((kind) => {
				const owner = otherOwner(context, node, kind);
				return owner === undefined
					? []
					: [
							report(
								'error',
								`The ${kind === 'externalIp' ? 'external' : 'internal'} address ${node[kind]!} of ${node.name} belongs to ${owner.name}: it is on one of its interfaces.`,
								{
									nodes: [node.name, owner.name],
									fixes: [`Set ${kind} of ${node.name} to its own address.`],
								},
							),
						];
			}),
		),
);

const externalElsewhere = rule(
	{
		id: 'address.external-elsewhere',
		severity: 'warning',
		sentence: 'A node with a public address is reached under that.',
		source: docs,
	},
	(context, report) =>
		context.cluster.nodes.flatMap((node) => {
			const {name, externalIp} = node;
			const own = ownPublicAddress(context, node);
			return own === undefined ||
				otherOwner(context, node, 'externalIp') !== undefined
				? []
				: [
						report(
							'warning',
							`The external address ${externalIp!} of ${name} is probably wrong: it is on no interface of it, and others see ${name} under its own public address ${own}.`,
							{
								nodes: [name],
								fixes: [`Set externalIp of ${name} to ${own}.`],
							},
						),
					];
		}),
);

const internalHere = rule(
	{
		id: 'address.internal-not-here',
		severity: 'error',
		sentence: 'The internal address of a node is on one of its interfaces.',
		source: 'kubernetes/kubernetes#54337',
	},
	({cluster, facts}, report) =>
		cluster.nodes.flatMap(({name, internalIp}) => {
			const host = facts.get(name);
			const present =
				host === undefined ||
				internalIp === undefined ||
				host.addresses.some(({address}) => sameAddress(address, internalIp));
			return present
				? []
				: [
						report(
							'error',
							`${name} does not have its internal address ${internalIp} on any interface, and the kubelet refuses such an address.`,
							{
								nodes: [name],
								fixes: [
									`Set internalIp of ${name} to one of ${
										inWords(
											host.addresses
												.filter(
													({device, family}) => device !== 'lo' && family === 4,
												)
												.map(({address}) => address),
										) || 'the addresses of its interfaces'
									}, or leave it out.`,
								],
							},
						),
					];
		}),
);

const internalUnique = rule(
	{
		id: 'address.internal-unique',
		severity: 'error',
		sentence: 'Two nodes at one place have different internal addresses.',
		source: docs,
	},
	(context, report) => {
		const {nodes} = context.cluster;
		const viewOf = internalViews(context);
		return nodes.flatMap((node, index) =>
			nodes
				.slice(0, index)
				.filter(
					(other) =>
						node.name !== other.name &&
						node.site === other.site &&
						// Two networks may use the same addresses, and what was measured says that these do.
						(node.site !== undefined ||
							viewOf(node.name, other.name) !== 'apart') &&
						node.internalIp !== undefined &&
						other.internalIp !== undefined &&
						sameAddress(node.internalIp, other.internalIp),
				)
				.map((other) =>
					report(
						node.site === undefined ? 'warning' : 'error',
						`${other.name} and ${node.name} have the same internal address ${node.internalIp}.`,
						{
							nodes: [other.name, node.name],
							fixes: [
								'If they are at different places, name the place of each with site.',
							],
						},
					),
				),
		);
	},
);

/** Rules about names and addresses of nodes. */
export const nodeRules: readonly Rule[] = [
	uniqueNames,
	sameMachine,
	foreignAddress,
	externalElsewhere,
	internalHere,
	internalUnique,
];
