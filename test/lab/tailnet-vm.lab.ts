/** What only a kernel of its own shows: filters by address on a unit need BPF, which containers of the lab have not. */
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {clusterSchema} from '../../source/cluster/schema.js';
import {
	tailscaledDropIn,
	tailscaledUnit,
} from '../../source/mesh/tailnet-units.js';
import {requireGo} from './tailnet/go.js';
import {installScript} from './tailnet/node.js';
import {tailscalePackages, tailscaleRelease} from './tailnet/programs.js';
import {publicHost} from './topologies/public-host.js';
import {up, type LabNode} from './index.js';

const cluster = clusterSchema.parse({
	version: 1,
	name: 'loop',
	mesh: {kind: 'tailscale'},
});

/** Whether a program in the control group of tailscaled, or one outside of it, reaches an address. */
const reaches = async (
	node: LabNode,
	where: 'in tailscaled' | 'outside',
	address: string,
): Promise<boolean> => {
	const enter =
		where === 'outside'
			? ''
			: 'echo $$ >/sys/fs/cgroup/system.slice/tailscaled.service/cgroup.procs';
	const {code} = await node.exec(
		`set -eu\n${enter}\nexec ping -n -q -c 1 -W 3 ${address}`,
		{timeoutMs: 30_000},
	);
	return code === 0;
};

test('tailscaled sends nothing of its own into the network of pods', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const lab = await up({
		topology: {
			name: 'loop',
			about: 'a public host',
			sites: [],
			hosts: [publicHost('hub', 'server', '198.51.100.91')],
		},
		vm: true,
	});
	t.after(lab.down);
	const hub = lab.node('hub');
	const pods = '10.42.0.1';
	const done = async (script: string, input: string | Uint8Array = '') => {
		const {code, stderr} = await hub.exec(`set -eu\n${script}`, {
			input,
			timeoutMs: 180_000,
		});
		assert.equal(code, 0, stderr);
	};

	// It runs without being logged in anywhere.
	const packages = await tailscalePackages();
	await done(
		installScript,
		await readFile(path.join(packages, `${tailscaleRelease}.tgz`)),
	);
	await done(`
ip link add cni0 type bridge
ip address add ${pods}/24 dev cni0
ip link set cni0 up
systemctl is-active tailscaled`);
	assert.ok(await reaches(hub, 'in tailscaled', pods));

	await done(
		`
mkdir -p '${tailscaledDropIn.slice(0, tailscaledDropIn.lastIndexOf('/'))}'
cat >'${tailscaledDropIn}'
systemctl daemon-reload
systemctl restart tailscaled`,
		tailscaledUnit(cluster, {kernel: '6.1.0'}),
	);
	assert.ok(!(await reaches(hub, 'in tailscaled', pods)));
	assert.ok(await reaches(hub, 'in tailscaled', hub.externalIp));
	assert.ok(await reaches(hub, 'outside', pods));
});
