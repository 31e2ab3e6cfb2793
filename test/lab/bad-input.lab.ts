/** What people get wrong: one clear sentence at the right place, a next step, the right exit code, and no host touched. */
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {
	copyFileSync,
	mkdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {
	assertCode,
	fingerprint,
	program,
	stageFor,
	type Outcome,
	type Stage,
} from './support.js';

type NodeInput = NonNullable<ClusterInput['nodes']>[number];

type CheckAnswer = {
	readonly nodes: ReadonlyArray<{
		readonly name: string;
		readonly reached: boolean;
		readonly problem?: string;
		readonly tryNext?: readonly string[];
	}>;
	readonly findings: ReadonlyArray<{
		readonly id: string;
		readonly nodes: readonly string[];
		readonly message: string;
		readonly fixes: readonly string[];
		readonly severity: string;
		readonly ignored: boolean;
	}>;
};

const good: NodeInput = {
	name: 'good',
	role: 'server',
	ssh: 'root@198.51.100.61',
	externalIp: '198.51.100.61',
};

/** An agent on the host that has no sudo, logged in to as root: nothing is wrong with that. */
const agent = (changes: Partial<NodeInput> = {}): NodeInput => ({
	name: 'second',
	role: 'agent',
	ssh: 'root@198.51.100.63',
	externalIp: '198.51.100.63',
	...changes,
});

/** Runs the program with another home folder, and so with other known hosts. */
const runFrom = async (
	stage: Stage,
	home: string | undefined,
	words: readonly string[],
): Promise<Outcome> =>
	stage.lab.client.exec([process.execPath, program, ...words], {
		env: {...stage.env, ...(home !== undefined && {HOME: home})},
		timeoutMs: 60_000,
	});

/** A home folder whose known_hosts is what `change` makes of the right one. */
const makeHome = (
	stage: Stage,
	name: string,
	change: (lines: readonly string[]) => readonly string[],
): string => {
	const home = path.join(stage.folder, name);
	const from = path.join(stage.lab.home, '.ssh');
	const to = path.join(home, '.ssh');
	mkdirSync(to, {recursive: true, mode: 0o700});
	copyFileSync(path.join(from, 'id_ed25519'), path.join(to, 'id_ed25519'));
	const lines = readFileSync(path.join(from, 'known_hosts'), 'utf8')
		.trim()
		.split('\n');
	writeFileSync(path.join(to, 'known_hosts'), `${change(lines).join('\n')}\n`, {
		mode: 0o600,
	});
	return home;
};

test('bad input: a sentence at the right place, a next step, the exit code, and no host is touched', async (t) => {
	const stage = await stageFor('bad');
	t.after(stage.down);
	const {nodes} = stage.lab;
	const traces = async (): Promise<readonly string[]> =>
		Promise.all(nodes.map(async ({name}) => fingerprint(stage, name)));
	const before = await traces();
	const unchanged = async (): Promise<void> => {
		assert.deepEqual(await traces(), before);
	};

	const wrongKey = path.join(stage.folder, 'wrong-key');
	execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrongKey]);
	const keyOf = (lines: readonly string[], address: string): string =>
		lines
			.find((line) => line.startsWith(`${address} `))!
			.slice(address.length + 1);

	/** Nodes that are not reached: on their row, with the exit code of each command. */
	const rows: ReadonlyArray<{
		readonly title: string;
		readonly node: NodeInput;
		readonly home?: string;
		readonly says: RegExp;
		readonly next: RegExp;
		readonly code: number;
	}> = [
		{
			title: 'an unknown host',
			node: agent({ssh: 'root@no-such-host.invalid'}),
			says: /^No address is known for the name no-such-host\.invalid\.$/,
			next: /spelling/,
			code: 3,
		},
		{
			title: 'a refused connection',
			node: agent({ssh: 'root@198.51.100.63:2200'}),
			says: /^198\.51\.100\.63 refuses connections on port 2200\.$/,
			next: /SSH listens on port 2200/,
			code: 3,
		},
		{
			title: 'a wrong key',
			node: agent({
				ssh: {host: '198.51.100.63', user: 'root', identityFile: wrongKey},
			}),
			says: /^198\.51\.100\.63 did not accept the login of root: tried .*wrong-key/,
			next: /ssh-copy-id root@198\.51\.100\.63/,
			code: 3,
		},
		{
			title: 'a key file that is not there',
			node: agent({
				ssh: {host: '198.51.100.63', user: 'root', identityFile: '/no/key'},
			}),
			says: /^The key file \/no\/key for second does not exist\.$/,
			next: /identityFile of second/,
			code: 3,
		},
		{
			title: 'a changed host key',
			node: agent(),
			home: makeHome(stage, 'changed', (lines) =>
				lines.map((line) =>
					line.startsWith('198.51.100.63 ')
						? `198.51.100.63 ${keyOf(lines, '198.51.100.61')}`
						: line,
				),
			),
			says: /^The host key of 198\.51\.100\.63 is not the one that is known: /,
			next: /ssh-keygen -R '198\.51\.100\.63'/,
			code: 3,
		},
		{
			title: 'a host key that nobody knows',
			node: agent(),
			home: makeHome(stage, 'unknown', (lines) =>
				lines.filter((line) => !line.startsWith('198.51.100.63 ')),
			),
			says: /^The host key of 198\.51\.100\.63 \(ssh-ed25519 SHA256:\S+\) was not accepted\.$/,
			next: /ssh-keygen -lf/,
			code: 3,
		},
	];
	for (const {title, node, home, says, next, code} of rows) {
		await t.test(title, async () => {
			stage.writeCluster({nodes: [good, node]});
			const checked = await runFrom(stage, home, [
				'check',
				stage.clusterPath,
				'--json',
			]);
			assertCode(checked, code);
			const answer = JSON.parse(checked.stdout) as CheckAnswer;
			const [first, second] = answer.nodes;
			assert.match(second!.problem ?? '', says);
			assert.match(second!.tryNext?.join('\n') ?? '', next);
			// The other node is looked at all the same, and nothing else is said about this one.
			assert.equal(first!.reached, true);
			assert.equal(first!.problem, undefined);
			assert.deepEqual(
				answer.findings.filter((finding) => finding.nodes.includes('second')),
				[],
			);

			const applied = await runFrom(stage, home, [
				'apply',
				stage.clusterPath,
				'--yes',
			]);
			assertCode(applied, code);
			assert.match(
				applied.stderr,
				new RegExp(`✖ second: ${says.source.slice(1)}`, 'm'),
			);
			assert.match(applied.stderr, next);
			assert.match(applied.stderr, /^Nothing was changed on any node\.$/m);
		});
	}

	await t.test('no refused login has changed a host', unchanged);

	/** Machines that are reached and do not do: findings about them, exit code 1. */
	const findings: ReadonlyArray<{
		readonly title: string;
		readonly node: NodeInput;
		/** All that is told by id, with its sentence and its next step; but for `follows`. */
		readonly told: Readonly<Record<string, readonly [RegExp, RegExp]>>;
		/** Ids of what the measurements show because of it. */
		readonly follows?: readonly string[];
	}> = [
		{
			title: 'no sudo',
			node: agent({ssh: 'nosudo@198.51.100.63'}),
			told: {
				'privilege.root': [
					/^The user nosudo on second is not root, and can not become root/,
					/^Log in to second as root, or /,
				],
			},
		},
		{
			title: 'nothing to measure with',
			node: agent({ssh: 'root@198.51.100.62', externalIp: '198.51.100.62'}),
			told: {
				'tool.probe': [
					/^second has neither Python 3 nor Perl nor bash, /,
					/apt-get install -y python3/,
				],
			},
		},
		{
			title: 'one machine twice',
			node: agent({ssh: 'me@198.51.100.61'}),
			told: {
				'host.same-machine': [
					/^good and second are one machine: /,
					/^Leave one of them out\./,
				],
			},
			follows: [
				'address.external-elsewhere',
				'path.blocked',
				'path.recommended',
				'path.unknown',
			],
		},
		{
			title: 'the external address of another node, so that two have one',
			node: agent({externalIp: '198.51.100.61'}),
			told: {
				'wireguard.external-ip-unique': [
					/^good and second share the external address 198\.51\.100\.61/,
					/^It is on an interface of good: set externalIp of second to its own/,
				],
				'address.other-node': [
					/^The external address 198\.51\.100\.61 of second belongs to good/,
					/^Set externalIp of second to its own address\./,
				],
			},
			follows: ['path.blocked', 'path.recommended'],
		},
		{
			title: "the person's own K3s configuration contradicts",
			node: agent({ssh: 'root@198.51.100.64', externalIp: '198.51.100.64'}),
			told: {
				'k3s.config-conflict': [
					/^\/etc\/rancher\/k3s\/config\.yaml\.d\/90-mine\.yaml on second sets node-external-ip \(203\.0\.113\.99 instead of 198\.51\.100\.64\)/,
					/^Take node-external-ip out of \/etc\/rancher\/k3s\/config\.yaml\.d\/90-mine\.yaml/,
				],
			},
		},
		{
			title: 'no external address',
			node: {name: 'second', role: 'agent', ssh: 'root@198.51.100.63'},
			told: {
				'wireguard.external-ip-required': [
					/^second has no external address\./,
					/^Set externalIp of second to 198\.51\.100\.63,/,
				],
			},
		},
	];
	for (const {title, node, told, follows = []} of findings) {
		await t.test(title, async () => {
			stage.writeCluster({nodes: [good, node]});
			const checked = await runFrom(stage, undefined, [
				'check',
				stage.clusterPath,
				'--json',
			]);
			assertCode(checked, 1);
			const answer = JSON.parse(checked.stdout) as CheckAnswer;
			assert.ok(answer.nodes.every(({reached}) => reached));
			const found = answer.findings.filter(
				({id, severity, ignored}) =>
					severity !== 'info' &&
					!ignored &&
					id !== 'time.ntp' &&
					// The lab has no internet.
					!id.startsWith('outbound.') &&
					!follows.includes(id),
			);
			assert.deepEqual(
				found.map(({id}) => id),
				Object.keys(told),
			);

			const applied = await runFrom(stage, undefined, [
				'apply',
				stage.clusterPath,
				'--yes',
			]);
			assertCode(applied, 1);
			for (const {id, nodes: about, message, fixes} of found) {
				const [says, next] = told[id]!;
				assert.ok(about.includes('second'));
				assert.match(message, says);
				assert.match(fixes.join('\n'), next);
				assert.ok(
					applied.stderr.includes(`✖ ${id}  ${message}\n    ${fixes[0]!}\n`),
					applied.stderr,
				);
			}

			assert.match(applied.stderr, /Nothing was changed\.$/m);
			assert.match(applied.stderr, /^ {2}To go on all the same: --ignore /m);
		});
	}

	await t.test('no finding has changed a host', unchanged);

	/** Files that are wrong: their line, exit code 2, and no host is even contacted. */
	const head = 'version: 1\nname: bad\nnodes:\n';
	const server =
		'  - {name: good, role: server, ssh: root@198.51.100.61, externalIp: 198.51.100.61}\n';
	const files: ReadonlyArray<{
		readonly title: string;
		readonly text: string;
		readonly says: string;
	}> = [
		{
			title: 'a name twice',
			text: `${head}${server}  - {name: good, role: agent, ssh: root@198.51.100.63}\n`,
			says: '5:12 nodes[1].name: must be unique: nodes[0] is called "good", too',
		},
		{
			title: 'invalid YAML',
			text: `${head}${server}  - {name: second, ssh: "root@198.51.100.63}\n`,
			says: '5:25 the quote that opens here is never closed',
		},
		{
			title: 'a missing field',
			text: `${head}${server}  - {name: second, ssh: root@198.51.100.63}\n`,
			says: '5:5 nodes[1].role: is missing: must be "server" or "agent"',
		},
		{
			title: 'a port out of range',
			text: `${head}${server}  - {name: second, role: agent, ssh: {host: 198.51.100.63, port: 70000}}\n`,
			says: '5:66 nodes[1].ssh.port: must be between 1 and 65535',
		},
		{
			title: 'an empty file',
			text: '',
			says: '1:1 the file is empty: a cluster file begins with "version: 1" and "name: …"',
		},
	];
	for (const {title, text, says} of files) {
		await t.test(title, async () => {
			writeFileSync(stage.clusterPath, text);
			for (const words of [['check'], ['plan'], ['apply', '--yes']]) {
				const [command, ...rest] = words;
				const outcome = await runFrom(stage, undefined, [
					command!,
					stage.clusterPath,
					...rest,
				]);
				assertCode(outcome, 2);
				assert.equal(
					outcome.stderr,
					`${stage.clusterPath}:${says}\n  Mend the file and try again. No node was contacted.\n`,
				);
				assert.equal(outcome.stdout, '');
			}
		});
	}

	await t.test('a file that is not there', async () => {
		rmSync(stage.clusterPath);
		const outcome = await stage.apply();
		assertCode(outcome, 2);
		assert.match(outcome.stderr, /^There is no file .*cluster\.yaml\.\n {2}\S/);
	});

	await t.test('no file has changed a host', unchanged);
});
