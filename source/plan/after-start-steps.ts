import type {NodeSpec} from '../cluster/schema.js';
import type {Mesh, MeshContext} from '../mesh/mesh.js';
import {
	isReference,
	type ConfigValue,
	type Step,
	type StepId,
	type ValueReference,
} from './plan.js';
import type {AddStep} from './release-steps.js';
import {maskedReference} from './template.js';

/** The text or reference that a config key has. */
const joinValue = (value: unknown): string | ValueReference | undefined =>
	typeof value === 'string' || isReference(value) ? value : undefined;

/** The addresses that the node object is to show: those of the tailnet where K3s is bound to them. */
const nodeObjectAddresses = (
	{cluster}: MeshContext,
	mesh: Mesh,
	{name, internalIp, externalIp}: NodeSpec,
): {
	readonly internalIp: string | ValueReference | undefined;
	readonly externalIp: string | undefined;
} =>
	mesh.proof.tailnet === 'none'
		? {internalIp, externalIp}
		: {
				internalIp: {
					reference: 'tailscale-address',
					node: name,
					family: cluster.network.podCidr[0]!.includes(':') ? 6 : 4,
				},
				externalIp: undefined,
			};

/** What is waited for and proven once K3s was started on a node: that it joins, is Ready, and works. */
export const afterStartSteps = (
	{
		context,
		mesh,
		joinUrl,
		start,
		expectation,
		beforeVerify,
	}: {
		readonly context: MeshContext;
		readonly mesh: Mesh;
		/** The key `server` of its config; the first server has none. */
		readonly joinUrl: ConfigValue | undefined;
		readonly start: StepId;
		readonly expectation: Step['expectation'];
		/** Steps of other nodes that must have ended well before the mesh can be proven. */
		readonly beforeVerify: readonly StepId[];
	},
	node: NodeSpec,
	{
		add,
		addAfterReady,
	}: {
		readonly add: AddStep;
		/** Adds what the mesh wants once the node is Ready. Returns what comes after it waits for. */
		readonly addAfterReady: (after: readonly StepId[]) => readonly StepId[];
	},
): void => {
	const {name, role} = node;
	const url = joinValue(joinUrl);
	const join = add(
		'join',
		'k3s',
		url === undefined
			? 'wait until K3s serves'
			: `join ${typeof url === 'string' ? url : maskedReference(url)}`,
		{kind: 'await-join', role, joinUrl: url},
		{needs: [start], expectation},
	);
	const ready = add(
		'ready',
		'node',
		'wait until the node is Ready with its addresses',
		{
			kind: 'await-ready',
			nodeName: name,
			...nodeObjectAddresses(context, mesh, node),
		},
		{needs: [join], expectation},
	);
	const provable = addAfterReady([ready]);
	add(
		'verify',
		'node',
		'prove mesh, pods, DNS, logs and metrics',
		{kind: 'verify', nodeName: name},
		{
			needs: [...new Set([...provable, ...beforeVerify])],
			expectation: 'unchanged',
		},
	);
};
