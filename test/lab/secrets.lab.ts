import assert from 'node:assert/strict';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {assertCode, stageFor, type Stage} from './support.js';

/** The secrets of the cluster, read where they may be: K3s's own folder and our 0600 files on the servers. */
const secretsOf = async (stage: Stage): Promise<string[]> => {
	const server = stage.lab.nodes.find(({role}) => role === 'server')!;
	const {stdout} = await server.exec(
		'cat /var/lib/rancher/k3s/server/token /var/lib/rancher/k3s/server/agent-token',
	);
	const full = stdout.split('\n').filter((line) => line !== '');
	assert.ok(full.length > 0, 'the server has no token');
	return [...new Set(full.flatMap((line) => [line.split(':').at(-1)!]))];
};

/** Files that are meant to hold a secret: K3s's own data, our config, and K3s's env file; all must be 0600 or in a folder only for root. */
const allowed = [
	/^\/var\/lib\/rancher\//,
	/^\/run\/k3s\//,
	/^\/etc\/rancher\/k3s\/config\.yaml\.d\/10-k3s-mesh\.yaml(?:\.k3s-mesh\.bak)?$/,
	/^\/etc\/systemd\/system\/k3s(?:-agent)?\.service\.env$/,
	/^\/etc\/rancher\/k3s\/k3s\.yaml$/,
];

test('no secret is anywhere but in the 0600 files meant for it', async (t) => {
	const stage = await stageFor('lan3', {name: 'secrets'});
	t.after(stage.down);
	const logFile = path.join(stage.folder, 'run.jsonl');

	// Everything that any process ever had as its arguments while the install ran.
	const watcher = String.raw`
import glob, time
seen = set()
out = open("/root/every-command-line", "w", buffering=1)
while True:
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(name, "rb").read()
        except OSError:
            continue
        if words not in seen:
            seen.add(words)
            out.write(words.replace(b"\0", b" ").decode("utf-8", "replace") + "\n")
    time.sleep(0.02)
`;
	for (const node of stage.lab.nodes) {
		await node.exec([
			'systemd-run',
			'--unit=watch-command-lines',
			'python3',
			'-c',
			watcher,
		]);
	}

	const outcome = await stage.apply('--log-file', logFile, '--verbose');
	assertCode(outcome, 0);
	const secrets = await secretsOf(stage);

	for (const node of stage.lab.nodes) {
		await node.exec('systemctl stop watch-command-lines || true');
		const seen = await node.exec('cat /root/every-command-line');
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
				if (file.startsWith('/root/every-command-line')) {
					continue;
				}

				assert.ok(
					allowed.some((pattern) => pattern.test(file)),
					`${node.name}: a secret is in ${file}`,
				);
				const {stdout: mode} = await node.exec(
					`stat -c %a '${file}'; namei -m '${file}' | awk '$1 ~ /^d/ {print $1}' | tail -n1`,
				);
				const [fileMode, folderMode] = mode.trim().split('\n');
				assert.ok(
					fileMode!.endsWith('00') || folderMode!.endsWith('------'),
					`${node.name}: ${file} has mode ${fileMode} in a folder ${folderMode}`,
				);
			}
		}
	}

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
