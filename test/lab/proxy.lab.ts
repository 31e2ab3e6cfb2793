import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {environmentPath} from '../../source/plan/paths.js';
import {startProxy} from './proxy.js';
import {assertCode, fingerprint, stageFor} from './support.js';
import {mirrorAddress} from './topology.js';

test('nodes behind a proxy download through it, and K3s reaches the nodes without it', async (t) => {
	const stage = await stageFor('lan3', {name: 'proxy'});
	t.after(stage.down);
	const password = 'Correct@Horse/Battery';
	const proxy = await startProxy(stage.lab.name, {user: 'lab', password});
	const secretFile = path.join(stage.folder, 'proxy-url');
	writeFileSync(secretFile, `${proxy.url}\n`);
	stage.writeCluster({
		proxy: {httpFrom: `file:${secretFile}`, noProxy: ['.lan']},
	});

	const applied = await stage.apply('--verbose');
	assertCode(applied, 0);
	const encoded = encodeURIComponent(password);
	for (const secret of [password, encoded]) {
		assert.ok(!`${applied.stdout}${applied.stderr}`.includes(secret));
	}

	// What was downloaded came through the proxy, and nothing else went there: no node, no API.
	const fetched = await stage.lab.mirror.requests();
	assert.ok(fetched.some(({url}) => url.includes('install.sh')));
	assert.ok(fetched.every(({from}) => from === mirrorAddress));
	const asked = await proxy.requests();
	assert.ok(asked.every(({allowed}) => allowed));
	assert.deepEqual(
		new Set(asked.map(({from}) => from)).size,
		stage.lab.nodes.length,
	);
	for (const {target} of asked) {
		assert.match(target, new RegExp(`^http://${mirrorAddress}/`));
	}

	const running = async (name: string): Promise<string> => {
		const {stdout} = await stage.lab.node(name).exec(String.raw`
unit=$(systemctl list-units --plain --no-legend 'k3s*.service' | awk '$1 ~ /^k3s(-agent)?[.]service$/ {print $1}')
tr '\0' '\n' <"/proc/$(systemctl show -p MainPID --value "$unit")/environ" | grep -i _proxy=
`);
		return stdout;
	};

	for (const {name, exec} of stage.lab.nodes) {
		const {stdout} = await exec(
			`stat -c %a ${environmentPath}; grep -rIlF -e '${encoded}' -e '${password}' /etc /home /root /run /tmp /usr/local /var 2>/dev/null || :`,
		);
		assert.deepEqual(stdout.trim().split('\n'), ['600', environmentPath]);
		const environment = await running(name);
		assert.ok(environment.includes(`HTTPS_PROXY=${proxy.url}\n`), environment);
		for (const {externalIp, name: other} of stage.lab.nodes) {
			assert.match(
				environment,
				new RegExp(`NO_PROXY=.*,${other},${externalIp}`),
			);
		}

		assert.match(environment, /NO_PROXY=.*10\.42\.0\.0\/16.*,\.lan/);
	}

	// A line of the user's own beside the unit stays, and a second run has nothing to do.
	const server = stage.lab.nodes.find(({role}) => role === 'server')!;
	await server.exec('echo GOGC=50 >>/etc/systemd/system/k3s.service.env');
	const before = await fingerprint(stage, server.name);
	const again = await stage.apply();
	assertCode(again, 0);
	assert.match(again.stderr, /nothing (?:was|to) change/i);
	assert.equal(await fingerprint(stage, server.name), before);

	// Without it the running K3s is started anew, without it.
	stage.writeCluster();
	assertCode(await stage.apply(), 0);
	for (const {name, exec} of stage.lab.nodes) {
		assert.equal(await running(name), '');
		const {stdout} = await exec(`grep -v '^#' ${environmentPath} || :`);
		assert.equal(stdout, '');
	}

	const {stdout} = await server.exec('cat /etc/systemd/system/k3s.service.env');
	assert.match(stdout, /^GOGC=50$/m);
});
