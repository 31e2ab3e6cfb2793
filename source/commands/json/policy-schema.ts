import {z} from 'zod';

/** What `policy --json` prints. */
export const policySchema = z.object({
	format: z.literal('k3s-mesh-tui/policy/1'),
	cluster: z.string(),
	needed: z.string().describe('a policy with what the cluster needs, HuJSON'),
	inForce: z
		.object({
			server: z.string().describe('whose policy was read'),
			changes: z
				.array(z.string())
				.readonly()
				.describe('what is missing, a sentence each'),
			difference: z
				.array(z.string())
				.readonly()
				.describe('lines of a unified diff'),
			objections: z
				.array(z.string())
				.readonly()
				.describe('what the server has against the change'),
			written: z.boolean().describe('was the change put in force?'),
		})
		.optional()
		.describe('only with credentials for the API of the control server'),
});
export type PolicyJson = z.output<typeof policySchema>;
