import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import test, {type TestContext} from 'node:test';
import {controller} from '../../source/facts/measurements.js';
import {
	assertCode,
	fingerprint,
	kubectl,
	stageFor,
	type Stage,
} from './support.js';
import {waitFor, type LabNode} from './index.js';

type CheckAnswer = {
	readonly cells: ReadonlyArray<{
		readonly from: string;
		readonly to: string;
		readonly addressKind: string;
		readonly protocol: string;
		readonly port: number;
		readonly verdict: {readonly kind: string};
	}>;
	readonly findings: ReadonlyArray<{
		readonly id: string;
		readonly nodes: readonly string[];
		readonly fixes: readonly string[];
	}>;
};

const check = async (
	stage: Stage,
	code: number,
): Promise<CheckAnswer & {readonly blocked: readonly string[]}> => {
	const outcome = await stage.run(['check', stage.clusterPath, '--json']);
	assertCode(outcome, code);
	const answer = JSON.parse(outcome.stdout) as CheckAnswer;
	return {
		...answer,
		blocked: answer.cells
			.filter(
				({from, verdict}) =>
					// The firewalls are opened for the nodes, not for where the person sits.
					from !== controller && ['filtered', 'refused'].includes(verdict.kind),
			)
			.map(
				({from, to, addressKind, protocol, port, verdict}) =>
					`${from} > ${to} ${addressKind} ${protocol}/${port} ${verdict.kind}`,
			)
			.toSorted(),
	};
};

/** Nothing is blocked, and nothing is found that a firewall could have to do with. */
const assertOpen = async (stage: Stage): Promise<void> => {
	const {blocked, findings} = await check(stage, 0);
	assert.deepEqual(blocked, []);
	assert.deepEqual(
		findings.filter(
			({id}) =>
				id !== 'path.controller' && /^(?:path|forwarding|server)\./.test(id),
		),
		[],
	);
};

const fingerprints = async (stage: Stage): Promise<string[]> =>
	Promise.all(stage.lab.nodes.map(async ({name}) => fingerprint(stage, name)));

/** What a person has in the host's firewalls: all but what we, K3s and counters wrote. */
const ownRules = async (node: LabNode): Promise<string> => {
	const {stdout} = await node.exec(`
if systemctl -q is-active firewalld; then
	firewall-cmd --permanent --zone=public --list-all
	firewall-cmd --zone=public --list-all
elif systemctl -q is-active nftables; then
	nft list table inet filter | sed '/^\tchain k3s_mesh_/,/^\t}/d'
elif [ -e /etc/iptables/rules.v4 ]; then
	iptables -S | grep -Ev 'FLANNEL|KUBE|flanneld'
else
	ufw status
fi | grep -vE 'k3s-mesh|rule family=|^\\s*$'
cat /etc/nftables.conf /etc/iptables/rules.v4 2>/dev/null
:`);
	return stdout;
};

const allOwnRules = async (nodes: readonly LabNode[]): Promise<string[]> =>
	Promise.all(nodes.map(async (node) => ownRules(node)));

/** A shell on a host through its sshd, held open; `answers` tells whether it still does. */
const session = async (t: TestContext, stage: Stage, node: LabNode) => {
	const {lab} = stage;
	const child = lab.client.spawn(
		[
			'ssh',
			'-F',
			'none',
			'-i',
			lab.sshKey,
			'-o',
			'BatchMode=yes',
			'-o',
			`UserKnownHostsFile=${lab.home}/.ssh/known_hosts`,
			`root@${node.sshAddress}`,
			'cat',
		],
		{stdio: ['pipe', 'pipe', 'inherit']},
	);
	t.after(() => child.kill());
	const lines = createInterface({input: child.stdout!});
	const answers = async (word: string): Promise<void> => {
		const answer = once(lines, 'line', {signal: AbortSignal.timeout(20_000)});
		child.stdin!.write(`${word}\n`);
		assert.deepEqual(await answer, [word], node.name);
	};

	await answers('before');
	return {answers};
};

const rebootAll = async (nodes: readonly LabNode[]): Promise<void> => {
	await Promise.all(nodes.map(async (node) => node.reboot()));
};

test('fw: the checks name exactly what is blocked, and the install does not start unless overridden', async (t) => {
	const stage = await stageFor('fw');
	t.after(stage.down);
	const {nodes} = stage.lab;
	const denied = 'wall';
	const dropped = 'gate';

	const {blocked, findings} = await check(stage, 1);
	const expected = nodes
		.flatMap(({name}) => [
			...(name === denied
				? []
				: [`${name} > ${denied} external udp/51820 filtered`]),
			// The firewall drops what comes in from outside; a host reaches its own address over loopback.
			...(name === dropped
				? []
				: [`${name} > ${dropped} external tcp/6443 filtered`]),
		])
		.toSorted();
	assert.deepEqual(blocked, expected);
	const fixesTo = (name: string) =>
		findings
			.filter(
				({id, nodes: of}) =>
					(id === 'path.blocked' && of.at(-1) === name) ||
					(id === 'path.one-way' && of[0] === name),
			)
			.flatMap(({fixes}) => fixes);
	assert.ok(
		fixesTo(dropped).includes(
			`nft add rule inet filter k3s_mesh_input ip saddr 198.51.100.52 tcp dport 6443 accept comment '"k3s-mesh ip saddr 198.51.100.52 tcp dport 6443"'`,
		),
		fixesTo(dropped).join('\n'),
	);
	assert.ok(
		fixesTo(denied).includes(
			`ufw prepend allow proto udp from 198.51.100.51 to any port 51820 comment 'k3s-mesh WireGuard from gate'`,
		),
		fixesTo(denied).join('\n'),
	);

	const before = await fingerprints(stage);
	const refused = await stage.apply();
	assertCode(refused, 1);
	assert.match(refused.stderr, /Nothing was changed/);
	assert.match(refused.stderr, /51820/);
	assert.match(refused.stderr, /6443/);
	assert.deepEqual(await fingerprints(stage), before);

	// Overridden, the plan opens both host firewalls itself.
	const own = await allOwnRules(nodes);
	assertCode(await stage.apply('--ignore', 'path.blocked'), 0);
	await assertOpen(stage);
	assert.deepEqual(await allOwnRules(nodes), own);

	// What is open now is open for the nodes: the person's drop holds for everybody else.
	const unreached = await kubectl(
		stage,
		'get',
		'nodes',
		'--request-timeout=2s',
	);
	assert.notEqual(unreached.code, 0);

	const installed = await fingerprints(stage);
	const again = await stage.apply();
	assertCode(again, 0);
	assert.match(again.stderr, /nothing was changed/);
	assert.deepEqual(await fingerprints(stage), installed);

	await stage.lab.node(dropped).reboot();
	await assertOpen(stage);
});

test('fw-kinds: each kind of firewall is opened for the cluster and for good, and SSH is never cut', async (t) => {
	const stage = await stageFor('fw-kinds');
	t.after(stage.down);
	const {nodes} = stage.lab;
	const own = await allOwnRules(nodes);
	const sessions = await Promise.all(
		nodes.map(async (node) => session(t, stage, node)),
	);

	// Its last stage proves that pods of all nodes reach each other, the logs and the metrics.
	assertCode(await stage.apply('--ignore', 'path.blocked'), 0);
	await assertOpen(stage);
	for (const {answers} of sessions) {
		await answers('after');
	}

	assert.deepEqual(await allOwnRules(nodes), own);

	// A firewall that is loaded anew gets our rules back at once, and only once.
	const chains = stage.lab.node('chains');
	const tables = stage.lab.node('tables');
	const rulesOf = async (node: LabNode) => {
		const {stdout} = await node.exec(
			'nft list table inet filter 2>/dev/null | grep k3s; iptables -S | grep k3s-mesh; :',
		);
		return stdout.split('\n').toSorted().join('\n');
	};

	const opened = await rulesOf(chains);
	const openedTables = await rulesOf(tables);
	for (const command of [
		'systemctl reload nftables',
		'systemctl restart nftables',
		'systemctl restart k3s-mesh-firewall',
	]) {
		await chains.exec(command);
		await waitFor(
			`our rules are not back after ${command}`,
			async () => ((await rulesOf(chains)) === opened ? true : undefined),
			{timeoutMs: 20_000, everyMs: 200},
		);
	}

	await tables.exec('systemctl restart netfilter-persistent');
	await waitFor(
		'our rules are not back after netfilter-persistent',
		async () => ((await rulesOf(tables)) === openedTables ? true : undefined),
		{timeoutMs: 20_000, everyMs: 200},
	);

	await rebootAll(nodes);
	await assertOpen(stage);
	const afterwards = await stage.apply();
	assertCode(afterwards, 0);
	assert.match(afterwards.stderr, /nothing was changed/);
	assert.deepEqual(await allOwnRules(nodes), own);

	// What the manifest lists takes our rules away again, and nothing else.
	for (const node of nodes) {
		await node.exec(removeOurs);
		const left = await node.exec(
			'ufw status; iptables -S; nft list ruleset; firewall-cmd --list-all --permanent; firewall-cmd --list-all --zone=trusted --permanent; :',
		);
		assert.doesNotMatch(
			left.stdout,
			/k3s-mesh \w|rule family=|interfaces:.*cni0/,
			node.name,
		);
	}

	assert.deepEqual(await allOwnRules(nodes), own);
});

/** Runs the words that the manifest keeps for taking our rules back. */
const removeOurs = `python3 - <<'END'
import json, subprocess
rules = json.load(open('/var/lib/k3s-mesh/manifest.json'))['firewall']['rules']
for words in {tuple(rule['remove']): None for rule in rules}:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
END`;
