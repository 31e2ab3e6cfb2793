import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import process from 'node:process';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {
	k3sJournal,
	k3sPing,
	k3sStart,
	k3sState,
	parseJournalLine,
} from '../../source/host/scripts/k3s-run.js';
import {k3sTokens} from '../../source/host/scripts/k3s-read.js';
import {filesWrite} from '../../source/host/scripts/files.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

/** A unit whose state lies in files; a restart gives it a new invocation and makes it active after some looks. */
const systemctl = (root: string) => `#!/bin/sh
echo "$*" >>${root}/systemctl-calls
case "$1" in
	show)
		looks=$(cat ${root}/looks-until-active 2>/dev/null || echo 0)
		state=$(cat ${root}/state 2>/dev/null || echo inactive)
		if [ "$state" = activating ]; then
			if [ "$looks" -gt 0 ]; then
				echo $((looks - 1)) >${root}/looks-until-active
			else
				state=active
			fi
		fi
		for word in "$@"; do
			case "$word" in
				ActiveState) echo "ActiveState=$state" ;;
				SubState) echo "SubState=running" ;;
				NRestarts) echo "NRestarts=2" ;;
				MainPID) echo "MainPID=4711" ;;
				InvocationID) echo "InvocationID=$(cat ${root}/invocation 2>/dev/null)" ;;
			esac
		done
		;;
	restart)
		echo activating >${root}/state
		echo "$$" >${root}/invocation
		echo restart >>${root}/restarts
		;;
esac
`;

for (const shell of systemShells) {
	describe(
		`K3s's unit on a host, with ${shell.name}`,
		{
			skip: shell.skip,
		},
		() => {
			let sandbox: Sandbox;
			beforeEach(() => {
				sandbox = makeSandbox(shell);
				sandbox.program('systemctl', systemctl(sandbox.root));
				sandbox.write(
					'/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml',
					'a: 1\n',
				);
			});
			afterEach(() => {
				sandbox.close();
			});

			const start = async (version = 'v1.36.3+k3s1') =>
				sandbox.run(k3sStart, {
					role: 'server',
					version,
					configFiles: [
						sandbox.at('/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml'),
					],
				});

			const restarts = async (version?: string): Promise<boolean> => {
				const {restarted} = await start(version);
				return restarted;
			};

			test('it is restarted without waiting, and only when something is different', async () => {
				const first = await start();
				assert.equal(first.restarted, true);
				assert.match(first.appliedHash, /^[\da-f]{64}$/);
				assert.match(
					sandbox.read('/systemctl-calls'),
					/^restart --no-block k3s\.service$/m,
				);
				assert.deepEqual(
					{...(await start()), sinceUnix: 0},
					{...first, restarted: false, sinceUnix: 0},
				);
				assert.equal(await restarts('v1.36.4+k3s1'), true);
			});

			test('a config file of the user’s own counts, also one that we did not name', async () => {
				await start();
				sandbox.write('/etc/rancher/k3s/config.yaml', 'debug: true\n');
				assert.equal(await restarts(), true);
				assert.equal(await restarts(), false);
				sandbox.write('/etc/rancher/k3s/config.yaml.d/90-own.yml', 'b: 2\n');
				assert.equal(await restarts(), true);
			});

			test('a unit that is down or failed is started, one that still comes up is left alone', async () => {
				await start();
				sandbox.write('/state', 'failed');
				assert.equal(await restarts(), true);
				sandbox.write('/state', 'activating');
				sandbox.write('/looks-until-active', '100');
				assert.equal(await restarts(), false);
			});

			test('a file that was changed and put back in between means a restart', async () => {
				await start();
				sandbox.write(
					'/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml',
					'edited\n',
				);
				await sandbox.run(filesWrite, {
					path: sandbox.at('/etc/rancher/k3s/config.yaml.d/10-k3s-mesh.yaml'),
					mode: 0o644,
					content: 'a: 1\n',
					keepPrevious: false,
				});
				assert.equal(
					existsSync(sandbox.at('/var/lib/k3s-mesh/applied-hash')),
					false,
				);
				assert.equal(await restarts(), true);
			});

			test('state is read', async () => {
				sandbox.write('/state', 'failed');
				assert.deepEqual(await sandbox.run(k3sState, {role: 'agent'}), {
					activeState: 'failed',
					subState: 'running',
					restarts: 2,
					mainPid: 4711,
				});
			});

			test('the journal is followed until the unit is active, and the follower ends with it', async () => {
				sandbox.program(
					'journalctl',
					`#!/bin/sh
echo "$*" >>${sandbox.root}/journal-calls
echo 'level=info msg="waiting"'
echo "$$" >${sandbox.root}/journal-pid
exec sleep 600
`,
				);
				sandbox.write('/state', 'activating');
				sandbox.write('/looks-until-active', '1');
				const told: string[] = [];
				const state = await sandbox.run(
					k3sJournal,
					{role: 'server', sinceUnix: 1_700_000_000.9},
					(line) => {
						told.push(line);
					},
				);
				assert.equal(state.activeState, 'active');
				const lines = told.map((line) => parseJournalLine(line));
				assert.ok(
					lines.some(
						(line) =>
							line.kind === 'line' && line.text === 'level=info msg="waiting"',
					),
				);
				assert.ok(
					lines.some(
						(line) =>
							line.kind === 'state' && line.state.activeState === 'activating',
					),
				);
				assert.match(
					sandbox.read('/journal-calls'),
					/--since=@1700000000 -u k3s\.service -f/,
				);
				const pid = Number(sandbox.read('/journal-pid'));
				assert.throws(() => process.kill(pid, 0), {code: 'ESRCH'});
			});

			test('what curl says about an address is understood', async () => {
				const ping = async (text: string) => {
					sandbox.program('curl', `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`);
					const {outcome} = await sandbox.run(k3sPing, {
						url: 'https://198.51.100.1:6443',
					});
					return outcome;
				};

				assert.equal(await ping('pong'), 'pong');
				assert.equal(await ping('<html>nginx</html>'), 'other');
				assert.equal(
					await ping(
						"curl: (7) Failed to connect to 198.51.100.1 port 6443 after 1 ms: Couldn't connect to server",
					),
					'refused',
				);
				assert.equal(
					await ping('curl: (28) Connection timed out after 4001 milliseconds'),
					'timeout',
				);
				assert.equal(
					await ping('curl: (6) Could not resolve host: k8s.example.org'),
					'no-name',
				);
				assert.equal(
					await ping(
						'curl: (7) Failed to connect to 198.51.100.1 port 6443: No route to host',
					),
					'unreachable',
				);
				assert.equal(
					await ping('curl: (35) TLS connect error: wrong version number'),
					'failed',
				);
			});

			test('tokens are read as far as they are there', async () => {
				assert.deepEqual(await sandbox.run(k3sTokens, {}), {
					server: undefined,
					agent: undefined,
				});
				sandbox.write('/var/lib/rancher/k3s/server/token', 'K10ab::server:x\n');
				assert.deepEqual(await sandbox.run(k3sTokens, {}), {
					server: 'K10ab::server:x',
					agent: undefined,
				});
			});
		},
	);
}
