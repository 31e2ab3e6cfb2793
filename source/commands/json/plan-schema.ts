import {z} from 'zod';
import {role, stage} from './words.js';

const step = z.object({
	id: z.string(),
	stage,
	title: z.string(),
	action: z.string().describe('kind of the action, such as write-file'),
	expectation: z
		.enum(['change', 'unchanged'])
		.describe('what the facts let expect'),
	needs: z.array(z.string()).readonly().describe('ids of steps before it'),
	file: z
		.object({
			path: z.string(),
			mode: z.string().describe('octal'),
			text: z.string().describe('secrets by name only'),
		})
		.optional(),
	commands: z
		.array(z.string())
		.readonly()
		.optional()
		.describe('firewall lines, as they can be pasted'),
	url: z.string().optional().describe('where a download comes from'),
});

/** What `plan --json` prints. */
export const planSchema = z.object({
	format: z.literal('k3s-mesh-tui/plan/1'),
	cluster: z.string(),
	version: z.string().describe('the K3s release'),
	firstServer: z.string(),
	changes: z.boolean(),
	estimateSeconds: z.number(),
	nodes: z
		.array(
			z.object({
				name: z.string(),
				role,
				changes: z.boolean(),
				steps: z.array(step).readonly(),
			}),
		)
		.readonly(),
});

export type PlanJson = z.infer<typeof planSchema>;
