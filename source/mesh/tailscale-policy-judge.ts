import {cidrsOverlap, isCidr} from '../cluster/addresses.js';
import type {HujsonProblem} from './hujson.js';
import {
	everyPort,
	identityName,
	type Flow,
	type Judgement,
	type PolicyJudgement,
	type PolicyNeeds,
} from './tailscale-policy.js';
import {
	readPolicyText,
	type PolicyRule,
	type ReadPolicy,
} from './tailscale-policy-rules.js';
import {
	anyOf,
	containsNetwork,
	selectorMeans,
	type Subject,
} from './tailscale-policy-selectors.js';

const nodesOf = ({identity, podCidrs}: PolicyNeeds): Subject => ({
	kind: 'nodes',
	identity,
	needsIpv6: podCidrs.some((cidr) => cidr.includes(':')),
});

const subjectName = (subject: Subject): string =>
	subject.kind === 'pods' ? subject.cidr : identityName(subject.identity);

/** A rule that may let something through. */
type Match = {
	readonly place: string;
	readonly flows: readonly Flow[];
	/** Why that is not sure; `undefined` when it is. */
	readonly unsure: string | undefined;
};

/** What a rule lets through from one to the other. */
const matchOf = (
	rule: PolicyRule,
	from: Subject,
	to: Subject,
	policy: ReadPolicy,
): Match | undefined => {
	const source = anyOf(
		rule.sources.map((selector) => selectorMeans(selector, from, policy)),
	);
	const targets = rule.targets
		.map(({selector, flows}) => ({
			answer: selectorMeans(selector, to, policy),
			flows,
		}))
		.filter(({answer}) => answer !== 'no');
	if (source === 'no' || targets.length === 0) {
		return undefined;
	}

	const sure = targets.filter(({answer}) => answer === 'yes');
	if (source === 'yes' && rule.unsure === undefined && sure.length > 0) {
		return {
			place: rule.place,
			flows: sure.flatMap(({flows}) => flows),
			unsure: undefined,
		};
	}

	return {
		place: rule.place,
		flows: targets.flatMap(({flows}) => flows),
		unsure:
			rule.unsure ??
			`whom it means ${source === 'unknown' ? 'as a source' : 'as a destination'} can not be told from here`,
	};
};

/** Do the flows together hold all of the needed one? */
const covers = (flows: readonly Flow[], needed: Flow): boolean => {
	let next = needed.from;
	for (const {from, to} of flows
		.filter(({protocol}) => protocol === needed.protocol)
		.toSorted((one, other) => one.from - other.from)) {
		if (from > next) {
			break;
		}

		next = Math.max(next, to + 1);
	}

	return next > needed.to;
};

const flowName = ({protocol, from, to}: Flow): string => {
	if (from === 0 && to === 65_535) {
		return `every port of ${protocol.toUpperCase()}`;
	}

	return `${protocol}:${from === to ? from : `${from}-${to}`}`;
};

const joined = (words: readonly string[]): string =>
	words.length < 2
		? words.join('')
		: `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;

const noRules = ({dialect}: PolicyNeeds): Judgement =>
	dialect.kind === 'headscale'
		? {
				answer: 'yes',
				reason: 'The policy has no rules, so everything may reach everything.',
			}
		: {
				answer: 'unknown',
				reason:
					'The policy has neither grants nor acls, and what Tailscale makes of that can not be told from here.',
			};

/** May `from` reach `to` on all of the flows? */
const judgePath = (
	policy: ReadPolicy,
	needs: PolicyNeeds,
	path: {
		readonly from: Subject;
		readonly to: Subject;
		readonly flows: readonly Flow[];
	},
): Judgement => {
	if (policy.rules === undefined) {
		return noRules(needs);
	}

	const {from, to, flows} = path;
	const matches = policy.rules
		.map((rule) => matchOf(rule, from, to, policy))
		.filter((match) => match !== undefined);
	const sure = matches.filter(({unsure}) => unsure === undefined);
	const missing = (found: readonly Match[]): readonly Flow[] => {
		const open = found.flatMap((match) => match.flows);
		return flows.filter((flow) => !covers(open, flow));
	};

	const names = `${subjectName(from)} reach ${subjectName(to)}`;
	const closed = missing(sure);
	if (closed.length === 0) {
		return {
			answer: 'yes',
			reason: `${joined(sure.map(({place}) => place))} ${sure.length === 1 ? 'lets' : 'let'} ${names}.`,
		};
	}

	if (missing(matches).length === 0) {
		const doubt = matches.find(({unsure}) => unsure !== undefined)!;
		return {
			answer: 'unknown',
			reason: `Perhaps ${doubt.place} lets ${names}: ${doubt.unsure!}.`,
		};
	}

	return {
		answer: 'no',
		reason:
			closed.length === flows.length
				? `No rule lets ${names}.`
				: `No rule lets ${names} on ${joined(closed.map((flow) => flowName(flow)))}.`,
	};
};

/** The worst of several judgements; yes when there are none. */
const worst = (judgements: readonly Judgement[], none: string): Judgement =>
	judgements.find(({answer}) => answer === 'no') ??
	judgements.find(({answer}) => answer === 'unknown') ??
	judgements[0] ?? {answer: 'yes', reason: none};

/** Is a pod network approved by itself when nodes offer parts of it? An approver's network may be larger. */
const judgeApproval = (
	policy: ReadPolicy,
	needs: PolicyNeeds,
	podCidr: string,
): Judgement => {
	const nodes = nodesOf(needs);
	const name = identityName(needs.identity);
	const networks = [...policy.approvers].filter(([route]) => isCidr(route));
	const around = networks.filter(([route]) => containsNetwork(route, podCidr));
	const approvers = around.flatMap(([, list]) => list);
	switch (
		anyOf(
			// Networks and `*` are no approvers, whatever they would mean in a rule.
			approvers
				.filter((one) => /@|^(?:tag|group|autogroup):/.test(one))
				.map((one) => selectorMeans(one, nodes, policy)),
		)
	) {
		case 'yes': {
			return {
				answer: 'yes',
				reason: `autoApprovers approve ${podCidr} for ${name}.`,
			};
		}

		case 'unknown': {
			return {
				answer: 'unknown',
				reason: `autoApprovers have ${podCidr}, and whether their approvers mean ${name} can not be told from here.`,
			};
		}

		case 'no': {
			break;
		}
	}

	const isPart = networks.some(([route]) => cidrsOverlap(route, podCidr));
	return around.length === 0 && isPart
		? {
				answer: 'unknown',
				reason: `autoApprovers have a part of ${podCidr} only.`,
			}
		: {
				answer: 'no',
				reason: `autoApprovers do not approve ${podCidr} for ${name}.`,
			};
};

const judgeTag = (policy: ReadPolicy, needs: PolicyNeeds): Judgement => {
	const {identity, dialect} = needs;
	if (identity.kind === 'account') {
		return {answer: 'yes', reason: 'An account needs no owner.'};
	}

	if (policy.tagOwners.has(identity.tag)) {
		return {answer: 'yes', reason: `tagOwners have ${identity.tag}.`};
	}

	return dialect.kind === 'headscale' && policy.root.children!.length === 0
		? {
				answer: 'yes',
				reason: 'Without a policy headscale takes every tag of a key.',
			}
		: {
				answer: 'no',
				reason: `tagOwners do not have ${identity.tag}, so no node can be given it.`,
			};
};

/** Judges a policy that was read. */
export const judgeReadPolicy = (
	policy: ReadPolicy,
	needs: PolicyNeeds,
): PolicyJudgement => {
	const nodes = nodesOf(needs);
	const pods = needs.podCidrs.map((cidr): Subject => ({kind: 'pods', cidr}));
	const noPods = 'No pod network travels over the tailnet by itself.';
	return {
		autoApproval: needs.podCidrs.map((podCidr) => ({
			podCidr,
			...judgeApproval(policy, needs, podCidr),
		})),
		tagDefined: judgeTag(policy, needs),
		nodesToNodes: judgePath(policy, needs, {
			from: nodes,
			to: nodes,
			flows: needs.nodeFlows ?? everyPort,
		}),
		nodesToPods: worst(
			pods.map((to) =>
				judgePath(policy, needs, {from: nodes, to, flows: everyPort}),
			),
			noPods,
		),
		podsToPods: worst(
			pods.map((one) =>
				judgePath(policy, needs, {from: one, to: one, flows: everyPort}),
			),
			noPods,
		),
	};
};

/** Would a policy let the cluster work? Or where it can not be read. */
export const judgePolicy = (
	text: string,
	needs: PolicyNeeds,
):
	| {readonly kind: 'judged'; readonly judgement: PolicyJudgement}
	| {
			readonly kind: 'problems';
			readonly problems: readonly HujsonProblem[];
	  } => {
	const read = readPolicyText(text);
	return read.kind === 'problems'
		? read
		: {kind: 'judged', judgement: judgeReadPolicy(read.policy, needs)};
};
