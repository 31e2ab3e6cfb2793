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
		'tailnet',
		'route',
		'tailnet-path',
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

/** The lines that every run prints. */
export const runLineSchemas = [
	z.object({
		type: z.literal('run-started'),
		at: atMs,
		runId: z.string(),
		purpose: z.enum(['apply', 'remove', 'uninstall']),
		cluster: z.string(),
		version: z.string().describe('the K3s release; empty when none says'),
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
		type: z.literal('stopping'),
		at: atMs,
		steps: z
			.array(z.object({node, step, title: z.string()}))
			.readonly()
			.describe('what is under way and still ends'),
	}),
	z.object({
		type: z.literal('run-ended'),
		at: atMs,
		outcome: z.enum(['good', 'failed', 'stopped']),
		changed: z.boolean(),
		message: z.string(),
		nodes: z
			.array(
				z.object({
					node,
					state: z
						.enum(['done', 'failed', 'partly', 'untouched'])
						.describe('untouched: this run changed nothing there'),
					done: z.number().describe('steps that are done'),
					steps: z.number().describe('all its steps'),
					text: z.string().describe('what is so there now'),
					next: z.string().describe('what the next run does there'),
				}),
			)
			.readonly(),
	}),
] as const;

/** One line of `apply --json`. */
export const applyLineSchema = z.discriminatedUnion('type', [
	...runLineSchemas,
	z.object({type: z.literal('kubeconfig'), ...kubeconfigFields}),
]);

export type ApplyLine = z.infer<typeof applyLineSchema>;
