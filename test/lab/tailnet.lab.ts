/** The lab's tailnet itself: a real headscale and real Tailscale, logged in by hand. */
import assert from 'node:assert/strict';
import test, {type TestContext} from 'node:test';
import {checkSchema} from '../../source/commands/json/check-schema.js';
import {stageFor} from './support.js';
import {requireGo} from './tailnet/go.js';
import {tailscaleRelease, tailscaleVersion} from './tailnet/programs.js';
import {firstTag} from './tailnet/settings.js';
import {up, waitFor, type Lab, type LabNode} from './index.js';

const labOf = async (t: TestContext, topology: string): Promise<Lab> => {
	const lab = await up({topology});
	t.after(lab.down);
	return lab;
};

/** Runs a script on a node that must succeed, and returns what it printed. */
const on = async (
	node: LabNode,
	script: string,
	input = '',
): Promise<string> => {
	const {code, stdout, stderr} = await node.exec(`set -eu\n${script}`, {
		input,
		timeoutMs: 90_000,
	});
	assert.equal(code, 0, `${node.name}: ${script}\n${stdout}\n${stderr}`);
	return stdout.trim();
};

/** Installs Tailscale from the mirror, as from its own place. */
const install = async (lab: Lab, node: LabNode): Promise<void> => {
	const base = lab.mirror.tailscale;
	const index = JSON.parse(
		await on(node, `curl -fsS '${base}/?mode=json'`),
	) as {
		readonly Tarballs: Readonly<Record<string, string>>;
		readonly TarballsVersion: string;
	};
	assert.equal(index.TarballsVersion, tailscaleVersion);
	assert.ok(Object.values(index.Tarballs).includes(`${tailscaleRelease}.tgz`));
	await on(
		node,
		`
cd "$(mktemp -d)"
curl -fsS -O '${base}/${tailscaleRelease}.tgz'
echo "$(curl -fsS '${base}/${tailscaleRelease}.tgz.sha256')  ${tailscaleRelease}.tgz" | sha256sum --check --quiet
tar -xzf ${tailscaleRelease}.tgz --strip-components=1
install tailscale /usr/bin/
install tailscaled /usr/sbin/
install -m 0644 systemd/tailscaled.service /etc/systemd/system/
install -m 0644 systemd/tailscaled.defaults /etc/default/tailscaled
systemctl daemon-reload
systemctl enable --now tailscaled`,
	);
};

const podNetwork = (index: number): string => `10.42.${index}`;

/** Logs every node in and lets it announce a pod network, with a bridge in it. */
const join = async (lab: Lab, key: string): Promise<void> => {
	await Promise.all(
		lab.nodes.map(async (node, index) => {
			await on(
				node,
				`
umask 077
cat >/root/key
tailscale up --auth-key=file:/root/key --login-server='${lab.headscale.url}' --hostname=${node.name} \
	--accept-dns=false --accept-routes --advertise-routes=${podNetwork(index)}.0/24 --timeout=60s
rm /root/key
ip link add cni0 type bridge
ip address add ${podNetwork(index)}.1/24 dev cni0
ip link set cni0 up
sysctl -q -w net.ipv4.ip_forward=1`,
				key,
			);
		}),
	);
};

type Status = {
	readonly BackendState: string;
	readonly TUN: boolean;
	readonly TailscaleIPs: readonly string[];
	readonly Peer: Readonly<
		Record<
			string,
			{
				readonly HostName: string;
				readonly CurAddr: string;
				readonly Relay: string;
				readonly PrimaryRoutes?: readonly string[];
			}
		>
	>;
};

const statusOf = async (node: LabNode): Promise<Status> =>
	JSON.parse(await on(node, 'tailscale status --json')) as Status;

/** Every node reaches the pod network of every other, over the tailnet. */
const assertPodNetworks = async (lab: Lab): Promise<void> => {
	await Promise.all(
		lab.nodes.map(async (node, index) => {
			const status = await statusOf(node);
			assert.equal(status.BackendState, 'Running');
			assert.ok(status.TUN);
			for (const [other] of lab.nodes.entries()) {
				if (other !== index) {
					const address = `${podNetwork(other)}.1`;
					await waitFor(
						`${node.name} does not reach ${address}`,
						async () => {
							const {code} = await node.exec(`ping -n -q -c 1 -W 2 ${address}`);
							return code === 0 ? true : undefined;
						},
						{timeoutMs: 30_000, everyMs: 200},
					);
					assert.match(
						await on(node, `ip route get ${address}`),
						/dev tailscale0/,
					);
				}
			}
		}),
	);
};

/** The way that one node finds to another in the end: `direct`, or the name of the relay. */
const wayBetween = async (
	from: LabNode,
	to: LabNode,
	tries: number,
): Promise<string> => {
	const [address] = (await statusOf(to)).TailscaleIPs;
	const {stdout, stderr} = await from.exec(
		`tailscale ping --c ${tries} --timeout 3s ${address}`,
		{timeoutMs: 60_000},
	);
	const last = stdout.trim().split('\n').at(-1) ?? '';
	const relay = /via DERP\((?<name>[^)]*)\)/.exec(stdout)?.groups?.name;
	assert.match(stdout, /^pong from /m, `${from.name} > ${to.name}: ${stderr}`);
	return /via \d+\.\d+\.\d+\.\d+:\d+/.test(stdout) ? 'direct' : (relay ?? last);
};

test('tailnet: nodes behind two routers find direct ways, and their pod networks are approved by the policy', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const lab = await labOf(t, 'tailnet');
	const [hub, home, cabin] = lab.nodes as [LabNode, LabNode, LabNode];
	assert.equal(
		await on(
			hub,
			'systemctl is-active tailscaled; systemctl is-enabled tailscaled',
		),
		'active\nenabled',
	);
	const {code} = await cabin.exec('command -v tailscale');
	assert.notEqual(code, 0);
	await install(lab, cabin);
	assert.equal((await statusOf(cabin)).BackendState, 'NeedsLogin');

	await join(lab, await lab.headscale.createKey({tags: [firstTag]}));
	await assertPodNetworks(lab);
	for (const [index, {name}] of lab.nodes.entries()) {
		const node = await lab.headscale.node(name);
		assert.deepEqual(node.approvedRoutes, [`${podNetwork(index)}.0/24`]);
		assert.deepEqual(node.tags, [firstTag]);
		assert.ok(node.online);
	}

	const ways = await Promise.all([
		wayBetween(hub, home, 10),
		wayBetween(home, cabin, 10),
		wayBetween(cabin, hub, 10),
	]);
	assert.deepEqual(ways, ['direct', 'direct', 'direct']);

	// The API trusts a key, and the client trusts the server.
	const apiKey = await lab.headscale.createApiKey();
	const answer = await lab.client.exec([
		'node',
		'--eval',
		`const answer = await fetch('${lab.headscale.url}/api/v1/node', {headers: {authorization: 'Bearer ${apiKey}'}});
console.log(answer.status, (await answer.json()).nodes.length);`,
		'--input-type=module',
	]);
	assert.equal(answer.stdout.trim(), '200 3', answer.stderr);

	// What is approved can be taken back, and an approver that is gone approves nothing.
	await lab.headscale.setPolicy({
		acls: [{action: 'accept', src: ['*'], dst: ['*:*', '10.42.0.0/16:*']}],
		tagOwners: {[firstTag]: ['k3s@']},
	});
	await lab.headscale.approveRoutes('cabin1', []);
	await waitFor(
		'hub still has the route to cabin1',
		async () => {
			const {stdout} = await hub.exec('ip route show table 52');
			return stdout.includes('10.42.2.0/24') ? undefined : true;
		},
		{timeoutMs: 20_000, everyMs: 200},
	);

	// Without its control server the tailnet goes on; with it again, a login can be ended and a node forgotten.
	await lab.headscale.stop();
	await on(hub, 'ping -n -q -c 1 -W 5 10.42.1.1');
	await lab.headscale.start();
	await waitFor(
		'home1 does not come back to its control server',
		async () => {
			const {online} = await lab.headscale.node('home1');
			return online ? true : undefined;
		},
		{timeoutMs: 60_000, everyMs: 500},
	);
	await lab.headscale.expire('home1');
	await waitFor(
		'home1 is still logged in',
		async () => {
			const {BackendState} = await statusOf(home);
			return BackendState === 'NeedsLogin' ? true : undefined;
		},
		{timeoutMs: 30_000, everyMs: 300},
	);
	await lab.headscale.remove('home1');
	assert.deepEqual(
		(await lab.headscale.nodes()).map(({name}) => name).toSorted(),
		['cabin1', 'hub'],
	);
});

test('tailnet-carrier: a node in a carrier network is reached through the relay, or directly by a public one', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await stageFor('tailnet-carrier');
	t.after(stage.down);
	const {lab} = stage;
	const [hub, home, village] = lab.nodes as [LabNode, LabNode, LabNode];
	await join(lab, await lab.headscale.createKey());
	await assertPodNetworks(lab);
	assert.equal(await wayBetween(village, hub, 10), 'direct');
	assert.equal(await wayBetween(home, village, 4), 'lab');

	// The program tells the same of it, and what each node's own Tailscale finds.
	stage.writeCluster({
		mesh: {kind: 'tailscale-ip', controlServer: lab.headscale.url},
	});
	const {stdout, stderr} = await stage.run([
		'check',
		stage.clusterPath,
		'--json',
	]);
	const report = checkSchema.parse(JSON.parse(stdout || stderr));
	const ways = new Map(
		report.tailnetPaths.map(({from, to, way}) => [`${from} ${to}`, way]),
	);
	assert.deepEqual(
		new Map([...ways].map(([pair, {kind}]) => [pair, kind])),
		new Map([
			['hub home1', 'direct'],
			['home1 hub', 'direct'],
			['hub village1', 'direct'],
			['village1 hub', 'direct'],
			['home1 village1', 'relayed'],
			['village1 home1', 'relayed'],
		]),
	);
	const relayed = ways.get('home1 village1')!;
	assert.equal(relayed.kind === 'relayed' && relayed.relay, 'DERP(lab)');
	for (const {name, netcheck} of report.nodes) {
		assert.ok(netcheck?.udp, name);
		assert.equal(netcheck.preferred, 'lab');
		assert.deepEqual(
			netcheck.relays.map(({region}) => region),
			['lab'],
		);
	}

	assert.equal(
		report.nodes.find(({name}) => name === 'village1')?.netcheck?.seenAs,
		'203.0.113.60',
	);
	assert.ok(report.findings.some(({id}) => id === 'tailscale.relayed'));
});

test('tailnet2: an older headscale does the same, with a key of the older kind', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const lab = await labOf(t, 'tailnet2');
	await install(lab, lab.node('two'));
	const key = await lab.headscale.createKey();
	assert.match(key, /^[\da-f]+$/);
	await join(lab, key);
	await assertPodNetworks(lab);
	const node = await lab.headscale.node('two');
	assert.deepEqual(node.approvedRoutes, [`${podNetwork(1)}.0/24`]);
});
