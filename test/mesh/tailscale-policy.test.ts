import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {parse, type ParseError} from 'jsonc-parser';
import type {
	PolicyDialect,
	PolicyJudgement,
	PolicyNeeds,
} from '../../source/mesh/tailscale-policy.js';
import {judgePolicy} from '../../source/mesh/tailscale-policy-judge.js';
import {mergePolicy} from '../../source/mesh/tailscale-policy-merge.js';
import {policyStanza} from '../../source/mesh/tailscale-policy-stanza.js';

const tagged: PolicyNeeds = {
	identity: {kind: 'tag', tag: 'tag:k3s-node'},
	podCidrs: ['10.42.0.0/16'],
	dialect: {kind: 'tailscale'},
	tagOwners: ['autogroup:admin'],
};

const dualStack: PolicyNeeds = {
	...tagged,
	podCidrs: ['10.42.0.0/16', '2001:cafe:42::/56'],
};

const owned: PolicyNeeds = {
	...tagged,
	identity: {kind: 'account', login: 'ann@example.org'},
};

const headscale = (minor: number): PolicyDialect => ({
	kind: 'headscale',
	api: {version: `0.${minor}.0`, minor},
});

const judge = (policy: unknown, needs: PolicyNeeds): PolicyJudgement => {
	const judged = judgePolicy(
		typeof policy === 'string' ? policy : JSON.stringify(policy),
		needs,
	);
	assert.ok(judged.kind === 'judged');
	return judged.judgement;
};

const paths = (policy: unknown, needs: PolicyNeeds): string => {
	const {nodesToNodes, nodesToPods, podsToPods} = judge(policy, needs);
	return [nodesToNodes, nodesToPods, podsToPods]
		.map(({answer}) => answer)
		.join(' ');
};

const grant = (
	source: string,
	target: string,
	more: Record<string, unknown> = {},
) => ({grants: [{src: [source], dst: [target], ip: ['*'], ...more}]});

test('what a selector means for nodes and pods', () => {
	const table: ReadonlyArray<readonly [unknown, PolicyNeeds, string]> = [
		[grant('*', '*'), tagged, 'yes yes yes'],
		[
			{acls: [{action: 'accept', src: ['*'], dst: ['*:*']}]},
			tagged,
			'yes yes yes',
		],
		// The old names, and capitals as the first policies had them.
		[
			{ACLs: [{Action: 'accept', Users: ['*'], Ports: ['*:*']}]},
			tagged,
			'yes yes yes',
		],
		[{acls: [{action: 'deny', src: ['*'], dst: ['*:*']}]}, tagged, 'no no no'],
		[{acls: []}, tagged, 'no no no'],
		[{grants: []}, tagged, 'no no no'],
		[grant('tag:k3s-node', 'tag:k3s-node'), tagged, 'yes no no'],
		[grant('tag:other', 'tag:k3s-node'), tagged, 'no no no'],
		[grant('tag:k3s-node', '10.42.0.0/16'), tagged, 'no yes no'],
		[grant('10.42.0.0/16', '10.0.0.0/8'), tagged, 'no no yes'],
		[grant('10.42.0.0/24', '10.42.0.0/16'), tagged, 'no no unknown'],
		[grant('10.43.0.0/16', '10.42.0.0/16'), tagged, 'no no no'],
		[grant('100.64.0.0/10', '100.64.0.0/10'), tagged, 'yes no no'],
		[grant('100.64.0.0/10', '*'), dualStack, 'unknown unknown no'],
		[grant('100.64.0.0/16', '*'), tagged, 'unknown unknown no'],
		[grant('autogroup:tagged', 'autogroup:tagged'), tagged, 'yes no no'],
		[grant('autogroup:tagged', 'autogroup:tagged'), owned, 'no no no'],
		[grant('autogroup:member', 'autogroup:self'), owned, 'yes no no'],
		[grant('autogroup:member', 'autogroup:self'), tagged, 'no no no'],
		[grant('autogroup:admin', '*'), owned, 'unknown unknown no'],
		[grant('autogroup:internet', '*'), tagged, 'no no no'],
		[grant('ann@example.org', 'ANN@example.org'), owned, 'yes no no'],
		[grant('bob@example.org', '*'), owned, 'no no no'],
		[grant('user:*@example.org', '*'), owned, 'unknown unknown no'],
		[grant('ipset:pods', 'ipset:pods'), tagged, 'unknown unknown unknown'],
		[grant('10.42.0.1-10.42.0.9', '*'), tagged, 'unknown unknown unknown'],
		[
			{groups: {'group:ops': ['ann@example.org']}, ...grant('group:ops', '*')},
			owned,
			'yes yes no',
		],
		[
			{groups: {'group:ops': ['bob@example.org']}, ...grant('group:ops', '*')},
			owned,
			'no no no',
		],
		[grant('group:unknown', '*'), owned, 'unknown unknown unknown'],
		[
			{hosts: {pods: '10.42.0.0/16'}, ...grant('pods', 'pods')},
			tagged,
			'no no yes',
		],
		[
			grant('*', '*', {srcPosture: ['posture:x']}),
			tagged,
			'unknown unknown unknown',
		],
		[grant('*', '*', {via: ['tag:x']}), tagged, 'unknown unknown unknown'],
		[grant('*', '*', {ip: undefined, app: {x: []}}), tagged, 'no no no'],
		[grant('*', '*', {ip: ['tcp:*']}), tagged, 'no no no'],
		[grant('*', '*', {ip: ['tcp:*', 'udp:*']}), tagged, 'yes yes yes'],
		[grant('*', '*', {ip: ['0-30000', '30001-65535']}), tagged, 'yes yes yes'],
		[grant('*', '*', {ip: ['icmp:*']}), tagged, 'no no no'],
		[grant('*', '*', {ip: ['what?']}), tagged, 'unknown unknown unknown'],
		[
			{acls: [{action: 'accept', proto: 'tcp', src: ['*'], dst: ['*:*']}]},
			tagged,
			'no no no',
		],
		[
			{acls: [{action: 'accept', src: ['*'], dst: ['*:22']}]},
			tagged,
			'no no no',
		],
		[
			{
				acls: [
					{
						action: 'accept',
						src: ['2001:cafe:42::/56'],
						dst: ['2001:cafe:42::/56:*'],
					},
				],
			},
			{...tagged, podCidrs: ['2001:cafe:42::/56']},
			'no no yes',
		],
		// One family of two is not enough.
		[grant('10.42.0.0/16', '10.42.0.0/16'), dualStack, 'no no no'],
		// Two rules together.
		[
			{
				grants: [{src: ['*'], dst: ['*'], ip: ['tcp:*']}],
				acls: [{action: 'accept', proto: 'udp', src: ['*'], dst: ['*:*']}],
			},
			tagged,
			'yes yes yes',
		],
		[{}, tagged, 'unknown unknown unknown'],
		[{}, {...tagged, dialect: headscale(28)}, 'yes yes yes'],
		['', {...tagged, dialect: headscale(29)}, 'yes yes yes'],
		[grant('*', '*'), {...tagged, podCidrs: []}, 'yes yes yes'],
	];
	for (const [policy, needs, expected] of table) {
		assert.equal(paths(policy, needs), expected, JSON.stringify(policy));
	}
});

test('nodes need only the ports that are asked for', () => {
	const policy = grant('tag:k3s-node', 'tag:k3s-node', {
		ip: ['tcp:6443', 'tcp:10250'],
	});
	const flow = (port: number) =>
		({protocol: 'tcp', from: port, to: port}) as const;
	assert.equal(
		judge(policy, {...tagged, nodeFlows: [flow(6443), flow(10_250)]})
			.nodesToNodes.answer,
		'yes',
	);
	assert.deepEqual(
		judge(policy, {...tagged, nodeFlows: [flow(6443), flow(2379)]})
			.nodesToNodes,
		{
			answer: 'no',
			reason: 'No rule lets tag:k3s-node reach tag:k3s-node on tcp:2379.',
		},
	);
});

test('whether routes are approved by themselves', () => {
	const table: ReadonlyArray<readonly [unknown, PolicyNeeds, string]> = [
		[{'10.42.0.0/16': ['tag:k3s-node']}, tagged, 'yes'],
		[{'10.0.0.0/8': ['tag:k3s-node']}, tagged, 'yes'],
		[{'0.0.0.0/0': ['autogroup:tagged']}, tagged, 'yes'],
		[{'10.42.0.0/16': ['tag:other']}, tagged, 'no'],
		[{'10.42.0.0/24': ['tag:k3s-node']}, tagged, 'unknown'],
		[{'10.43.0.0/16': ['tag:k3s-node']}, tagged, 'no'],
		[{'10.42.0.0/16': ['*', '100.64.0.0/10']}, tagged, 'no'],
		[{'10.42.0.0/16': ['ann@example.org']}, owned, 'yes'],
		[{'10.42.0.0/16': ['group:ops']}, owned, 'yes'],
		[{'10.42.0.0/16': ['autogroup:admin']}, owned, 'unknown'],
		[{'10.42.0.0/16': ['tag:k3s-node']}, owned, 'no'],
	];
	for (const [routes, needs, expected] of table) {
		const {autoApproval} = judge(
			{
				groups: {'group:ops': ['ann@example.org']},
				autoApprovers: {routes},
			},
			needs,
		);
		assert.equal(autoApproval[0]!.answer, expected, JSON.stringify(routes));
	}
});

test('the stanza is a policy with which the cluster works, in every form and dialect', () => {
	for (const needs of [tagged, dualStack, owned]) {
		for (const form of ['grants', 'acls'] as const) {
			const stanza = policyStanza(needs, form);
			const judgement = judge(stanza, needs);
			assert.equal(paths(stanza, needs), 'yes yes yes', stanza);
			assert.equal(judgement.tagDefined.answer, 'yes');
			assert.ok(judgement.autoApproval.every(({answer}) => answer === 'yes'));
		}
	}

	assert.equal(
		policyStanza(tagged, 'grants'),
		`{
	// Who may give the tag to a node.
	"tagOwners": {"tag:k3s-node": ["autogroup:admin"]},
	// Nodes' parts of the pod network are approved when they are offered.
	"autoApprovers": {"routes": {"10.42.0.0/16": ["tag:k3s-node"]}},
	// Nodes and pods of K3s reach each other.
	"grants": [
		{
			"src": ["tag:k3s-node", "10.42.0.0/16"],
			"dst": ["tag:k3s-node", "10.42.0.0/16"],
			"ip": ["*"],
		},
	],
}
`,
	);
});

const merge = (text: string, needs: PolicyNeeds): string => {
	const merged = mergePolicy(text, needs);
	assert.ok(merged.kind === 'merged');
	return merged.text;
};

test('what is missing is added beside what is there, and nothing else moves', () => {
	const before = `// Ours.
{
	/* People. */
	"groups": {"group:ops": ["ann@example.org"]}, // two soon
	"tagOwners": {
		"tag:web": ["group:ops"], // the site
		// more to come
	},
	"acls": [
		// SSH for operators.
		{"action": "accept", "src": ["group:ops"], "dst": ["*:22"]}, // do not close
	],
	"autoApprovers": {"routes": {"192.168.0.0/24": ["group:ops"]}},
}
`;
	assert.equal(
		merge(before, tagged),
		`// Ours.
{
	/* People. */
	"groups": {"group:ops": ["ann@example.org"]}, // two soon
	"tagOwners": {
		"tag:web": ["group:ops"], // the site
		"tag:k3s-node": ["autogroup:admin"],
		// more to come
	},
	"acls": [
		// SSH for operators.
		{"action": "accept", "src": ["group:ops"], "dst": ["*:22"]}, // do not close
		// Nodes and pods of K3s reach each other.
		{
			"action": "accept",
			"src": ["tag:k3s-node", "10.42.0.0/16"],
			"dst": ["tag:k3s-node:*", "10.42.0.0/16:*"],
		},
	],
	"autoApprovers": {"routes": {"192.168.0.0/24": ["group:ops"], "10.42.0.0/16": ["tag:k3s-node"]}},
}
`,
	);
});

test('a policy that lets everything through gets no rule, and one without rules keeps none', () => {
	const open = '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}';
	const merged = mergePolicy(open, tagged);
	assert.ok(merged.kind === 'merged');
	assert.deepEqual(
		merged.changes.map((change) => change.split(':', 1)[0]),
		['tagOwners', 'autoApprovers'],
	);

	for (const needs of [tagged, {...tagged, dialect: headscale(28)}]) {
		const bare = merge('{"groups": {}}', needs);
		assert.ok(!/grants|acls/.test(bare), bare);
	}

	assert.equal(
		merge('', {...owned, dialect: headscale(29)}),
		'{\n\t"autoApprovers": {"routes": {"10.42.0.0/16": ["ann@example.org"]}},\n}\n',
	);
});

test('a tag that the policy names has owners in it', () => {
	// A real headscale refuses a policy whose tags have none.
	assert.equal(
		merge('', {
			...tagged,
			dialect: headscale(29),
			tagOwners: ['k3s@'],
		}),
		`{
	"tagOwners": {"tag:k3s-node": ["k3s@"]},
	"autoApprovers": {"routes": {"10.42.0.0/16": ["tag:k3s-node"]}},
}
`,
	);
});

test('rules go where the server reads them', () => {
	const grants = '{\n  "grants": [],\n  "acls": []\n}\n';
	assert.match(merge(grants, tagged), /"grants": \[\n {4}\/\//);
	const old = {...tagged, dialect: headscale(28), tagOwners: ['k3s@']};
	assert.match(merge('{\n  "acls": []\n}\n', old), /"acls": \[\n {4}\/\//);
});

test('a policy that can not be read is left alone, and its place is named', () => {
	const broken: ReadonlyArray<readonly [string, number, RegExp]> = [
		['{\n\t"acls": [,]\n}', 2, /value/],
		['{\n\t"acls": [\n', 3, /closing/],
		['{"acls": {}}', 1, /"acls" must be a list/],
		['{\n"tagOwners": {"tag:x": "ann"}}', 2, /"tag:x" must be a list/],
		['[]', 1, /an object/],
		['{"acls": [],\n"acls": []}', 2, /twice/],
		['nonsense', 1, /no value/],
	];
	for (const [text, line, expected] of broken) {
		const merged = mergePolicy(text, tagged);
		assert.ok(merged.kind === 'problems', text);
		assert.equal(merged.problems[0]!.line, line, text);
		assert.match(merged.problems[0]!.message, expected, text);
	}
});

/** Policies as people write them: with comments, trailing commas, on one line or on many. */
const selector = fc.constantFrom(
	'*',
	'tag:k3s-node',
	'tag:web',
	'group:ops',
	'ann@example.org',
	'10.42.0.0/16',
	'10.0.0.0/8',
	'100.64.0.0/10',
	'autogroup:member',
	'ipset:x',
);
const selectors = fc.array(selector, {maxLength: 3});
const policyData = fc.record(
	{
		groups: fc.constant({'group:ops': ['ann@example.org']}),
		tagOwners: fc.dictionary(
			fc.constantFrom('tag:web', 'tag:k3s-node'),
			selectors,
			{maxKeys: 2},
		),
		autoApprovers: fc.record({
			routes: fc.dictionary(
				fc.constantFrom('10.42.0.0/16', '10.0.0.0/8', '192.0.2.0/24'),
				selectors,
				{maxKeys: 2},
			),
		}),
		grants: fc.array(
			fc.record({
				src: selectors,
				dst: selectors,
				ip: fc.constantFrom(['*'], ['tcp:443'], ['tcp:*', 'udp:*']),
			}),
			{maxLength: 3},
		),
		acls: fc.array(
			fc.record({
				action: fc.constant('accept'),
				src: selectors,
				dst: selectors.map((list) => list.map((one) => `${one}:*`)),
			}),
			{maxLength: 3},
		),
		randomizeClientPort: fc.boolean(),
	},
	{requiredKeys: []},
);

type Style = {
	readonly indent: number | string;
	readonly comments: readonly boolean[];
	readonly trailing: boolean;
	readonly crlf: boolean;
};

/** Writes data as a person would: a comment beside or above lines, commas at the end or not. */
const write = (data: unknown, style: Style): string => {
	const lines = JSON.stringify(data, null, style.indent).split('\n');
	const lineBreak = style.crlf ? '\r\n' : '\n';
	const text = lines
		.map((line, index) => {
			const next = lines[index + 1]?.trim();
			const comma =
				style.trailing &&
				next !== undefined &&
				/^[\]}]/.test(next) &&
				!/[[{,]$/.test(line)
					? ','
					: '';
			const comment =
				lines.length > 1 && style.comments[index % style.comments.length]
					? ` // comment ${index}, with a "quote" and a {`
					: '';
			return `${line}${comma}${comment}`;
		})
		.join(lineBreak);
	return `${text}${lineBreak}`;
};

const style = fc.record({
	indent: fc.constantFrom<number | string>(0, 2, '\t'),
	comments: fc.array(fc.boolean(), {minLength: 1, maxLength: 5}),
	trailing: fc.boolean(),
	crlf: fc.boolean(),
});

const readData = (text: string): Record<string, unknown> => {
	const errors: ParseError[] = [];
	const data = parse(text, errors, {
		allowTrailingComma: true,
	}) as Record<string, unknown>;
	assert.deepEqual(errors, [], text);
	return data;
};

const anyNeeds = fc.constantFrom(
	tagged,
	dualStack,
	owned,
	{...tagged, dialect: headscale(28), tagOwners: ['k3s@']},
	{...owned, dialect: headscale(29)},
);

test('merging keeps every comment and every value, works, and changes nothing the second time', () => {
	fc.assert(
		fc.property(policyData, style, anyNeeds, (data, written, needs) => {
			const before = write(data, written);
			const merged = mergePolicy(before, needs);
			assert.ok(merged.kind === 'merged');
			const after = merged.text;
			assert.deepEqual(mergePolicy(after, needs), {
				kind: 'merged',
				text: after,
				changes: [],
			});
			assert.equal(after === before, merged.changes.length === 0);
			if (written.crlf) {
				assert.ok(!/[^\r]\n/.test(after), after);
			}

			const comments = before.match(/\/\/.*/g) ?? [];
			let at = 0;
			for (const comment of comments) {
				at = after.indexOf(comment, at);
				assert.ok(at >= 0, comment);
				at += comment.length;
			}

			const old = readData(before);
			const fresh = readData(after);
			for (const [key, value] of Object.entries(old)) {
				if (Array.isArray(value)) {
					assert.deepEqual(
						(fresh[key] as unknown[]).slice(0, value.length),
						value,
					);
				} else if (key === 'tagOwners') {
					assert.deepEqual(
						{...(fresh[key] as object), ...(value as object)},
						fresh[key],
					);
				} else if (key !== 'autoApprovers') {
					assert.deepEqual(fresh[key], value);
				}
			}

			const judgement = judge(after, needs);
			assert.ok(judgement.autoApproval.every(({answer}) => answer === 'yes'));
			assert.equal(judgement.tagDefined.answer, 'yes');
			if (old.grants !== undefined || old.acls !== undefined) {
				assert.equal(paths(after, needs), 'yes yes yes');
			}
		}),
		{numRuns: 60},
	);
});
