import {createHash} from 'node:crypto';
import {UserError} from '../../errors.js';
import {
	firewallUnitPath,
	firewallUnitText,
} from '../../host/scripts/firewall-unit.js';
import {firewallApply} from '../../host/scripts/firewall.js';
import type {ManifestChange} from '../manifest.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

/** What is listed on a host before rules are added there: the rules, and the unit that brings them back. */
export const firewallChanges = ({
	firewall,
	rules,
}: Pick<
	ActionOf<'firewall'>,
	'firewall' | 'rules'
>): readonly ManifestChange[] => {
	const unit = firewallUnitText(firewall, rules);
	return [
		{kind: 'firewall', firewall, rules},
		...(unit === undefined
			? []
			: [
					{
						kind: 'file' as const,
						path: firewallUnitPath,
						sha256: createHash('sha256').update(unit).digest('hex'),
						existed: false,
					},
				]),
	];
};

const missingRules = async (
	{firewall, rules}: ActionOf<'firewall'>,
	{host, signal}: StepContext,
	checkOnly: boolean,
): Promise<number> => {
	const {missing} = await host.run(
		firewallApply,
		{firewall, rules, checkOnly},
		{signal},
	);
	return missing;
};

/** Adds the host-firewall rules that are missing. */
export const firewall: StepHandler<ActionOf<'firewall'>> = {
	check: async (action, context) =>
		(await missingRules(action, context, true)) === 0,
	async act(action, context) {
		for (const change of firewallChanges(action)) {
			await context.listInManifest(change);
		}

		for (const {why, add} of action.rules) {
			context.tell.log(`${action.firewall}: ${add.join(' ')}  (${why})`);
		}

		return (await missingRules(action, context, false)) > 0
			? 'changed'
			: 'unchanged';
	},
	async verify(action, context) {
		const missing = await missingRules(action, context, true);
		if (missing > 0) {
			throw new UserError(
				`${missing} of ${action.rules.length} rules are not in ${action.firewall} although it took them`,
				{
					tryNext: [
						`Look with ${action.firewall}'s own program what it has, and whether another program resets it.`,
					],
				},
			);
		}
	},
};
