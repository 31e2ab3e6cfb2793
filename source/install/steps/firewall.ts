import {createHash} from 'node:crypto';
import {UserError} from '../../errors.js';
import {
	firewallUnitPath,
	firewallUnitText,
} from '../../host/scripts/firewall-unit.js';
import {firewallApply} from '../../host/scripts/firewall.js';
import type {Host} from '../../host/host.js';
import type {FirewallRule} from '../../plan/plan.js';
import type {ManifestChange} from '../manifest.js';
import type {ActionOf, StepContext, StepHandler} from './step.js';

/** What is listed on a host before rules are added there: the rules, and the unit that brings them back. */
export const firewallChanges = (
	{firewall, rules}: Pick<ActionOf<'firewall'>, 'firewall' | 'rules'>,
	/** Those of them that are ours. */
	ours: readonly FirewallRule[],
): readonly ManifestChange[] => {
	const unit = firewallUnitText(firewall, rules);
	return [
		{kind: 'firewall', firewall, rules: ours},
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

/**
 * Those of the rules that are ours to take back later. A rule of firewalld has no mark: one that its owner had before is
 * told from ours by not being listed, so that only what is missing is.
 */
export const rulesToList = async (
	{firewall, rules}: Pick<ActionOf<'firewall'>, 'firewall' | 'rules'>,
	host: Host,
	options: {readonly signal: AbortSignal; readonly rollbackArmed?: boolean},
): Promise<readonly FirewallRule[]> => {
	if (firewall !== 'firewalld') {
		return rules;
	}

	const {places} = await host.run(
		firewallApply,
		{
			firewall,
			rules,
			checkOnly: true,
			rollbackArmed: options.rollbackArmed ?? false,
		},
		{signal: options.signal},
	);
	return places.map((place) => rules[place]!);
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
		const {host, signal} = context;
		const changes = firewallChanges(
			action,
			await rulesToList(action, host, {signal}),
		);
		for (const change of changes) {
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
