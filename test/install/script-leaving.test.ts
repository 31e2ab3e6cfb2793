import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	rmSync,
	statSync,
	symlinkSync,
} from 'node:fs';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {filesTakeBack} from '../../source/host/scripts/files.js';
import {k3sStop} from '../../source/host/scripts/k3s-stop.js';
import {k3sUninstall} from '../../source/host/scripts/k3s-uninstall.js';
import {leavingLook} from '../../source/host/scripts/leaving-look.js';
import {manifestForget} from '../../source/host/scripts/manifest.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';
import {systemctl, systemdRun} from './systemd-programs.js';

const missing = ['flock', 'setsid', 'awk'].find(
	(name) => spawnSync('sh', ['-c', 'command -v "$0"', name]).status !== 0,
);

const folder = '/etc/rancher/k3s';
const ours = `${folder}/config.yaml.d/10-k3s-mesh.yaml`;
const unit = '/etc/systemd/system/k3s-agent.service';
const script = '/usr/local/bin/k3s-agent-uninstall.sh';
/** K3s's uninstall script, as far as it matters to what is around it. */
const uninstaller = (root: string) => `#!/bin/sh
echo uninstalled >>${root}/runs
tailscale set --advertise-routes=
rm -f ${root}${unit}
trap 'rm -f "$0"' EXIT
for other in ${root}/etc/systemd/system/k3s*.service; do
	[ ! -e "$other" ] || exit 0
done
rm -rf ${root}${folder} ${root}/var/lib/rancher/k3s ${root}/usr/local/bin/k3s
[ ! -e ${root}/cut ] || kill -9 $PPID
`;

/** Tailscale's preferences, in a file a line. */
const tailscale = (root: string) => `#!/bin/sh
case "$1 $2" in
	'debug prefs')
		printf '{\\n\\t"RouteAll": false,\\n\\t"AdvertiseRoutes": [\\n'
		tr ',' '\\n' <${root}/routes | sed '/^$/d; s/.*/\\t\\t"&"/; $!s/$/,/'
		printf '\\t],\\n\\t"NoSNAT": false\\n}\\n'
		;;
	'set --advertise-routes='*) printf '%s\\n' "\${2#*=}" >${root}/routes ;;
esac
`;

for (const shell of systemShells) {
	describe(
		`a machine that leaves, with ${shell.name}`,
		{
			skip:
				shell.skip || (missing !== undefined && `${missing} is not installed`),
		},
		() => {
			let sandbox: Sandbox;
			let uninstall: Parameters<typeof k3sUninstall.fields>[0];
			beforeEach(() => {
				sandbox = makeSandbox(shell, [
					'/etc/rancher/node',
					'/etc/rancher 2',
					'/run/systemd/system',
				]);
				const {root} = sandbox;
				uninstall = {
					role: 'agent',
					ours: [sandbox.at(ours)],
					kept: [],
					podRoutes: ['10.42.1.0/24'],
				};
				sandbox.program('systemd-run', systemdRun(root));
				sandbox.program('systemctl', systemctl(root));
				sandbox.program('tailscale', tailscale(root));
				sandbox.write('/routes', '10.42.1.0/24,192.168.7.0/24\n');
				sandbox.write(unit, '[Service]\n');
				sandbox.write(ours, 'token: x\n', 0o600);
				sandbox.write(`${folder}/registries.yaml`, '# mine\n', 0o640);
				sandbox.write('/etc/rancher/node/password', 'x\n');
				sandbox.write('/usr/local/bin/k3s', 'binary', 0o755);
				sandbox.write('/usr/local/bin/k3s-owner', 'mine', 0o755);
				sandbox.write('/var/lib/rancher/k3s/agent/data', 'x');
				sandbox.write(script, uninstaller(root), 0o755);
			});
			afterEach(() => {
				sandbox.close();
			});

			const isThere = (path: string): boolean => existsSync(sandbox.at(path));
			const assertGivenBack = (): void => {
				for (const path of [
					unit,
					ours,
					script,
					`${folder}/config.yaml.d`,
					'/etc/rancher/k3s-mesh-kept',
					'/etc/rancher/node',
					'/usr/local/bin/k3s',
					'/var/lib/rancher',
				]) {
					assert.ok(!isThere(path), path);
				}

				assert.equal(sandbox.read(`${folder}/registries.yaml`), '# mine\n');
				assert.equal(
					statSync(sandbox.at(`${folder}/registries.yaml`)).mode % 0o1000,
					0o640,
				);
				assert.equal(sandbox.read('/usr/local/bin/k3s-owner'), 'mine');
				assert.equal(sandbox.read('/routes'), '192.168.7.0/24\n');
			};

			test("K3s's script runs once, and what is the owner's comes back", async () => {
				assert.deepEqual(await sandbox.run(k3sUninstall, uninstall), {
					changed: true,
				});
				assertGivenBack();
				assert.deepEqual(await sandbox.run(k3sUninstall, uninstall), {
					changed: false,
				});
				assert.equal(sandbox.read('/runs'), 'uninstalled\n');
			});

			test('a machine that went away right after the script is finished by the next run', async () => {
				sandbox.write('/cut', '');
				await assert.rejects(sandbox.run(k3sUninstall, uninstall));
				assert.ok(isThere('/etc/rancher/k3s-mesh-kept/registries.yaml'));
				assert.equal(sandbox.read('/routes'), '\n');
				rmSync(sandbox.at('/cut'));
				// Now it offers no pod network any more, by which the next run could tell it.
				await sandbox.run(k3sUninstall, {...uninstall, podRoutes: []});
				assertGivenBack();
			});

			test('what was in a file of ours before comes back, and is not removed by the next run', async () => {
				sandbox.write(`${ours}.k3s-mesh.bak`, 'before\n', 0o644);
				const withKept = {...uninstall, ours: [], kept: [sandbox.at(ours)]};
				await sandbox.run(k3sUninstall, withKept);
				assert.equal(sandbox.read(ours), 'before\n');
				assert.deepEqual(await sandbox.run(k3sUninstall, withKept), {
					changed: false,
				});
				assert.equal(sandbox.read(ours), 'before\n');
			});

			test('another service of K3s keeps its programs', async () => {
				sandbox.write('/etc/systemd/system/k3s-other.service', '[Service]\n');
				await sandbox.run(k3sUninstall, uninstall);
				assert.ok(isThere('/usr/local/bin/k3s'));
				assert.ok(isThere('/var/lib/rancher/k3s/agent/data'));
				assert.ok(isThere('/etc/rancher/node/password'));
				assert.ok(!isThere(ours));
				assert.equal(sandbox.read(`${folder}/registries.yaml`), '# mine\n');
				assert.deepEqual(await sandbox.run(k3sUninstall, uninstall), {
					changed: false,
				});
			});

			test('a K3s whose own script is missing is not guessed at', async () => {
				rmSync(sandbox.at(script));
				await assert.rejects(
					sandbox.run(k3sUninstall, uninstall),
					/k3s-agent-uninstall\.sh is missing/,
				);
				assert.ok(isThere('/var/lib/rancher/k3s/agent/data'));
			});

			test('a binary of a download that was cut off goes, with its links', async () => {
				for (const path of [unit, script]) {
					rmSync(sandbox.at(path));
				}

				const done = '/var/lib/k3s-mesh/steps/download/done';
				sandbox.write(done, `v1 ${'0'.repeat(64)}\n`);
				symlinkSync('k3s', sandbox.at('/usr/local/bin/kubectl'));
				await sandbox.run(k3sUninstall, uninstall);
				assert.ok(isThere('/usr/local/bin/k3s'), 'it is another one');
				assert.ok(!isThere('/usr/local/bin/kubectl'));
				sandbox.write(ours, '');
				sandbox.write(
					done,
					`v1 ${createHash('sha256').update('binary').digest('hex')}\n`,
				);
				await sandbox.run(k3sUninstall, uninstall);
				assert.ok(!isThere('/usr/local/bin/k3s'));
			});

			test('files go, and those before them come back, once', async () => {
				const dropin = '/etc/systemd/system/k3s.service.d/10-k3s-mesh.conf';
				const changed = '/etc/systemd/system/owner.service';
				sandbox.write(dropin, 'x');
				sandbox.write(changed, 'ours');
				sandbox.write(`${changed}.k3s-mesh.bak`, 'theirs');
				const files = {
					ours: [sandbox.at(dropin)],
					kept: [sandbox.at(changed)],
				};
				assert.deepEqual(await sandbox.run(filesTakeBack, files), {
					changed: true,
				});
				assert.ok(!isThere('/etc/systemd/system/k3s.service.d'));
				assert.equal(sandbox.read(changed), 'theirs');
				assert.match(sandbox.read('/systemctl'), /daemon-reload/);
				assert.deepEqual(await sandbox.run(filesTakeBack, files), {
					changed: false,
				});
				assert.equal(sandbox.read(changed), 'theirs');
			});

			test('K3s is kept from starting again, and then stopped', async () => {
				sandbox.write('/enabled', '');
				const dropin =
					'/run/systemd/system/k3s-agent.service.d/k3s-mesh-leaving.conf';
				await sandbox.run(k3sStop, {role: 'agent', how: 'no-restart'});
				assert.match(sandbox.read(dropin), /Restart=no/);
				assert.doesNotMatch(sandbox.read('/systemctl'), /^stop/m);
				await sandbox.run(k3sUninstall, uninstall);
				assert.ok(!isThere(dropin));
			});

			test('what is there is told, and nothing after all is gone', async () => {
				mkdirSync(sandbox.at('/var/lib/rancher/k3s/storage/pvc-1'), {
					recursive: true,
				});
				mkdirSync(sandbox.at('/var/lib/k3s-mesh'));
				sandbox.write('/var/lib/rancher/k3s/server/db/state.db', '');
				const look = await sandbox.run(leavingLook, {});
				assert.deepEqual(
					{...look, configFiles: look.configFiles.length},
					{
						units: ['agent'],
						uninstallers: ['agent'],
						wasThereBefore: false,
						hasSetAside: false,
						otherServices: [],
						configFiles: 2,
						volumes: 1,
						datastore: 'sqlite',
						hasFolder: true,
					},
				);
				await sandbox.run(k3sUninstall, uninstall);
				assert.deepEqual(await sandbox.run(manifestForget, {}), {
					changed: true,
				});
				assert.deepEqual(await sandbox.run(manifestForget, {}), {
					changed: false,
				});
				assert.deepEqual(readdirSync(sandbox.at('/var/lib')), []);
				const after = await sandbox.run(leavingLook, {});
				assert.deepEqual(
					[after.units, after.uninstallers, after.hasFolder],
					[[], [], false],
				);
			});
		},
	);
}
