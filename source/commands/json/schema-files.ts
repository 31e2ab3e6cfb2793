import {z} from 'zod';
import {applyLineSchema} from './apply-schema.js';
import {checkSchema} from './check-schema.js';
import {kubeconfigSchema} from './kubeconfig-schema.js';
import {leavingLineSchema} from './leaving-schema.js';
import {planSchema} from './plan-schema.js';
import {policySchema} from './policy-schema.js';

const outputs = [
	{
		file: 'check.schema.json',
		title: 'k3s-mesh-tui check --json',
		schema: checkSchema,
	},
	{
		file: 'plan.schema.json',
		title: 'k3s-mesh-tui plan --json',
		schema: planSchema,
	},
	{
		file: 'apply.schema.json',
		title: 'One line of k3s-mesh-tui apply --json',
		schema: applyLineSchema,
	},
	{
		file: 'leaving.schema.json',
		title: 'One line of k3s-mesh-tui remove --json and uninstall --json',
		schema: leavingLineSchema,
	},
	{
		file: 'policy.schema.json',
		title: 'k3s-mesh-tui policy --json',
		schema: policySchema,
	},
	{
		file: 'kubeconfig.schema.json',
		title: 'k3s-mesh-tui kubeconfig --json',
		schema: kubeconfigSchema,
	},
] as const;

/**
 * The JSON Schema files of all that the commands print as JSON, by name. They allow further fields: within one format
 * version fields are only ever added.
 */
export const outputSchemaFiles = (): ReadonlyMap<string, string> =>
	new Map(
		outputs.map(({file, title, schema}) => {
			const jsonSchema = z.toJSONSchema(schema, {
				io: 'input',
				override({jsonSchema: one}) {
					// All of it is output: that nobody writes it needs no saying.
					delete one.readOnly;
				},
			});
			return [
				file,
				`${JSON.stringify({...jsonSchema, title}, undefined, '\t')}\n`,
			];
		}),
	);
