/** What the labs of clusters on a tailnet share. */
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import type {TestContext} from 'node:test';
import type {ClusterInput} from '../../../source/cluster/schema.js';
import type {InstallEvent, Proof} from '../../../source/install/events.js';
import {
	assertCode,
	fingerprint,
	stageFor,
	type Outcome,
	type Stage,
} from '../support.js';
import type {Topology} from '../topology.js';
import {commandLines} from '../watch-command-lines.js';
import {topologies, type LabNode} from '../index.js';
import {firstTag} from './settings.js';

/** A public server, and two agents behind routers. */
export const tailnet = topologies.find(({name}) => name === 'tailnet')!;

/** A public server, and an agent behind a router. */
export const pair: Topology = {
	...tailnet,
	name: 'tailnet-pair',
	hosts: tailnet.hosts.filter(({name}) => name !== 'cabin1'),
};

/** A mesh of a tailnet, as a cluster file has it. */
export type TailnetMesh = Exclude<
	NonNullable<ClusterInput['mesh']>,
	{kind: 'wireguard-native'}
>;

/** Brings a topology up with a cluster file for its tailnet. Nothing of the nodes comes from the internet. */
export const tailnetStage = async (
	t: TestContext,
	topology: Topology,
	mesh: (stage: Stage) => Promise<TailnetMesh>,
): Promise<Stage> => {
	const stage = await stageFor(topology);
	t.after(stage.down);
	const {mirror} = stage.lab;
	stage.writeCluster({
		mesh: await mesh(stage),
		mirrors: {
			installScript: mirror.installScript,
			releases: mirror.releases,
			channels: mirror.channels,
			tailscaleArchives: mirror.tailscale,
		},
	});
	return stage;
};

/** Puts a secret into a file of the client, as a cluster file names it. */
export const secretFile = (
	stage: Stage,
	name: string,
	secret: string,
): string => {
	const file = path.join(stage.folder, name);
	writeFileSync(file, `${secret}\n`, {mode: 0o600});
	return `file:${file}`;
};

/** Logs a node in as its owner would, by hand; `words` are further options of `tailscale up`. */
export const logIn = async (
	stage: Stage,
	node: LabNode,
	key: string,
	words: readonly string[] = [],
	controlServer: string = stage.lab.headscale.url,
): Promise<void> => {
	const {code, stderr} = await node.exec(
		`
umask 077
cat >/root/key
# After a login that failed tailscaled takes a long breath before the next.
systemctl restart tailscaled
tailscale up --auth-key=file:/root/key --login-server='${controlServer}' --timeout=60s ${words.join(' ')} || code=$?
rm /root/key
exit \${code:-0}
`,
		{input: key, timeoutMs: 90_000},
	);
	assert.equal(code, 0, `${node.name}: ${stderr}`);
};

/** What an apply with `--progress json` told. */
export const eventsIn = ({stdout}: Outcome): readonly InstallEvent[] =>
	stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as InstallEvent);

/** What its verification showed. */
export const proofsIn = (outcome: Outcome): readonly Proof[] =>
	eventsIn(outcome).flatMap((event) =>
		event.type === 'proof' ? [event.proof] : [],
	);

/** Every proof of a kind that was wanted is there, and good. */
export const assertProven = (
	proofs: readonly Proof[],
	kind: Proof['kind'],
	count: number,
): void => {
	const own = proofs.filter((proof) => proof.kind === kind);
	assert.equal(own.length, count, `${kind}: ${JSON.stringify(own)}`);
	for (const {ok, detail} of own) {
		assert.ok(ok, `${kind}: ${detail}`);
	}
};

/** A second apply changes nothing. */
export const assertUnchanged = async (stage: Stage): Promise<void> => {
	const before = new Map<string, string>();
	for (const {name} of stage.lab.nodes) {
		before.set(name, await fingerprint(stage, name));
	}

	const again = await stage.apply();
	assertCode(again, 0);
	assert.match(again.stderr, /nothing was changed/);
	for (const [name, print] of before) {
		assert.equal(await fingerprint(stage, name), print, name);
	}
};

/** Keys are nowhere on the nodes: no file, no command line, no journal; and not in what was printed. */
export const assertNowhere = async (
	stage: Stage,
	keys: readonly string[],
	printed: string,
): Promise<void> => {
	assert.ok(!keys.some((key) => printed.includes(key)), 'a key was printed');
	for (const node of stage.lab.nodes) {
		// The search itself has the keys in no command line.
		const {stdout} = await node.exec(
			`
systemctl stop watch-command-lines || :
grep -c 'tailscale up' ${commandLines} || :
cat >/dev/shm/searched
grep -rIlF --exclude-dir=proc --exclude-dir=sys --exclude=searched -f /dev/shm/searched / 2>/dev/null || :
journalctl --no-pager -o cat | grep -cF -f /dev/shm/searched || :
`,
			{input: keys.join('\n')},
		);
		const lines = stdout.trim().split('\n');
		assert.notEqual(lines[0], '0', `${node.name}: the watcher saw no login`);
		assert.deepEqual(
			lines.slice(1),
			['0'],
			`${node.name}: a key is in ${stdout}`,
		);
	}
};

/** A mesh whose nodes log in with a new key of the lab's headscale. */
export const joiningByKey = async (
	stage: Stage,
	kind: TailnetMesh['kind'],
): Promise<TailnetMesh> => ({
	kind,
	controlServer: stage.lab.headscale.url,
	authKeyFrom: secretFile(
		stage,
		'key',
		await stage.lab.headscale.createKey({tags: [firstTag]}),
	),
	tags: [firstTag],
});
