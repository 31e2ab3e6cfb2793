import {z} from 'zod';
import {kubeconfigFields} from './kubeconfig-schema.js';
import {atMs, role, stage} from './words.js';

const node = z.string().describe('name of the node');
const step = z.string().describe('id of the step');

const proof = z.object({
	kind: z.enum([
		'node-ready',
		'handshake',
		'mesh-ping',
		'pod-to-pod',
		'dns',
		'logs',
		'metrics',
	]),
	from: z.string(),
	to: z.string().optional().describe('for proofs about a pair'),
	ok: z.boolean(),
	detail: z.string(),
	standIn: z
		.string()
		.optional()
		.describe('why the thing itself could not be looked at'),
});

/** One line of `apply --json`. */
export const applyLineSchema = z.discriminatedUnion('type', [
	z.object({
		type: z.literal('run-started'),
		at: atMs,
		runId: z.string(),
		cluster: z.string(),
		version: z.string().describe('the K3s release'),
		nodes: z
			.array(
				z.object({
					name: z.string(),
					role,
					steps: z
						.array(z.object({id: z.string(), stage, title: z.string()}))
						.readonly(),
				}),
			)
			.readonly(),
	}),
	z.object({
		type: z.literal('step'),
		at: atMs,
		node,
		step,
		stage,
		state: z.enum([
			'waiting',
			'running',
			'changed',
			'unchanged',
			'failed',
			'skipped',
		]),
		message: z.string().optional().describe('why it failed or was skipped'),
		tryNext: z.array(z.string()).readonly().optional(),
	}),
	z.object({
		type: z.literal('now'),
		at: atMs,
		node,
		text: z.string().describe('what the node is doing'),
		waiting: z.boolean().describe('does it wait for something outside of it?'),
		deadlineAt: atMs.optional(),
	}),
	z.object({
		type: z.literal('progress'),
		at: atMs,
		node,
		step,
		doneBytes: z.number(),
		totalBytes: z.number().optional(),
	}),
	z.object({type: z.literal('log'), at: atMs, node, line: z.string()}),
	z.object({type: z.literal('proof'), at: atMs, proof}),
	z.object({
		type: z.literal('run-ended'),
		at: atMs,
		outcome: z.enum(['good', 'failed', 'stopped']),
		changed: z.boolean(),
		message: z.string(),
	}),
	z.object({type: z.literal('kubeconfig'), ...kubeconfigFields}),
]);

export type ApplyLine = z.infer<typeof applyLineSchema>;
