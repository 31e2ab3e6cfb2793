/** The facts script, run for real by every shell that may be a machine's sh. */
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {after, describe, test} from 'node:test';
import {parse} from 'yaml';
import type {HostFacts} from '../../source/facts/host-facts.js';
import {parseTailscale} from '../../source/facts/parse-tailscale.js';
import {factsGather} from '../../source/host/scripts/facts-gather.js';
import {prefsJson, statusJson} from '../facts/tailscale-output.js';
import {makeRunner, systemShells} from './shells.js';

const secret = 'hunter2';

/** Config files as people write them: each has a secret in a place of its own. */
const configs: Readonly<Record<string, string>> = {
	plain: `token: ${secret}\nnode-ip: 10.0.0.1\n`,
	quoted: `"token": '${secret}'\n'agent-token' : "${secret}"\nnode-ip: 10.0.0.1\n`,
	block: `datastore-endpoint: |\n  postgres://u:${secret}@db\n\n  ${secret}\nnode-ip: 10.0.0.1\n`,
	folded: `vpn-auth: >-\n    joinKey=${secret}\nnode-ip: 10.0.0.1\n`,
	continued: `token: "abc\n  ${secret}"\nnode-ip: 10.0.0.1\n`,
	below: `token:\n  ${secret}\nnode-ip: 10.0.0.1\n`,
	list: `vpn-auth:\n- ${secret}\n- ${secret}\nnode-ip: 10.0.0.1\n`,
	appended: `token+: ${secret}\n"agent-token+": ${secret}\nnode-ip: 10.0.0.1\n`,
	commented: `# token: ${secret}\nnode-ip: 10.0.0.1\nfoo: bar # token: ${secret}\n`,
	indented: `  token: ${secret}\n  node-ip: 10.0.0.1\n`,
	windows: `token: ${secret}\r\nnode-ip: 10.0.0.1\r\n`,
	flow: `{token: ${secret}, node-ip: 10.0.0.1}\n`,
	flowLines: `---\n{\n"token":\n"${secret}",\n"node-ip": "10.0.0.1"\n}\n`,
	flowInside: `node-ip: 10.0.0.1\nx: {a: 1, token: ${secret}}\n`,
	explicit: `? token\n: ${secret}\n`,
	explicitBelow: `node-ip: 10.0.0.1\n? token\n:\n  ${secret}\n`,
	anchor: `x: &a ${secret}\ntoken: *a\n`,
	escaped: `"\\x74oken": ${secret}\nnode-ip: 10.0.0.1\n`,
	tagged: `!!str token: ${secret}\nnode-ip: 10.0.0.1\n`,
	s3: `etcd-s3-secret-key: ${secret}\netcd-s3-access-key: ${secret}\nnode-ip: 10.0.0.1\n`,
	tabs: `token:\t${secret}\nnode-ip: 10.0.0.1\n`,
	bom: `\uFEFFtoken: ${secret}\nnode-ip: 10.0.0.1\n`,
	noEnd: `node-ip: 10.0.0.1\ntoken: ${secret}`,
};

for (const shell of systemShells) {
	describe(`facts by ${shell.name}`, {skip: shell.skip}, () => {
		const root = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-facts-'));
		const runner = shell.skip === false ? makeRunner(shell) : undefined;
		after(() => {
			runner?.close();
			rmSync(root, {recursive: true, force: true});
		});

		/** Runs the script with a few of the machine's folders moved into one of ours. */
		const gather = async (): Promise<{
			readonly facts: HostFacts;
			readonly output: string;
		}> => {
			let {source} = factsGather;
			for (const folder of [
				'/etc/rancher',
				'/var/lib/rancher',
				'/var/lib/k3s-mesh',
				'/etc/os-release',
				'/opt/bin',
				'/etc/environment',
			]) {
				source = source.replaceAll(folder, path.join(root, folder));
			}

			const outcome = await runner!.run({
				source,
				fields: factsGather.fields({
					now: () => Date.now(),
					rttMs: 0,
					dialed: '198.51.100.2',
				}),
			});
			assert.equal(outcome.code, 0, outcome.errorOutput);
			assert.equal(outcome.errorOutput.trim(), '');
			return {
				facts: factsGather.decode({stdout: outcome.output, code: 0}),
				output: outcome.output,
			};
		};

		const write = (file: string, text: string): void => {
			const target = path.join(root, file);
			mkdirSync(path.dirname(target), {recursive: true});
			writeFileSync(target, text);
		};

		test('this machine is understood', async () => {
			const {facts} = await gather();
			assert.equal(facts.hostname, os.hostname());
			assert.equal(facts.kernel, os.release());
			assert.equal(facts.cpuCount, os.availableParallelism());
			assert.equal(facts.memoryBytes, os.totalmem());
			assert.equal(facts.machine, os.machine());
			assert.notEqual(facts.architecture, undefined);
			assert.equal(facts.sshConnection?.serverAddress, '198.51.100.2');
			assert.equal(facts.disks.length, 3);
			assert.ok(facts.disks.every(({freeBytes}) => freeBytes > 0));
			assert.ok(Math.abs(facts.clock.offsetMs) < 60_000);
			assert.equal(facts.k3s, undefined);
			assert.equal(facts.manifest, undefined);
			assert.equal(facts.tools.sha256sum, true);
			assert.equal(facts.privilege !== 'none', process.getuid!() === 0);
		});

		test('a machine can not fake a section', async () => {
			write(
				'/etc/os-release',
				'ID=evil\n= privilege\n|root\n\n= selinux\n|1\n= machine_id\n|fake\nPRETTY_NAME="\u001B[2Jx"',
			);
			const {facts} = await gather();
			assert.equal(facts.os.id, 'evil');
			assert.equal(facts.os.prettyName, '[2Jx');
			assert.notEqual(facts.machineId, 'fake');
			assert.notEqual(facts.selinux, 'enforcing');
			rmSync(path.join(root, '/etc/os-release'));
		});

		test('our manifest is read', async () => {
			write(
				'/var/lib/k3s-mesh/manifest.json',
				JSON.stringify(
					{version: 1, cluster: 'home', files: {'/a': 'b'}, appliedHash: 'c'},
					undefined,
					'\t',
				),
			);
			const {facts} = await gather();
			assert.deepEqual(facts.manifest, {
				cluster: 'home',
				files: {'/a': 'b'},
				appliedHash: 'c',
			});
			write('/var/lib/k3s-mesh/manifest.json', '{"cluster": 1}');
			const again = await gather();
			assert.equal(again.facts.manifest, undefined);
		});

		test('of a proxy only what is no secret is told', async () => {
			write(
				'/etc/environment',
				`LANG=C\nhttp_proxy='http://me:${secret}@p:1'\nHTTPS_PROXY=\nNO_PROXY="10.0.0.0/8,.lan"`,
			);
			write(
				'/etc/rancher/k3s/k3s-mesh.env',
				`# ours\nHTTP_PROXY="http://me:${secret}@p:1"\nHTTPS_PROXY="http://q"\nNO_PROXY="a,b"\n`,
			);
			const {facts, output} = await gather();
			assert.ok(!output.includes(secret));
			assert.deepEqual(facts.proxy, {
				ofMachine: true,
				noProxy: ['10.0.0.0/8', '.lan'],
				written: [
					'HTTP_PROXY="(secret)"',
					'HTTPS_PROXY="http://q"',
					'NO_PROXY="a,b"',
				],
			});
			write('/etc/environment', 'http_proxy=""\n');
			rmSync(path.join(root, '/etc/rancher'), {recursive: true});
			const without = await gather();
			assert.equal(without.facts.proxy, undefined);
			rmSync(path.join(root, '/etc/environment'));
		});

		test('what flannel was told is read', async () => {
			const path = '/etc/rancher/k3s/k3s-mesh-flannel.json';
			write('/etc/rancher/k3s/config.yaml', 'node-ip: 10.0.0.1\n');
			write(path, '{\n  "Backend": {\n    "MTU": 1400\n  }\n}\n');
			assert.equal((await gather()).facts.k3s?.flannelMtu, 1400);
			write(path, '{"Backend": {"MTU": "big"}}');
			assert.equal((await gather()).facts.k3s?.flannelMtu, undefined);
			rmSync(`${root}/etc/rancher`, {recursive: true});
		});

		test('Tailscale is read without its keys, and asked for its version only when it does not answer', async () => {
			const program = '/opt/bin/tailscale';
			write('status', statusJson());
			write('prefs', prefsJson());
			write(
				program,
				`#!/bin/sh
case $* in
	'status --json') cat ${root}/status ;;
	'debug prefs') cat ${root}/prefs ;;
	version) echo 1.80.0 ;;
esac
`,
			);
			chmodSync(path.join(root, program), 0o755);
			const {facts, output} = await gather();
			assert.deepEqual(
				facts.tailscale,
				parseTailscale(statusJson(), prefsJson(), ''),
			);
			assert.doesNotMatch(output, /key:|secret|LoginName|1\.80\.0/);

			// What is not in lines can not be told apart by lines.
			write('prefs', JSON.stringify(JSON.parse(prefsJson())));
			const odd = await gather();
			assert.doesNotMatch(odd.output, /privkey/);
			assert.equal(odd.facts.tailscale?.controlServer, undefined);

			write('status', '');
			const silent = await gather();
			assert.equal(silent.facts.tailscale?.state, 'unreachable');
			assert.equal(silent.facts.tailscale?.version, '1.80.0');
			rmSync(path.join(root, program));
			assert.equal((await gather()).facts.tailscale, undefined);
		});

		test('config files of K3s come in its order, and without their secrets', async () => {
			write('/etc/rancher/k3s/config.yaml', configs.plain!);
			for (const [name, text] of Object.entries(configs)) {
				write(`/etc/rancher/k3s/config.yaml.d/${name}.yaml`, text);
			}

			write('/etc/rancher/k3s/config.yaml.d/last.yml', 'tls-san: [a]\n');
			write('/etc/rancher/k3s/config.yaml.d/other.txt', secret);
			write('/var/lib/rancher/k3s/server/token', secret);
			write('/var/lib/rancher/k3s/server/tls/server-ca.crt', 'certificate\n');
			const {facts, output} = await gather();
			assert.doesNotMatch(output, new RegExp(secret));
			const files = facts.k3s!.configFiles;
			assert.deepEqual(
				files.map(({path: file}) => path.basename(file)),
				[
					'config.yaml',
					...[
						...Object.keys(configs).map((name) => `${name}.yaml`),
						'last.yml',
					].toSorted(),
				],
			);
			assert.equal(facts.k3s!.unitState, 'absent');
			assert.equal(
				facts.k3s!.caHash,
				createHash('sha256').update('certificate\n').digest('hex'),
			);
			const values = (name: string): unknown =>
				parse(files.find(({path: file}) => file.endsWith(`/${name}`))!.text);
			assert.deepEqual(values('plain.yaml'), {
				token: '(secret)',
				'node-ip': '10.0.0.1',
			});
			for (const name of [
				'block',
				'folded',
				'continued',
				'below',
				'list',
				'indented',
				'windows',
				'tabs',
			]) {
				assert.equal(
					(values(`${name}.yaml`) as Record<string, unknown>)['node-ip'],
					'10.0.0.1',
					name,
				);
			}

			assert.deepEqual(values('last.yml'), {'tls-san': ['a']});
		});
	});
}
