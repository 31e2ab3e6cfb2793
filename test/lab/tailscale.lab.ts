import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import test from 'node:test';
import type {Finding} from '../../source/checks/finding.js';
import {checkSchema} from '../../source/commands/json/check-schema.js';
import {
	controller,
	verdictArrives,
	type Verdict,
} from '../../source/facts/measurements.js';
import {startProxy} from './proxy.js';
import {assertCode, type Stage} from './support.js';
import {requireGo} from './tailnet/go.js';
import {firstPolicy, firstTag} from './tailnet/settings.js';
import {
	assertNowhere,
	assertProven,
	assertUnchanged,
	eventsIn,
	pair,
	joiningByKey,
	proofsIn,
	secretFile,
	tailnet,
	tailnetStage,
} from './tailnet/stage.js';
import {controlAddress} from './topology.js';
import {watchCommandLines} from './watch-command-lines.js';
import {waitFor} from './index.js';

type Report = {
	readonly cells: ReadonlyArray<{
		readonly from: string;
		readonly to: string;
		readonly addressKind: string;
		readonly port: number;
		readonly verdict: Verdict;
	}>;
	readonly findings: readonly Finding[];
};

/** `check` from outside of the tailnet shows K3s's ports closed there, and open inside. */
const assertClosedOutside = async (stage: Stage): Promise<void> => {
	const outcome = await stage.run(['check', stage.clusterPath, '--json']);
	assertCode(outcome, 0);
	const {cells, findings} = JSON.parse(outcome.stdout) as Report;
	const arrives = (
		kind: string,
		isHere: boolean,
		port: number,
	): readonly boolean[] =>
		cells
			.filter(
				(cell) =>
					cell.addressKind === kind &&
					(cell.from === controller) === isHere &&
					cell.port === port,
			)
			.map(({verdict}) => verdictArrives(verdict));
	// The API of the server, and the kubelets of both.
	assert.deepEqual(arrives('external', true, 6443), [false]);
	assert.deepEqual(arrives('external', true, 10_250), [false, false]);
	assert.deepEqual(arrives('tailscale', false, 6443), [true]);
	assert.deepEqual(arrives('tailscale', false, 10_250), [true, true]);
	assert.ok(!findings.some(({id}) => id === 'path.exposed'));
};

test('tailscale: from nothing to proven pods behind two routers, routes approved by the policy', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	let key = '';
	const stage = await tailnetStage(t, tailnet, async (made) => {
		key = await made.lab.headscale.createKey({tags: [firstTag]});
		return {
			kind: 'tailscale',
			controlServer: made.lab.headscale.url,
			authKeyFrom: secretFile(made, 'key', key),
			tags: [firstTag],
		};
	});
	await watchCommandLines(stage);
	const applied = await stage.apply('--progress', 'json', '--verbose');
	assertCode(applied, 0);
	const proofs = proofsIn(applied);
	assertProven(proofs, 'tailnet', 3);
	for (const kind of [
		'route',
		'tailnet-path',
		'mesh-ping',
		'pod-to-pod',
	] as const) {
		assertProven(proofs, kind, 6);
	}

	assertProven(proofs, 'dns', 3);
	for (const node of stage.lab.nodes) {
		const {addresses, approvedRoutes, tags} = await stage.lab.headscale.node(
			node.name,
		);
		assert.deepEqual(tags, [firstTag]);
		assert.equal(approvedRoutes.length, 1);
		const ready = proofs.find(
			({kind, from}) => kind === 'node-ready' && from === node.name,
		);
		assert.ok(ready?.detail.includes(addresses[0]!), ready?.detail);
	}

	await assertNowhere(stage, [key], `${applied.stdout}${applied.stderr}`);
	await assertUnchanged(stage);
});

test('tailscale: with the API of the control server, a key is made and routes are approved beside those that are', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await tailnetStage(t, pair, async (made) => {
		const {headscale} = made.lab;
		await headscale.setPolicy({...firstPolicy, autoApprovers: {}});
		return {
			kind: 'tailscale',
			controlServer: headscale.url,
			apiKeyFrom: secretFile(made, 'api-key', await headscale.createApiKey()),
			tags: [firstTag],
		};
	});
	const applied = await stage.apply('--progress', 'json');
	assertCode(applied, 0);
	assertProven(proofsIn(applied), 'route', 2);
	assertProven(proofsIn(applied), 'pod-to-pod', 2);
	assert.ok(
		eventsIn(applied).some(
			(event) =>
				event.type === 'now' &&
				event.text.includes('is approved in the tailnet'),
		),
		'nobody was told what is waited for',
	);
	await assertUnchanged(stage);
});

test('tailscale-ip: K3s on tailnet addresses, its ports closed to all others', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await tailnetStage(t, pair, async (made) =>
		joiningByKey(made, 'tailscale-ip'),
	);
	const applied = await stage.apply('--progress', 'json');
	assertCode(applied, 0);
	const proofs = proofsIn(applied);
	assertProven(proofs, 'tailnet', 2);
	assertProven(proofs, 'mesh-ping', 2);
	assertProven(proofs, 'pod-to-pod', 2);

	const hub = stage.lab.node('hub');
	const agent = stage.lab.node('home1');
	const {addresses} = await stage.lab.headscale.node('hub');
	const knock = async (address: string, port: number) => {
		const {code} = await agent.exec([
			'timeout',
			'3',
			'bash',
			'-c',
			`exec 3<>/dev/tcp/${address}/${port}`,
		]);
		return code === 0;
	};

	for (const port of [6443, 10_250]) {
		assert.ok(await knock(addresses[0]!, port), `${port} in the tailnet`);
		assert.ok(!(await knock(hub.externalIp, port)), `${port} from outside`);
	}

	assert.ok(await knock(hub.externalIp, 22), 'SSH from outside');
	await assertUnchanged(stage);
	await assertClosedOutside(stage);
	await hub.reboot();
	// It is reached by SSH from outside.
	await waitFor(
		'K3s does not come back after a reboot',
		async () => {
			const {stdout} = await hub.exec('systemctl is-active k3s || :');
			return stdout.trim() === 'active' ? true : undefined;
		},
		{timeoutMs: 60_000, everyMs: 500},
	);
	await assertClosedOutside(stage);
});

test('tailscale-ip behind a proxy: nodes that get out by it alone log in, and are asked for relays before', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await tailnetStage(t, pair, async (made) =>
		joiningByKey(made, 'tailscale-ip'),
	);
	const proxy = await startProxy(stage.lab.name, {
		user: 'lab',
		password: 'Correct@Horse',
	});
	const proxyFrom = secretFile(stage, 'proxy', proxy.url);
	writeFileSync(
		stage.clusterPath,
		`${readFileSync(stage.clusterPath, 'utf8')}\nproxy: {httpFrom: '${proxyFrom}'}\n`,
	);
	for (const node of stage.lab.nodes) {
		const {code, stderr} = await node.exec(`
nft add table inet lab_proxy
nft add chain inet lab_proxy out '{ type filter hook output priority 0; }'
nft add rule inet lab_proxy out ip daddr ${controlAddress} tcp dport 443 reject
`);
		assert.equal(code, 0, stderr);
	}

	const {stdout, stderr} = await stage.run([
		'check',
		stage.clusterPath,
		'--json',
	]);
	const report = checkSchema.parse(JSON.parse(stdout || stderr));
	assert.deepEqual(
		report.outbound
			.filter(({need}) => need.startsWith('tailscale-'))
			.map(({from, need, result}) => `${from} ${need} ${result.kind}`)
			.toSorted(),
		['home1 tailscale-stun answered', 'hub tailscale-stun answered'],
	);

	assertCode(await stage.apply('--verbose'), 0);
	const tunnels = (await proxy.requests()).filter(
		({method}) => method === 'CONNECT',
	);
	assert.ok(
		tunnels.every(({allowed}) => allowed),
		JSON.stringify(tunnels),
	);
	assert.equal(
		new Set(
			tunnels
				.filter(({target}) => target === `${controlAddress}:443`)
				.map(({from}) => from),
		).size,
		2,
		JSON.stringify(tunnels),
	);
	await assertUnchanged(stage);
});
