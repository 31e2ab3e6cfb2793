import {z} from 'zod';
import {runLineSchemas} from './apply-schema.js';
import {role, stage} from './words.js';

/** One line of `remove --json` or `uninstall --json`. */
export const leavingLineSchema = z.discriminatedUnion('type', [
	z.object({
		type: z.literal('plan'),
		purpose: z.enum(['remove', 'uninstall']),
		cluster: z.string(),
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
		losses: z
			.array(z.string())
			.readonly()
			.describe('what is deleted for good, for people'),
		notes: z
			.array(z.string())
			.readonly()
			.describe('what stays, and what is to be done by hand, for people'),
		unreached: z
			.array(z.string())
			.readonly()
			.describe('nodes on which nothing is done'),
	}),
	...runLineSchemas,
	z.object({
		type: z.literal('kubeconfig'),
		path: z.string(),
		context: z.string(),
		found: z
			.enum(['none', 'ours', 'foreign'])
			.describe('ours was taken out; foreign has no mark of ours and stays'),
		backup: z
			.string()
			.optional()
			.describe('where the previous file was kept, when it was changed'),
	}),
	z.object({
		type: z.literal('cluster-file'),
		path: z.string(),
		removed: z.string().describe('the node that was taken out of it'),
	}),
]);

export type LeavingLine = z.infer<typeof leavingLineSchema>;
