import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, rmSync, statSync} from 'node:fs';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {k3sDownload, k3sInstall} from '../../source/host/scripts/k3s-get.js';
import {parseStepLine} from '../../source/host/scripts/steps.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';
import {systemctl, systemdRun} from './systemd-programs.js';

const present = (program: string): boolean =>
	spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
const missing = ['flock', 'setsid', 'awk'].find((name) => !present(name));

const binary = `#!/bin/sh\necho k3s\n${'# padding\n'.repeat(2000)}`;
const sha256 = (text: string) =>
	createHash('sha256').update(text).digest('hex');
const download = {
	version: 'v1.36.3+k3s1',
	url: 'https://mirror.example/k3s',
	checksumUrl: 'https://mirror.example/sha256sum-amd64.txt',
	fileName: 'k3s',
};
const install = {
	role: 'agent',
	version: 'v1.36.3+k3s1',
	scriptUrl: 'https://mirror.example/install.sh',
} as const;

/** Answers from files; waits while a file "hold" is there. */
const curl = (root: string) => `#!/bin/sh
while [ $# -gt 0 ]; do
	case "$1" in
		-D) headers=$2; shift ;;
		-o) out=$2; shift ;;
		--*) shift ;;
		-*) ;;
		*) url=$1 ;;
	esac
	shift
done
echo "$url" >>${root}/fetched
echo "\${https_proxy-}" >>${root}/proxies
echo "\${http_proxy-} \${no_proxy-}" >>${root}/plain-proxies
while [ -e ${root}/hold ]; do sleep 0.02; done
file=${root}/web/\${url##*/}
[ -f "$file" ] || { echo "curl: (22) The requested URL returned error: 404" >&2; exit 22; }
printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %s\\r\\n\\r\\n' "$(stat -c %s "$file")" >"$headers"
cat "$file" >"$out"
`;

for (const shell of systemShells) {
	describe(
		`long steps on a host, with ${shell.name}`,
		{
			skip:
				shell.skip || (missing !== undefined && `${missing} is not installed`),
		},
		() => {
			let sandbox: Sandbox;
			beforeEach(() => {
				sandbox = makeSandbox(shell);
				sandbox.program('systemd-run', systemdRun(sandbox.root));
				sandbox.program('systemctl', systemctl(sandbox.root));
				sandbox.program('curl', curl(sandbox.root));
				sandbox.write('/web/k3s', binary);
				sandbox.write(
					'/web/sha256sum-amd64.txt',
					`${sha256('other')}  k3s-airgap\n${sha256(binary)}  k3s\n`,
				);
				sandbox.write(
					'/web/install.sh',
					`#!/bin/sh
echo "[INFO]  for $1, download $INSTALL_K3S_SKIP_DOWNLOAD, start $INSTALL_K3S_SKIP_START"
echo run >>${sandbox.root}/installs
mkdir -p ${sandbox.root}/etc/systemd/system
echo "[Service] $INSTALL_K3S_VERSION" >${sandbox.root}/etc/systemd/system/k3s-agent.service
: >${sandbox.root}/enabled
`,
				);
			});
			afterEach(() => {
				sandbox.close();
			});

			const lines = (file: string): string[] =>
				existsSync(sandbox.at(file))
					? sandbox.read(file).trim().split('\n')
					: [];

			test('K3s is downloaded once, with progress, and then left alone', async () => {
				const told: string[] = [];
				assert.deepEqual(
					await sandbox.run(k3sDownload, download, (line) => {
						told.push(line);
					}),
					{changed: true},
				);
				assert.equal(sandbox.read('/usr/local/bin/k3s'), binary);
				assert.equal(
					statSync(sandbox.at('/usr/local/bin/k3s')).mode % 0o1000,
					0o755,
				);
				const progress = told
					.map((line) => parseStepLine(line))
					.filter(({kind}) => kind === 'progress');
				assert.deepEqual(progress.at(-1), {
					kind: 'progress',
					doneBytes: binary.length,
					totalBytes: binary.length,
				});
				assert.deepEqual(await sandbox.run(k3sDownload, download), {
					changed: false,
				});
				assert.equal(lines('/fetched').length, 2);
				assert.deepEqual(lines('/units-started'), [
					'k3s-mesh-download.service',
				]);
			});

			test('the proxy that the machine gives to logins is used, too', async () => {
				const proxy = 'http://192.0.2.8:3128';
				await sandbox.run(k3sDownload, download);
				assert.ok(!lines('/proxies').includes(proxy));
				sandbox.write('/etc/environment', `https_proxy=${proxy}\n`);
				sandbox.write('/usr/local/bin/k3s', 'old', 0o755);
				await sandbox.run(k3sDownload, {...download, version: 'v1.36.4+k3s1'});
				assert.equal(lines('/proxies').at(-1), proxy);
			});

			test('the proxy of the cluster goes before that of the machine', async () => {
				sandbox.write(
					'/etc/environment',
					'https_proxy=http://old\nHTTP_PROXY=http://old\n',
				);
				sandbox.write(
					'/etc/rancher/k3s/k3s-mesh.env',
					'HTTP_PROXY="http://p:1"\nHTTPS_PROXY="http://q:1"\nNO_PROXY=".lan"\n',
				);
				await sandbox.run(k3sDownload, download);
				assert.equal(lines('/proxies').at(-1), 'http://q:1');
				assert.equal(lines('/plain-proxies').at(-1), 'http://p:1 .lan');
			});

			test('a binary that is right already is not downloaded', async () => {
				sandbox.write('/usr/local/bin/k3s', binary, 0o755);
				assert.deepEqual(await sandbox.run(k3sDownload, download), {
					changed: false,
				});
				assert.deepEqual(lines('/fetched'), [download.checksumUrl]);
			});

			test('a wrong checksum throws the download away and says both', async () => {
				sandbox.write('/web/sha256sum-amd64.txt', `${sha256('x')}  k3s\n`);
				await assert.rejects(sandbox.run(k3sDownload, download), {
					message: `The download has another sha256 (${sha256(binary)}) than ${download.checksumUrl} says (${sha256('x')}); it was thrown away.`,
				});
				assert.equal(existsSync(sandbox.at('/usr/local/bin/k3s')), false);
				sandbox.write('/web/sha256sum-amd64.txt', `${sha256(binary)}  k3s\n`);
				assert.deepEqual(await sandbox.run(k3sDownload, download), {
					changed: true,
				});
			});

			test('what cannot be had is said with its address', async () => {
				await assert.rejects(
					sandbox.run(k3sDownload, {
						...download,
						url: 'https://mirror.example/gone',
					}),
					{
						message:
							'https://mirror.example/gone cannot be downloaded: The requested URL returned error: 404.',
					},
				);
			});

			// The shell of busybox takes its own df before any program.
			const skip = shell.name === 'busybox ash';
			test(
				'a disk without room is said before anything is begun',
				{skip},
				async () => {
					sandbox.program(
						'df',
						String.raw`#!/bin/sh
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 9 9 0 100%% /\n'
`,
					);
					await assert.rejects(sandbox.run(k3sDownload, download), {
						message: `no space left in ${sandbox.at('/var/lib/k3s-mesh')}: the download needs some there.`,
					});
					assert.deepEqual(lines('/units-started'), []);
				},
			);

			test('a run that comes while the step runs attaches to it', async () => {
				sandbox.write('/hold', '');
				const first = sandbox.run(k3sDownload, download);
				let attached: () => void;
				const seen = new Promise<void>((resolve) => {
					attached = resolve;
				});
				while (!existsSync(sandbox.at('/fetched'))) {
					await new Promise((resolve) => {
						setTimeout(resolve, 10);
					});
				}

				const second = sandbox.run(k3sDownload, download, (line) => {
					if (line.includes('an earlier run started')) {
						attached();
					}
				});
				await seen;
				spawnSync('rm', [sandbox.at('/hold')]);
				assert.deepEqual(await Promise.all([first, second]), [
					{changed: true},
					{changed: true},
				]);
				assert.equal(lines('/units-started').length, 1);
			});

			test('a step that ended while nobody looked is seen as done', async () => {
				await sandbox.run(k3sDownload, download);
				sandbox.write('/hold', '');
				assert.deepEqual(await sandbox.run(k3sDownload, download), {
					changed: false,
				});
			});

			test('install.sh runs once for a version and role', async () => {
				sandbox.write('/usr/local/bin/k3s', binary, 0o755);
				const told: string[] = [];
				assert.deepEqual(
					await sandbox.run(k3sInstall, install, (line) => {
						told.push(line);
					}),
					{changed: true},
				);
				assert.ok(
					told.includes('[INFO]  for agent, download binary, start true'),
				);
				assert.deepEqual(await sandbox.run(k3sInstall, install), {
					changed: false,
				});
				assert.equal(lines('/installs').length, 1);
				sandbox.write('/etc/systemd/system/k3s-agent.service', 'edited\n');
				assert.deepEqual(await sandbox.run(k3sInstall, install), {
					changed: true,
				});
				assert.deepEqual(
					await sandbox.run(k3sInstall, {...install, version: 'v1.36.4+k3s1'}),
					{changed: true},
				);
				assert.equal(lines('/installs').length, 3);
			});

			test('install.sh takes nothing out of the .env of its unit, and leaves our proxy out of it', async () => {
				const env = '/etc/systemd/system/k3s-agent.service.env';
				sandbox.write(
					'/web/install.sh',
					`#!/bin/sh
file=${sandbox.at(env)}
mkdir -p "\${file%/*}"
rm -f "$file"
: >"\${file%.env}"
: >${sandbox.root}/enabled
sh -c export | sed -n 's/^export //p' | grep -i -E '^(NO|HTTP|HTTPS)_PROXY=' >"$file"
echo K3S_SOMETHING=new >>"$file"
[ ! -e ${sandbox.root}/cut ] || exit 1
`,
				);
				sandbox.write('/usr/local/bin/k3s', binary, 0o755);
				sandbox.write('/etc/environment', 'HTTPS_PROXY=http://corp\n');
				// What somebody else's installer left is no line of the user's.
				sandbox.write(env, 'K3S_TOKEN=theirs\n');
				sandbox.write(
					'/etc/rancher/k3s/k3s-mesh.env',
					'HTTP_PROXY="http://me:hunter2@p:1"\nNO_PROXY=".lan"\n',
				);
				await sandbox.run(k3sInstall, install);
				const first = lines(env);
				assert.ok(first.some((line) => /^HTTPS_PROXY=.*corp/.test(line)));
				assert.ok(first.includes('K3S_SOMETHING=new'));
				assert.doesNotMatch(sandbox.read(env), /hunter2|theirs|\.lan/);
				assert.equal(statSync(sandbox.at(env)).mode % 0o1000, 0o600);

				sandbox.write(env, '# mine\nGOGC=50\nK3S_SOMETHING=mine\n', 0o600);
				sandbox.write('/cut', '');
				const next = {...install, version: 'v1.36.4+k3s1'};
				await assert.rejects(sandbox.run(k3sInstall, next));
				rmSync(sandbox.at('/cut'));
				await sandbox.run(k3sInstall, next);
				assert.deepEqual(lines(env).slice(0, 3), [
					'# mine',
					'GOGC=50',
					'K3S_SOMETHING=mine',
				]);
				assert.equal(
					lines(env).filter((line) => line.startsWith('K3S_SOMETHING')).length,
					1,
				);
				assert.doesNotMatch(sandbox.read(env), /hunter2/);
			});

			test('a failing install.sh gives its own last words', async () => {
				sandbox.write(
					'/web/install.sh',
					'#!/bin/sh\necho "[ERROR]  Unsupported architecture" >&2\nexit 1\n',
				);
				await assert.rejects(sandbox.run(k3sInstall, install), {
					message: '[ERROR]  Unsupported architecture',
				});
			});

			test('what a run that was cut off had installed was not there before', async () => {
				const written = sandbox.read('/web/install.sh');
				sandbox.write('/web/install.sh', `${written}exit 1\n`);
				await assert.rejects(sandbox.run(k3sInstall, install));
				sandbox.write('/web/install.sh', written);
				await sandbox.run(k3sInstall, install);
				assert.ok(
					!existsSync(
						sandbox.at('/etc/systemd/system/k3s-agent.service.k3s-mesh.bak'),
					),
				);
			});

			test('what was installed by hand before is kept beside', async () => {
				sandbox.write('/etc/systemd/system/k3s-agent.service', 'by hand\n');
				await sandbox.run(k3sInstall, install);
				assert.equal(
					sandbox.read('/etc/systemd/system/k3s-agent.service.k3s-mesh.bak'),
					'by hand\n',
				);
			});
		},
	);
}
