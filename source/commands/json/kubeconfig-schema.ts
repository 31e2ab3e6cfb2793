import {z} from 'zod';

/** What is told of a merged kubeconfig. */
export const kubeconfigFields = {
	context: z.string(),
	path: z.string().describe('the file into which it was merged'),
	backup: z
		.string()
		.optional()
		.describe('where the previous file was kept, when there was one'),
	server: z.string().describe('the API address in it'),
	note: z
		.string()
		.describe('how this machine reaches it, for people; says when it does not'),
};

/** What `kubeconfig --json` prints. */
export const kubeconfigSchema = z.object({
	format: z.literal('k3s-mesh-tui/kubeconfig/1'),
	...kubeconfigFields,
});

export type KubeconfigJson = z.infer<typeof kubeconfigSchema>;
