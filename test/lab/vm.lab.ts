import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import process from 'node:process';
import test from 'node:test';
import {instanceData, instanceFolder} from './folders.js';
import {processesIn, startTime, isAlive} from './processes.js';
import {namespacePath, readState} from './state.js';
import {up, waitFor, type LabNode} from './index.js';

const done = async (node: LabNode, script: string): Promise<string> => {
	const {code, stdout, stderr} = await node.exec(`set -eu\n${script}`);
	assert.equal(code, 0, `${node.name}: ${stderr}`);
	return stdout.trim();
};

/** Joins two hosts by the kernel's own WireGuard, with addresses of the tunnel 10.99.0.1 and .2. */
const joinByWireguard = async (
	first: LabNode,
	second: LabNode,
): Promise<void> => {
	const publicKeys = await Promise.all(
		[first, second].map(async (node, index) =>
			done(
				node,
				`
umask 077
wg genkey >/run/tunnel.key
ip link add tunnel type wireguard
ip address add 10.99.0.${index + 1}/24 dev tunnel
wg set tunnel private-key /run/tunnel.key listen-port 51999
ip link set tunnel up
wg pubkey </run/tunnel.key`,
			),
		),
	);
	await done(
		first,
		`wg set tunnel peer ${publicKeys[1]} allowed-ips 10.99.0.2/32 endpoint ${second.externalIp}:51999`,
	);
	await done(
		second,
		`wg set tunnel peer ${publicKeys[0]} allowed-ips 10.99.0.1/32`,
	);
};

test('wg3: virtual machines have a kernel of their own with WireGuard, reboot, and leave nothing', async (t) => {
	const lab = await up({topology: 'wg3', vm: true});
	t.after(lab.down);
	const state = readState(lab.name)!;
	const {nodes} = lab;
	const emulators = nodes.map((node) => ({
		pid: node.pid(),
		startTime: startTime(node.pid()),
	}));

	await t.test('each lets in who the cluster file names', async () => {
		for (const node of nodes) {
			const {code, stdout, stderr} = await lab.client.exec(
				[
					...'ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -i'.split(
						' ',
					),
					lab.sshKey,
					'-o',
					`UserKnownHostsFile=${lab.home}/.ssh/known_hosts`,
					`me@${node.sshAddress}`,
					'uname -n; sudo -n id -u',
				],
				{timeoutMs: 60_000},
			);
			assert.equal(code, 0, stderr);
			assert.equal(stdout, `${node.name}\n0\n`);
		}
	});

	await t.test('each is a machine of its own', async () => {
		const identities = await Promise.all(
			nodes.map(async (node) =>
				done(
					node,
					'cat /etc/machine-id /proc/sys/kernel/random/boot_id; uname -n; cat /sys/class/net/eth0/address',
				),
			),
		);
		const lines = identities.flatMap((text) => text.split('\n'));
		assert.equal(lines.length, 12);
		assert.equal(new Set(lines).size, 12);
	});

	await t.test('each has what K3s asks of a kernel', async () => {
		for (const node of nodes) {
			const text = await done(
				node,
				`
cat /sys/fs/cgroup/cgroup.controllers
for module in wireguard br_netfilter overlay nf_conntrack iptable_nat sch_netem; do modprobe $module; done
systemctl is-system-running`,
			);
			assert.match(text, /\bmemory\b/);
			assert.match(text, /^running$/m);
		}
	});

	await t.test('two of them talk by WireGuard of the kernel', async () => {
		const [first, , third] = nodes;
		await joinByWireguard(first!, third!);
		await done(first!, 'ping -c 3 -i 0.2 -W 10 10.99.0.2');
		for (const node of [first!, third!]) {
			const handshakes = await done(node, 'wg show tunnel latest-handshakes');
			assert.ok(
				Number(handshakes.split('\t')[1]) > 0,
				`${node.name} has no handshake`,
			);
		}
	});

	await t.test('a clock jumps on one of them only', async () => {
		const clocks = async () =>
			Promise.all(
				nodes.map(async (node) => Number(await done(node, 'date +%s'))),
			);
		const before = await clocks();
		await done(nodes[1]!, 'date -s @$(($(date +%s) + 7200))');
		const after = await clocks();
		assert.deepEqual(
			after.map((seconds, index) => seconds - before[index]! >= 7200),
			[false, true, false],
		);
	});

	await t.test(
		'a reboot comes back with files, and without tunnels',
		async () => {
			const [first] = nodes;
			await done(first!, 'echo kept >/root/kept');
			await first!.reboot();
			assert.equal(await first!.readFile('/root/kept'), 'kept\n');
			assert.equal(
				await done(first!, 'cat /etc/hostname; ls /sys/class/net'),
				`${first!.name}\neth0\nlo`,
			);
			assert.equal(first!.pid(), emulators[0]!.pid);
		},
	);

	await t.test('down leaves nothing', async () => {
		await lab.down();
		assert.deepEqual(
			processesIn(state.namespaces.map((name) => namespacePath(name))),
			[],
		);
		assert.deepEqual(
			emulators.map((mark) => isAlive(mark)),
			[false, false, false],
		);
		for (const left of [
			...state.namespaces.map((name) => namespacePath(name)),
			instanceFolder(lab.name),
			instanceData(lab.name),
		]) {
			assert.ok(!existsSync(left), left);
		}
	});
});

test('a virtual machine stands behind a router as a container does', async (t) => {
	const lab = await up({topology: 'two-sites', vm: true});
	t.after(lab.down);
	const [first, second] = lab.nodes;
	assert.match(
		await done(first!, 'ip -4 -brief address show eth0; ip route show default'),
		/192\.168\.10\.11\/24[^]*via 192\.168\.10\.1\b/,
	);
	await done(second!, `ping -c 1 -W 10 ${first!.externalIp}`);
	await done(second!, `ping -c 1 -W 10 ${first!.internalIp!}`);

	await t.test(
		'an emulator that ended is an error that names the host',
		async () => {
			process.kill(first!.pid(), 'SIGKILL');
			await waitFor(
				'the emulator lives on',
				() => {
					try {
						first!.pid();
						return undefined;
					} catch {
						return true;
					}
				},
				{timeoutMs: 10_000},
			);
			await assert.rejects(first!.reboot(), /home1 is not running/);
		},
	);
});
