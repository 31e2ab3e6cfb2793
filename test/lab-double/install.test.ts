import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	readFileSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {test, type TestContext} from 'node:test';
import process from 'node:process';
import {
	modeOf,
	program,
	skipReason,
	temporaryFolder,
	type Result,
} from './harness.js';

const skip =
	skipReason() ||
	(spawnSync('flock', ['--version']).status === 0 ? false : 'flock is missing');

const build = path.join(program, 'build.py');

/** A folder that plays a host: the built binary, and a systemctl that only writes down how it was called. */
class Host {
	readonly root: string;
	readonly calls: string;

	constructor(context: TestContext) {
		this.root = temporaryFolder(context);
		this.calls = path.join(this.root, 'systemctl.log');
		mkdirSync(path.join(this.root, 'usr/local/bin'), {recursive: true});
		mkdirSync(path.join(this.root, 'fake'));
		writeFileSync(this.calls, '');
		this.systemctl('');
		assert.equal(
			spawnSync('python3', [
				build,
				'--version',
				'v1.36.3+k3s1',
				'--output',
				path.join(this.root, 'usr/local/bin/k3s'),
			]).status,
			0,
		);
	}

	systemctl(more: string): void {
		writeFileSync(
			path.join(this.root, 'fake/systemctl'),
			`#!/bin/sh\necho "$*" >>'${this.calls}'\n${more}\n`,
			{mode: 0o755},
		);
	}

	environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
		return {
			PATH: `${path.join(this.root, 'fake')}:${process.env.PATH}`,
			K3S_DOUBLE_ROOT: this.root,
			INSTALL_K3S_SKIP_DOWNLOAD: 'binary',
			INSTALL_K3S_SYMLINK: 'force',
			...more,
		};
	}

	install(
		environment: Readonly<Record<string, string>> = {},
		arguments_: readonly string[] = [],
	): Result {
		const {status, stdout, stderr} = spawnSync(
			'sh',
			[path.join(program, 'install.sh'), ...arguments_],
			{env: this.environment(environment), encoding: 'utf8'},
		);
		return {code: status ?? undefined, stdout, stderr};
	}

	path(name: string): string {
		return path.join(this.root, name);
	}

	read(name: string): string {
		return readFileSync(this.path(name), 'utf8');
	}
}

test(
	'writes unit, env file, links and scripts; enables, and starts only when asked',
	{skip},
	(context) => {
		const host = new Host(context);
		const {code, stdout, stderr} = host.install(
			{INSTALL_K3S_SKIP_START: 'true'},
			['server'],
		);
		assert.equal(code, 0, stderr);
		assert.match(stdout, /\[INFO\] {2}systemd: Creating service file/);
		const unit = host.read('etc/systemd/system/k3s.service');
		for (const line of [
			'Type=notify',
			'KillMode=process',
			'TimeoutStartSec=0',
			'Restart=always',
			'RestartSec=5s',
			'ExecStartPre=-/sbin/modprobe br_netfilter',
		]) {
			assert.ok(unit.split('\n').includes(line), line);
		}

		assert.match(unit, /^ExecStart=.*\/usr\/local\/bin\/k3s 'server'$/m);
		assert.equal(
			modeOf(host.path('etc/systemd/system/k3s.service.env')),
			'600',
		);
		for (const name of [
			'kubectl',
			'crictl',
			'ctr',
			'k3s-killall.sh',
			'k3s-uninstall.sh',
		]) {
			assert.ok(existsSync(host.path(`usr/local/bin/${name}`)), name);
		}

		assert.match(host.read('systemctl.log'), /^enable .*k3s\.service$/m);
		assert.doesNotMatch(host.read('systemctl.log'), /restart/);
		assert.equal(
			host
				.install({}, ['server'])
				.stdout.includes('No change detected so skipping service start'),
			true,
		);
		assert.equal(
			host.install({INSTALL_K3S_FORCE_RESTART: 'true'}, ['server']).code,
			0,
		);
		assert.match(host.read('systemctl.log'), /^restart k3s$/m);
	},
);

test(
	'an agent by K3S_URL: its token goes into the env file only',
	{skip},
	(context) => {
		const host = new Host(context);
		const url = {
			K3S_URL: 'https://192.0.2.1:6443',
			INSTALL_K3S_SKIP_ENABLE: 'true',
		};
		const refused = host.install(url);
		assert.equal(refused.code, 1);
		assert.match(
			refused.stderr,
			/Defaulted k3s exec command to 'agent' because K3S_URL is defined/,
		);
		assert.equal(host.install({...url, K3S_TOKEN: 'very-secret-word'}).code, 0);
		assert.match(
			host.read('etc/systemd/system/k3s-agent.service.env'),
			/^K3S_TOKEN=very-secret-word$/m,
		);
		for (const name of [
			'etc/systemd/system/k3s-agent.service',
			'var/log/k3s-double-install.log',
			'usr/local/bin/k3s-agent-uninstall.sh',
		]) {
			assert.doesNotMatch(host.read(name), /very-secret-word/);
		}

		assert.equal(host.read('systemctl.log').includes('enable'), false);
	},
);

const refusals: ReadonlyArray<
	readonly [string, Readonly<Record<string, string>>, readonly string[], RegExp]
> = [
	[
		'a download',
		{INSTALL_K3S_SKIP_DOWNLOAD: ''},
		['server'],
		/Download failed/,
	],
	[
		'a missing binary',
		{INSTALL_K3S_BIN_DIR: '/nonexistent'},
		['server'],
		/Executable k3s binary not found at \/nonexistent\/k3s/,
	],
	[
		'a plain URL',
		{K3S_URL: 'http://192.0.2.1:6443', K3S_TOKEN: 'x'},
		[],
		/Only https:\/\/ URLs are supported for K3S_URL/,
	],
	[
		'a secret in the arguments',
		{},
		['server', '--token', 'very-secret-word'],
		/a secret in the arguments/,
	],
	[
		'another version than announced',
		{INSTALL_K3S_VERSION: 'v1.35.6+k3s1'},
		['server'],
		/INSTALL_K3S_VERSION is v1\.35\.6\+k3s1 but .* is v1\.36\.3\+k3s1/,
	],
	[
		'a bad name',
		{INSTALL_K3S_NAME: 'a b'},
		['server'],
		/Invalid characters for system name/,
	],
];

for (const [title, environment, arguments_, reason] of refusals) {
	test(`refuses ${title}`, {skip}, (context) => {
		const host = new Host(context);
		const {code, stderr} = host.install(environment, arguments_);
		assert.equal(code, 1);
		assert.match(stderr, reason);
		assert.equal(
			existsSync(host.path('etc/systemd/system/k3s.service')),
			false,
		);
	});
}

test(
	'two installers never run side by side, and the log shows who ran when',
	{skip},
	async (context) => {
		const host = new Host(context);
		const gate = host.path('gate');
		host.systemctl(
			`[ "$1" = restart ] || exit 0\ntouch '${gate}.reached'\nread -r word <'${gate}'`,
		);
		assert.equal(spawnSync('mkfifo', [gate]).status, 0);
		const running = spawn('sh', [path.join(program, 'install.sh'), 'server'], {
			env: host.environment({}),
			stdio: 'ignore',
			detached: true,
		});
		context.after(() => {
			if (running.exitCode === null) {
				// The installer and the systemctl that it waits for.
				process.kill(-running.pid!, 'SIGKILL');
			}
		});
		while (!existsSync(`${gate}.reached`) && running.exitCode === null) {
			await new Promise((resolve) => {
				setTimeout(resolve, 20);
			});
		}

		const second = host.install({}, ['server']);
		assert.equal(second.code, 1);
		assert.match(second.stderr, /two installers side by side/);
		writeFileSync(gate, 'go\n');
		const code = await new Promise((resolve) => {
			running.once('exit', resolve);
		});
		assert.equal(code, 0);
		assert.equal(host.install({}, ['server']).code, 0);
		const words = host
			.read('var/log/k3s-double-install.log')
			.trim()
			.split('\n')
			.map((line) => line.split(' ')[0]);
		assert.deepEqual(words, ['start', 'refused', 'end', 'start', 'end']);
		assert.match(
			host.read('var/log/k3s-double-install.log'),
			/^start time=\S+Z pid=\d+ args=server/m,
		);
	},
);

test(
	'uninstall removes what was installed and leaves the node password',
	{skip},
	(context) => {
		const host = new Host(context);
		host.install({INSTALL_K3S_SKIP_START: 'true'}, ['agent']);
		for (const name of [
			'etc/rancher/k3s/config.yaml',
			'etc/rancher/node/password',
			'var/lib/rancher/k3s/agent/x',
			'run/flannel/wgkey',
		]) {
			mkdirSync(path.dirname(host.path(name)), {recursive: true});
			writeFileSync(host.path(name), '');
		}

		assert.equal(
			spawnSync(host.path('usr/local/bin/k3s-agent-uninstall.sh'), {
				env: host.environment({}),
			}).status,
			0,
		);
		for (const name of [
			'usr/local/bin/k3s',
			'usr/local/bin/k3s-killall.sh',
			'usr/local/bin/k3s-agent-uninstall.sh',
			'usr/local/bin/kubectl',
			'etc/systemd/system/k3s-agent.service',
			'etc/systemd/system/k3s-agent.service.env',
			'etc/rancher/k3s',
			'var/lib/rancher/k3s',
			'run/flannel',
		]) {
			assert.equal(existsSync(host.path(name)), false, name);
		}

		assert.ok(existsSync(host.path('etc/rancher/node/password')));
		assert.match(host.read('systemctl.log'), /^stop k3s-agent\.service$/m);
	},
);

test(
	'the built program is the same each time, has the size that was asked for, and runs',
	{skip},
	(context) => {
		const folder = temporaryFolder(context);
		const made = (name: string, size: string): string => {
			const file = path.join(folder, name);
			assert.equal(
				spawnSync('python3', [
					build,
					'--version',
					'v1.35.6+k3s1',
					'--output',
					file,
					'--size',
					size,
				]).status,
				0,
			);
			return file;
		};

		const [one, two] = [made('one', '3000000'), made('two', '3000000')];
		assert.equal(statSync(one).size, 3_000_000);
		const sum = (file: string): string =>
			createHash('sha256').update(readFileSync(file)).digest('hex');
		assert.equal(sum(one), sum(two));
		assert.match(
			spawnSync('python3', [one, '--version'], {encoding: 'utf8'}).stdout,
			/^k3s version v1\.35\.6\+k3s1 \(double\)/,
		);
	},
);
