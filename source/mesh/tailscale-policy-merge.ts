import {applyEdits} from '../cluster/text-edits.js';
import {addTo, parseHujson, valueOf, type Plain} from './hujson.js';
import {
	identityName,
	type MergedPolicy,
	type PolicyNeeds,
} from './tailscale-policy.js';
import {judgeReadPolicy} from './tailscale-policy-judge.js';
import {readPolicyText, type ReadPolicy} from './tailscale-policy-rules.js';
import {
	clusterRule,
	ruleComment,
	ruleFormOf,
	type RuleForm,
} from './tailscale-policy-stanza.js';

/** One addition: to the value under these keys, which are made where they are missing. */
type Addition = {
	readonly path: readonly string[];
	/** The key that is added, when the value is an object; an element of a list otherwise. */
	readonly key?: string;
	readonly value: Plain;
	readonly comment?: string;
	/** What it is, as a sentence. */
	readonly sentence: string;
};

/** Adds one thing to a text that can be read. */
const add = (text: string, addition: Addition): string => {
	const parsed = parseHujson(text);
	if (parsed.kind === 'problems') {
		throw new Error('a policy that was edited can not be read any more');
	}

	let container = parsed.root;
	for (const [index, key] of addition.path.entries()) {
		const next = valueOf(container, key);
		if (next === undefined) {
			// What is missing is made whole, from the inside out.
			let value: Plain =
				addition.key === undefined
					? [addition.value]
					: {[addition.key]: addition.value};
			for (const name of addition.path.slice(index + 1).toReversed()) {
				value = {[name]: value};
			}

			return applyEdits(text, addTo(text, container, {key, value}));
		}

		container = next;
	}

	return applyEdits(text, addTo(text, container, addition));
};

/** In which section a rule goes: where rules are, and grants before acls. */
const formFor = (policy: ReadPolicy, needs: PolicyNeeds): RuleForm => {
	const form = ruleFormOf(needs.dialect);
	return form === 'grants' && !policy.hasGrants && policy.hasAcls
		? 'acls'
		: form;
};

const tagOwnersFor = (tag: string, owners: readonly string[]): Addition => ({
	path: ['tagOwners'],
	key: tag,
	value: owners,
	sentence: `tagOwners: ${owners.length === 0 ? 'only administrators' : owners.join(', ')} may give ${tag} to nodes.`,
});

/** What is missing. */
const additionsTo = (
	policy: ReadPolicy,
	needs: PolicyNeeds,
): readonly Addition[] => {
	const judgement = judgeReadPolicy(policy, needs);
	const name = identityName(needs.identity);
	const additions: Addition[] = [];
	for (const {podCidr, answer} of judgement.autoApproval) {
		if (answer !== 'yes') {
			const sentence = `autoApprovers: what nodes of ${name} offer of ${podCidr} is approved by itself.`;
			additions.push(
				policy.approvers.has(podCidr)
					? {
							path: ['autoApprovers', 'routes', podCidr],
							value: name,
							sentence,
						}
					: {
							path: ['autoApprovers', 'routes'],
							key: podCidr,
							value: [name],
							sentence,
						},
			);
		}
	}

	const paths = [
		judgement.nodesToNodes,
		judgement.nodesToPods,
		judgement.podsToPods,
	];
	// A policy without rules is not given its first one: that would close everything that is open now.
	if (
		policy.rules !== undefined &&
		paths.some(({answer}) => answer !== 'yes')
	) {
		const form = formFor(policy, needs);
		additions.push({
			path: [form],
			value: clusterRule(needs, form),
			comment: ruleComment,
			sentence: `${form}: ${[name, ...needs.podCidrs].join(', ')} may reach each other on every port.`,
		});
	}

	// Where nothing is said a headscale takes every tag; a policy that names one must say who may give it.
	const isUndefined =
		needs.identity.kind === 'tag' && !policy.tagOwners.has(name);
	return isUndefined &&
		(judgement.tagDefined.answer !== 'yes' || additions.length > 0)
		? [tagOwnersFor(name, needs.tagOwners), ...additions]
		: additions;
};

/**
 * A policy with what the cluster needs and does not have in it yet: comments, order and everything else stay as they
 * are. Merging twice changes nothing more. A policy that has no rules at all gets none.
 */
export const mergePolicy = (text: string, needs: PolicyNeeds): MergedPolicy => {
	const read = readPolicyText(text);
	if (read.kind === 'problems') {
		return read;
	}

	const additions = additionsTo(read.policy, needs);
	let merged = text.trim() === '' && additions.length > 0 ? '{}\n' : text;
	for (const addition of additions) {
		merged = add(merged, addition);
	}

	return {
		kind: 'merged',
		text: merged,
		changes: additions.map(({sentence}) => sentence),
	};
};
