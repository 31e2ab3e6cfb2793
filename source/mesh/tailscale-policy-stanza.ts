import {knowsGrants} from './headscale-version.js';
import {printValue, type Plain} from './hujson.js';
import {
	identityName,
	type PolicyDialect,
	type PolicyNeeds,
} from './tailscale-policy.js';

/** The newer grants, or the older acls: both mean the same here. */
export type RuleForm = 'grants' | 'acls';

/** Grants where the server knows them. */
export const ruleFormOf = (dialect: PolicyDialect): RuleForm =>
	dialect.kind === 'tailscale' || knowsGrants(dialect.api) ? 'grants' : 'acls';

/** The rule that lets nodes and pods reach each other. */
export const clusterRule = (needs: PolicyNeeds, form: RuleForm): Plain => {
	const everybody = [identityName(needs.identity), ...needs.podCidrs];
	return form === 'grants'
		? {src: everybody, dst: everybody, ip: ['*']}
		: {
				action: 'accept',
				src: everybody,
				dst: everybody.map((one) => `${one}:*`),
			};
};

/** What is said above the rule, in the policy itself. */
export const ruleComment = 'Nodes and pods of K3s reach each other.';

/**
 * A whole policy text with what the cluster needs and nothing else: to copy from, part by part, into the policy that is
 * there. As the only policy of a tailnet it would close everything else.
 */
export const policyStanza = (needs: PolicyNeeds, form: RuleForm): string => {
	const {identity, podCidrs, tagOwners} = needs;
	const unit = '\t';
	const section = (comment: string, key: string, value: Plain): string =>
		`${unit}// ${comment}\n${unit}${JSON.stringify(key)}: ${printValue(value, unit, unit)},\n`;
	const name = identityName(identity);
	return [
		'{\n',
		...(identity.kind === 'tag'
			? [
					section('Who may give the tag to a node.', 'tagOwners', {
						[identity.tag]: tagOwners,
					}),
				]
			: []),
		...(podCidrs.length > 0
			? [
					section(
						"Nodes' parts of the pod network are approved when they are offered.",
						'autoApprovers',
						{
							routes: Object.fromEntries(
								podCidrs.map((cidr) => [cidr, [name]]),
							),
						},
					),
				]
			: []),
		section(ruleComment, form, [clusterRule(needs, form)]),
		'}\n',
	].join('');
};
