import assert from 'node:assert/strict';
import {
	existsSync,
	lstatSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, test} from 'node:test';
import {parse} from 'yaml';
import type {Host} from '../../source/host/host.js';
import {makeRedactor} from '../../source/host/redactor.js';
import {
	dropKubeconfig,
	fetchKubeconfig,
} from '../../source/operations/kubeconfig.js';
import type {Fleet, World} from '../../source/operations/operations.js';
import {clusterOf} from '../install/fake-run.js';

const admin = (authority = 'Q0E=') => `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${authority}
    server: https://127.0.0.1:6443
  name: default
contexts:
- context: {cluster: default, user: default}
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZLXNlY3JldA==
`;

/** A user's own kubeconfig, with comments and another cluster. */
const own = `# mine, hands off
apiVersion: v1
kind: Config
current-context: work
clusters:
  # the office
  - name: work
    cluster: {server: "https://work.example:6443"} # flow on purpose
contexts:
  - name: work
    context: {cluster: work, user: work}
users:
  - name: work
    user:
      token: abc
`;

/** As much of a kubeconfig as these tests look at. */
type Kubeconfig = {
	readonly 'current-context': string;
	readonly clusters: ReadonlyArray<{
		readonly cluster: Readonly<Record<string, unknown>>;
	}>;
	readonly contexts: readonly unknown[];
	readonly users: ReadonlyArray<{
		readonly user: Readonly<Record<string, unknown>>;
	}>;
};
const parseConfig = (text: string): Kubeconfig => parse(text) as Kubeconfig;

let folder: string;
let file: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-kubeconfig-'));
	file = path.join(folder, 'config');
});
afterEach(() => {
	rmSync(folder, {recursive: true});
});

const cluster = clusterOf(['fra1', 'nuc']);

const fetch = async (
	options: {
		readonly text?: string | undefined;
		readonly reachable?: readonly string[];
		readonly apiEndpoint?: string;
		readonly replace?: boolean;
		/** Addresses that do not answer until one stops waiting. */
		readonly silent?: readonly string[];
	} = {},
) => {
	const asked: string[] = [];
	const host = {
		run: async () => ('text' in options ? options.text : admin()),
	} as unknown as Host;
	const fleet = {
		hosts: () => new Map([['fra1', host]]),
		facts: () => new Map(),
	} as unknown as Fleet;
	const redactor = makeRedactor();
	const world = {
		demo: false,
		redactor,
		async canReach(address: string, _port: number, signal: AbortSignal) {
			if (options.silent?.includes(address)) {
				await new Promise((resolve) => {
					signal.addEventListener('abort', resolve);
				});
				return false;
			}

			return (options.reachable ?? ['198.51.100.1']).includes(address);
		},
	} as unknown as World;
	const result = await fetchKubeconfig({
		cluster: {
			...cluster,
			...(options.apiEndpoint !== undefined && {
				apiEndpoint: options.apiEndpoint,
			}),
			...(options.silent !== undefined && {
				nodes: cluster.nodes.map((node) => ({
					...node,
					role: 'server' as const,
				})),
			}),
		},
		fleet,
		world,
		path: file,
		signal: new AbortController().signal,
		async confirmReplace(context) {
			asked.push(context);
			return options.replace ?? false;
		},
	});
	return {result, asked, redactor};
};

test('a new kubeconfig is private, named after the cluster, and current', async () => {
	const {result, redactor} = await fetch();
	assert.equal(statSync(file).mode % 0o1000, 0o600);
	const config = parseConfig(readFileSync(file, 'utf8'));
	assert.equal(config['current-context'], 'home');
	assert.deepEqual(config.contexts, [
		{context: {cluster: 'home', user: 'home'}, name: 'home'},
	]);
	assert.equal(config.clusters[0]!.cluster.server, 'https://198.51.100.1:6443');
	assert.equal(config.users[0]!.user['client-key-data'], 'S0VZLXNlY3JldA==');
	assert.equal(result.server, 'https://198.51.100.1:6443');
	assert.equal(result.backup, undefined);
	assert.equal(redactor.redact('S0VZLXNlY3JldA=='), '‹secret›');
});

test('comments, other contexts and the current one stay; what was there is kept beside', async () => {
	writeFileSync(file, own);
	const {result} = await fetch();
	const text = readFileSync(file, 'utf8');
	for (const line of own.trim().split('\n')) {
		assert.ok(text.includes(line.trim()), line);
	}

	assert.equal(parseConfig(text)['current-context'], 'work');
	assert.equal(parseConfig(text).clusters.length, 2);
	assert.equal(result.backup, `${file}.k3s-mesh.bak`);
	assert.equal(readFileSync(result.backup, 'utf8'), own);
	assert.equal(statSync(result.backup).mode % 0o1000, 0o600);
});

test('fetched again it is the same file, not written', async () => {
	writeFileSync(file, own);
	await fetch();
	const before = statSync(file, {bigint: true});
	const {result, asked} = await fetch();
	const after = statSync(file, {bigint: true});
	assert.deepEqual([after.ino, after.mtimeNs], [before.ino, before.mtimeNs]);
	assert.equal(result.backup, undefined);
	assert.deepEqual(asked, []);
});

test('ours is replaced without a question, also after the cluster was made anew', async () => {
	await fetch();
	const {asked} = await fetch({text: admin('TkVX')});
	assert.deepEqual(asked, []);
	const config = parseConfig(readFileSync(file, 'utf8'));
	assert.equal(config.clusters.length, 1);
	assert.equal(
		config.clusters[0]!.cluster['certificate-authority-data'],
		'TkVX',
	);
});

test('a context of that name that is not ours is asked about first', async () => {
	writeFileSync(file, own.replaceAll('work', 'home'));
	await assert.rejects(fetch({replace: false}), {
		message: /another context named "home", which was left as it is/,
	});
	assert.equal(readFileSync(file, 'utf8'), own.replaceAll('work', 'home'));
	assert.equal(existsSync(`${file}.k3s-mesh.bak`), false);
	const {asked} = await fetch({replace: true});
	assert.deepEqual(asked, ['home']);
	const config = parseConfig(readFileSync(file, 'utf8'));
	assert.equal(config.clusters.length, 1);
	assert.equal(config.clusters[0]!.cluster.server, 'https://198.51.100.1:6443');
	assert.match(readFileSync(file, 'utf8'), /# the office/);
});

test('empty lists, as kubectl leaves them, are filled', async () => {
	writeFileSync(
		file,
		'apiVersion: v1\nkind: Config\nclusters: null\ncontexts: []\nusers: []\ncurrent-context: ""\npreferences: {}\n',
	);
	await fetch();
	const config = parseConfig(readFileSync(file, 'utf8'));
	assert.equal(config['current-context'], 'home');
	assert.equal(config.users.length, 1);
});

test('a file that is no kubeconfig is left alone', async () => {
	for (const text of ['a: [b\n', '- just\n- a list\n']) {
		writeFileSync(file, text);
		await assert.rejects(fetch(), {message: /no kubeconfig/});
		assert.equal(readFileSync(file, 'utf8'), text);
	}
});

test('a link stays a link', async () => {
	const real = path.join(folder, 'real');
	writeFileSync(real, own);
	symlinkSync(real, file);
	await fetch();
	assert.ok(lstatSync(file).isSymbolicLink());
	assert.match(readFileSync(real, 'utf8'), /home/);
});

test('the address: the cluster’s own, else the first that is reached, else it says how', async () => {
	const own = await fetch({apiEndpoint: 'k8s.example.org', reachable: []});
	assert.equal(own.result.server, 'https://k8s.example.org:6443');
	assert.match(own.result.note, /does not reach/);
	const none = await fetch({reachable: []});
	assert.equal(none.result.server, 'https://198.51.100.1:6443');
	assert.match(none.result.note, /ssh -L 6443:127\.0\.0\.1:6443 root@198/);
});

test('an address that does not answer keeps nobody waiting once a better one has', async () => {
	const {result} = await fetch({silent: ['198.51.100.2']});
	assert.equal(result.server, 'https://198.51.100.1:6443');
});

test('a server that was not installed yet has no kubeconfig', async () => {
	await assert.rejects(fetch({text: undefined}), {
		message: 'fra1 has no kubeconfig yet.',
	});
	assert.equal(existsSync(file), false);
});

test('of a cluster that is gone the context goes, and all else stays', async () => {
	writeFileSync(file, own);
	await fetch();
	const merged = readFileSync(file, 'utf8');
	const dropped = await dropKubeconfig({
		name: cluster.name,
		demo: false,
		path: file,
	});
	assert.equal(dropped.found, 'ours');
	assert.equal(readFileSync(file, 'utf8'), own);
	assert.equal(readFileSync(dropped.backup!, 'utf8'), merged);
	assert.equal(statSync(file).mode % 0o1000, 0o600);
	const again = await dropKubeconfig({
		name: cluster.name,
		demo: false,
		path: file,
	});
	assert.equal(again.found, 'none');
});

test('a context of its name that has no mark of ours stays', async () => {
	const theirs = own.replaceAll('work', cluster.name);
	writeFileSync(file, theirs);
	const {found, backup} = await dropKubeconfig({
		name: cluster.name,
		demo: false,
		path: file,
	});
	assert.deepEqual([found, backup], ['foreign', undefined]);
	assert.equal(readFileSync(file, 'utf8'), theirs);
	rmSync(file);
	assert.equal(
		(await dropKubeconfig({name: cluster.name, demo: false, path: file})).found,
		'none',
	);
});

test('the only context of a kubeconfig goes and leaves one that kubectl reads', async () => {
	await fetch();
	await dropKubeconfig({name: cluster.name, demo: false, path: file});
	const left = parseConfig(readFileSync(file, 'utf8'));
	assert.deepEqual(
		[left.clusters, left.contexts, left.users, left['current-context']],
		[[], [], [], ''],
	);
});
