/** What a policy says, in the form in which it is judged. The syntax: tailscale.com/kb/1337, 1538 and 1018. */
import {getNodeValue, type Node} from 'jsonc-parser';
import {
	keyOf,
	parseHujson,
	problemAt,
	valueOf,
	type HujsonProblem,
} from './hujson.js';
import {everyPort, type Flow} from './tailscale-policy.js';

/** A rule: what its sources may reach. */
export type PolicyRule = {
	/** For sentences: `grants[0]`. */
	readonly place: string;
	readonly sources: readonly string[];
	readonly targets: ReadonlyArray<{
		readonly selector: string;
		readonly flows: readonly Flow[];
	}>;
	/** What of it can not be judged, as the end of a sentence; `undefined` when all can. */
	readonly unsure: string | undefined;
};

/** The parts of a policy that matter here. */
export type ReadPolicy = {
	readonly root: Node;
	readonly groups: ReadonlyMap<string, readonly string[]>;
	readonly hosts: ReadonlyMap<string, string>;
	readonly tagOwners: ReadonlyMap<string, readonly string[]>;
	/** Approvers by route. */
	readonly approvers: ReadonlyMap<string, readonly string[]>;
	/** `undefined` when the policy has neither grants nor acls, which is not the same as having none in them. */
	readonly rules: readonly PolicyRule[] | undefined;
	readonly hasGrants: boolean;
	readonly hasAcls: boolean;
};

const strings = (value: unknown): readonly string[] =>
	Array.isArray(value)
		? value.filter((one): one is string => typeof one === 'string')
		: [];

const plain = (node: Node | undefined): unknown =>
	node === undefined ? undefined : (getNodeValue(node) as unknown);

const entries = (node: Node | undefined): ReadonlyArray<[string, unknown]> => {
	const value = plain(node);
	return typeof value === 'object' && value !== null && !Array.isArray(value)
		? Object.entries(value)
		: [];
};

const lists = (
	node: Node | undefined,
): ReadonlyMap<string, readonly string[]> =>
	new Map(entries(node).map(([key, value]) => [key, strings(value)]));

/** The ports of `*`, `443`, `80-443` or several of them with commas; `undefined` when they can not be read. */
const parsePorts = (
	text: string,
): ReadonlyArray<readonly [number, number]> | undefined => {
	const ranges: Array<readonly [number, number]> = [];
	for (const part of text.split(',')) {
		const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim()) ?? [];
		if (part.trim() === '*') {
			ranges.push([0, 65_535]);
		} else if (from === undefined) {
			return undefined;
		} else {
			ranges.push([Number(from), Number(to ?? from)]);
		}
	}

	return ranges;
};

/** TCP and UDP as far as a protocol's name or number (IANA) means them; others are of no use here. */
const protocolsOf = (name: string): ReadonlyArray<'tcp' | 'udp'> => {
	switch (name.toLowerCase()) {
		case '':
		case '*': {
			return ['tcp', 'udp'];
		}

		case 'tcp':
		case '6': {
			return ['tcp'];
		}

		case 'udp':
		case '17': {
			return ['udp'];
		}

		default: {
			return [];
		}
	}
};

const flowsOf = (
	protocol: string,
	ports: string,
): readonly Flow[] | undefined => {
	const ranges = parsePorts(ports);
	return ranges === undefined
		? undefined
		: protocolsOf(protocol).flatMap((one) =>
				ranges.map(([from, to]) => ({protocol: one, from, to})),
			);
};

/** What `*`, `443`, `tcp:*` or `udp:53-60` in a grant lets through. */
const grantFlows = (text: string): readonly Flow[] | undefined => {
	if (text === '*') {
		return everyPort;
	}

	const [protocol, ports] = text.includes(':')
		? text.split(':', 2)
		: ['', text];
	return flowsOf(protocol!, ports!);
};

/** A rule's fields by name, read without a look at capitals. */
type Fields = (name: string) => unknown;

const fieldsOf =
	(node: Node): Fields =>
	(name) =>
		plain(valueOf(node, name));

/** Why a rule counts only under a condition, if it does. */
const conditionOf = (field: Fields): string | undefined => {
	if (strings(field('srcPosture')).length > 0) {
		return 'the posture of the source counts';
	}

	return strings(field('via')).length > 0
		? 'it holds only by way of certain devices'
		: undefined;
};

const readGrant = (node: Node, place: string): PolicyRule => {
	const field = fieldsOf(node);
	const flows = strings(field('ip')).map((text) => grantFlows(text));
	const readable = flows.filter((one) => one !== undefined).flat();
	return {
		place,
		sources: strings(field('src')),
		targets: strings(field('dst')).map((selector) => ({
			selector,
			flows: flows.includes(undefined) ? everyPort : readable,
		})),
		unsure:
			conditionOf(field) ??
			(flows.includes(undefined) ? 'its "ip" can not be read' : undefined),
	};
};

const readAcl = (node: Node, place: string): PolicyRule => {
	const field = fieldsOf(node);
	const named = field('proto');
	const protocol =
		typeof named === 'string' || typeof named === 'number' ? `${named}` : '';
	const isAccepted = field('action') === 'accept';
	let isReadable = true;
	// Before they were called src and dst, the fields were users and ports.
	const targets = [...strings(field('dst')), ...strings(field('ports'))].map(
		(text) => {
			const colon = text.lastIndexOf(':');
			const flows =
				colon === -1 ? undefined : flowsOf(protocol, text.slice(colon + 1));
			isReadable &&= flows !== undefined;
			return {
				selector: flows === undefined ? text : text.slice(0, colon),
				flows: flows ?? everyPort,
			};
		},
	);
	return {
		place,
		sources: isAccepted
			? [...strings(field('src')), ...strings(field('users'))]
			: [],
		targets,
		unsure:
			conditionOf(field) ??
			(isReadable ? undefined : 'its "dst" can not be read'),
	};
};

const readRules = (
	section: Node | undefined,
	name: string,
	read: (node: Node, place: string) => PolicyRule,
): readonly PolicyRule[] =>
	section?.type === 'array'
		? section.children!.map((node, index) => read(node, `${name}[${index}]`))
		: [];

/** Sections of another kind than they must have: what is added to them would make it worse. */
const wrongKinds = (text: string, root: Node): readonly HujsonProblem[] => {
	const problems: HujsonProblem[] = [];
	const expect = (
		node: Node | undefined,
		name: string,
		kind: 'object' | 'array',
	): void => {
		if (node !== undefined && node.type !== kind) {
			problems.push(
				problemAt(
					text,
					node.offset,
					`"${name}" must be ${kind === 'array' ? 'a list: [ ]' : 'an object: { }'}`,
				),
			);
		}
	};

	const expectLists = (node: Node | undefined, name: string): void => {
		expect(node, name, 'object');
		for (const member of node?.type === 'object' ? node.children! : []) {
			expect(member.children![1], keyOf(member), 'array');
		}
	};

	const approvers = valueOf(root, 'autoApprovers');
	expect(approvers, 'autoApprovers', 'object');
	expectLists(valueOf(approvers, 'routes'), 'routes');
	expectLists(valueOf(root, 'tagOwners'), 'tagOwners');
	expect(valueOf(root, 'grants'), 'grants', 'array');
	expect(valueOf(root, 'acls'), 'acls', 'array');
	return problems;
};

/** Reads a policy, or says where it is wrong. An empty text is a policy that says nothing. */
export const readPolicyText = (
	text: string,
):
	| {readonly kind: 'policy'; readonly policy: ReadPolicy}
	| {
			readonly kind: 'problems';
			readonly problems: readonly HujsonProblem[];
	  } => {
	const parsed = parseHujson(text.trim() === '' ? '{}' : text);
	if (parsed.kind === 'problems') {
		return parsed;
	}

	const {root} = parsed;
	const problems =
		root.type === 'object'
			? wrongKinds(text, root)
			: [
					problemAt(
						text,
						root.offset,
						'a policy is an object: it begins with {',
					),
				];
	if (problems.length > 0) {
		return {kind: 'problems', problems};
	}

	const grants = valueOf(root, 'grants');
	const acls = valueOf(root, 'acls');
	return {
		kind: 'policy',
		policy: {
			root,
			groups: lists(valueOf(root, 'groups')),
			hosts: new Map(
				entries(valueOf(root, 'hosts')).flatMap(([name, value]) =>
					typeof value === 'string' ? [[name, value] as const] : [],
				),
			),
			tagOwners: lists(valueOf(root, 'tagOwners')),
			approvers: lists(valueOf(valueOf(root, 'autoApprovers'), 'routes')),
			rules:
				grants === undefined && acls === undefined
					? undefined
					: [
							...readRules(grants, 'grants', readGrant),
							...readRules(acls, 'acls', readAcl),
						],
			hasGrants: grants?.type === 'array',
			hasAcls: acls?.type === 'array',
		},
	};
};
