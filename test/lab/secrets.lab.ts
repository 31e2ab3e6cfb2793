import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import {parse} from 'yaml';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {configPath} from '../../source/plan/paths.js';
import {isSecretPlace, secretPlaces} from './secret-places.js';
import {commandLines, watchCommandLines} from './watch-command-lines.js';
import {
	assertCode,
	program,
	stageFor,
	type Outcome,
	type Stage,
} from './support.js';

/** The secrets of the cluster, read where they may be: K3s's own folder and our 0600 files on the servers. */
const secretsOf = async (stage: Stage): Promise<string[]> => {
	const server = stage.lab.nodes.find(({role}) => role === 'server')!;
	const {stdout} = await server.exec(
		'cat /var/lib/rancher/k3s/server/token /var/lib/rancher/k3s/server/agent-token',
	);
	const full = stdout.split('\n').filter((line) => line !== '');
	assert.ok(full.length > 0, 'the server has no token');
	const kubeconfig = await server.exec('cat /etc/rancher/k3s/k3s.yaml');
	const key = /client-key-data: (?<key>\S+)/.exec(kubeconfig.stdout);
	assert.ok(key, 'the kubeconfig has no key');
	return [
		...new Set(full.map((line) => line.split(':').at(-1)!)),
		key.groups!.key!,
	];
};

/** What is typed, by someone who logs in to `fra2` by password and to `ams1` with an encrypted key. */
const typed = {
	password: 'Correct+horse /4711',
	passphrase: 'open=sesame & "shut"',
};

/** Takes all other ways in from the two agents, and writes the cluster file for those that are left. */
const lockIn = async ({lab, folder, writeCluster}: Stage): Promise<void> => {
	const byPassword = await lab.node('fra2').exec(
		`cat | chpasswd
cat >/etc/ssh/sshd_config.d/password.conf <<'END'
Match User asks
	PasswordAuthentication yes
	AuthenticationMethods password
END
systemctl reload ssh`,
		{input: `asks:${typed.password}`},
	);
	assert.equal(byPassword.code, 0, byPassword.stderr);
	const key = path.join(folder, 'locked');
	execFileSync('ssh-keygen', [
		'-q',
		'-t',
		'ed25519',
		'-f',
		key,
		'-N',
		typed.passphrase,
	]);
	const byKey = await lab
		.node('ams1')
		.exec('cat >/home/me/.ssh/authorized_keys', {
			input: readFileSync(`${key}.pub`),
		});
	assert.equal(byKey.code, 0, byKey.stderr);
	const {nodes = []} = parse(lab.clusterFile()) as ClusterInput;
	const ways: Readonly<
		Record<string, NonNullable<ClusterInput['nodes']>[number]['ssh']>
	> = {
		fra2: {host: lab.node('fra2').externalIp, user: 'asks'},
		ams1: {
			host: lab.node('ams1').externalIp,
			user: 'me',
			identityFile: key,
		},
	};
	writeCluster({
		nodes: nodes.map((node) => ({...node, ssh: ways[node.name] ?? node.ssh})),
	});
};

/** `apply` without questions, with all answers in the environment. */
const applyWith = async (
	stage: Stage,
	...words: readonly string[]
): Promise<Outcome> =>
	stage.lab.client.exec(
		[
			process.execPath,
			program,
			'apply',
			stage.clusterPath,
			'--yes',
			'--kubeconfig',
			stage.kubeconfigPath,
			...words,
		],
		{
			env: {
				...stage.env,
				K3S_MESH_SSH_PASSWORD: typed.password,
				K3S_MESH_SSH_PASSPHRASE: typed.passphrase,
				K3S_MESH_SUDO_PASSWORD: typed.password,
			},
			timeoutMs: 420_000,
		},
	);

/** A secret as it is, and as it may be written: base64 from each of three offsets without the borders, and URL-encoded. */
const formsOf = (secret: string): string[] => [
	secret,
	encodeURIComponent(secret),
	...[0, 1, 2].map((offset) =>
		Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
			.toString('base64')
			.slice(
				offset === 0 ? 0 : offset + 1,
				Math.floor(((offset + secret.length) * 8) / 6),
			),
	),
];

test('no secret is anywhere but where the README says', async (t) => {
	const stage = await stageFor('lan3', {name: 'secrets'});
	t.after(stage.down);
	const logFile = path.join(stage.folder, 'run.jsonl');

	await lockIn(stage);
	// Everything that any process ever had as its arguments while the install ran.
	await watchCommandLines(stage);

	const outcome = await applyWith(stage, '--log-file', logFile, '--verbose');
	assertCode(outcome, 0);
	const places = secretPlaces();
	const secrets = [
		...new Set(
			[...(await secretsOf(stage)), ...Object.values(typed)].flatMap((one) =>
				formsOf(one),
			),
		),
	];
	const foundAt = new Set<string>();

	for (const node of stage.lab.nodes) {
		await node.exec('systemctl stop watch-command-lines || true');
		const seen = await node.exec(`cat ${commandLines}`);
		assert.match(seen.stdout, /k3s/, 'the watcher saw nothing');
		for (const secret of secrets) {
			assert.ok(
				!seen.stdout.includes(secret),
				`${node.name}: a secret was in a command line`,
			);
			const journal = await node.exec('journalctl --no-pager -o cat');
			assert.ok(
				!journal.stdout.includes(secret),
				`${node.name}: a secret is in the journal`,
			);
			const found = await node.exec(
				`grep -rIlF --exclude-dir=proc --exclude-dir=sys -e '${secret}' / 2>/dev/null || true`,
			);
			for (const file of found.stdout.split('\n').filter(Boolean)) {
				if (file.startsWith(commandLines)) {
					continue;
				}

				assert.ok(
					isSecretPlace(places, file),
					`${node.name}: a secret is in ${file}`,
				);
				foundAt.add(
					places.find(({path: place}) =>
						isSecretPlace([{path: place, mode: ''}], file),
					)!.path,
				);
			}
		}
	}

	for (const {path: place, mode} of places) {
		for (const node of stage.lab.nodes) {
			const {stdout} = await node.exec(
				`stat -c %a '${place}' 2>/dev/null || true`,
			);
			assert.ok(
				['', mode].includes(stdout.trim()),
				`${node.name}: ${place} has mode ${stdout.trim()}, not ${mode}`,
			);
		}
	}

	assert.ok(
		foundAt.has(configPath),
		'the search found nothing where a secret is',
	);

	// On this side: what was printed, the log, the home of the client.
	const printed = `${outcome.stdout}${outcome.stderr}`;
	const localFiles = [
		logFile,
		...readdirSync(stage.lab.home, {recursive: true, encoding: 'utf8'}).map(
			(file) => path.join(stage.lab.home, file),
		),
	].filter((file) => statSync(file, {throwIfNoEntry: false})?.isFile());
	assert.equal(statSync(logFile).mode & 0o777, 0o600);
	for (const secret of secrets) {
		assert.ok(!printed.includes(secret), 'a secret was printed');
		for (const file of localFiles) {
			assert.ok(!readFileSync(file).includes(secret), `a secret is in ${file}`);
		}
	}
});
