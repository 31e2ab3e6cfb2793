import assert from 'node:assert/strict';
import test, {type TestContext} from 'node:test';
import {parse} from 'yaml';
import {clusterSchema} from '../../source/cluster/schema.js';
import {
	sudoPassword,
	up,
	users,
	waitFor,
	type Lab,
	type LabNode,
} from './index.js';

const upFor = async (t: TestContext, topology: string): Promise<Lab> => {
	const lab = await up({topology});
	t.after(lab.down);
	return lab;
};

/** Logs in from the client with the lab's key, and with host keys checked. */
const ssh = async (lab: Lab, node: LabNode, user: string, command: string) =>
	lab.client.exec(
		[
			'ssh',
			'-F',
			'none',
			'-i',
			lab.sshKey,
			'-o',
			'BatchMode=yes',
			'-o',
			'StrictHostKeyChecking=yes',
			'-o',
			`UserKnownHostsFile=${lab.home}/.ssh/known_hosts`,
			`${user}@${node.sshAddress}`,
			command,
		],
		{timeoutMs: 20_000},
	);

/** Connects and tells what happened: the greeting, `refused`, or `silence`. */
const connect = async (
	from: LabNode,
	address: string,
	port: number,
): Promise<string> => {
	const {stdout} = await from.exec([
		'python3',
		'-c',
		`
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2) as connection:
        print(connection.recv(200).decode().strip())
except ConnectionRefusedError:
    print('refused')
except TimeoutError:
    print('silence')
`,
		address,
		String(port),
	]);
	return stdout.trim();
};

/** Listens on a host, on both protocols; answers with the address that it was asked from. */
const listen = async (node: LabNode, port: number): Promise<void> => {
	await node.exec([
		'systemd-run',
		`--unit=listen-${port}`,
		'python3',
		'-c',
		`
import socketserver, sys, threading
class Stream(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(self.client_address[0].encode())
class Datagram(socketserver.BaseRequestHandler):
    def handle(self): self.request[1].sendto(self.client_address[0].encode(), self.client_address)
address = ('0.0.0.0', int(sys.argv[1]))
threading.Thread(target=socketserver.ThreadingTCPServer(address, Stream).serve_forever).start()
socketserver.UDPServer(address, Datagram).serve_forever()
`,
		String(port),
	]);
	await waitFor(
		`${node.name} does not listen on ${port}`,
		async () => {
			const {stdout} = await node.exec(['ss', '-Hltnu', `sport = :${port}`]);
			return stdout.trim().split('\n').length === 2 ? true : undefined;
		},
		{timeoutMs: 10_000},
	);
};

/** Sends datagrams until one is answered; the answer, or `silence`. */
const datagram = async (
	from: LabNode,
	address: string,
	port: number,
): Promise<string> => {
	const {stdout} = await from.exec([
		'python3',
		'-c',
		`
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.settimeout(0.5)
    for attempt in range(4):
        sender.sendto(b'?', (sys.argv[1], int(sys.argv[2])))
        try:
            print(sender.recv(200).decode())
            break
        except TimeoutError:
            pass
    else:
        print('silence')
`,
		address,
		String(port),
	]);
	return stdout.trim();
};

test('lan3: hosts are machines of their own, and everybody gets in who should', async (t) => {
	const lab = await upFor(t, 'lan3');

	for (const node of lab.nodes) {
		for (const user of ['root', ...users.map(({name}) => name)]) {
			const {code, stdout, stderr} = await ssh(
				lab,
				node,
				user,
				'id -un; uname -n',
			);
			assert.equal(code, 0, `${user}@${node.name}: ${stderr}`);
			assert.equal(stdout, `${user}\n${node.name}\n`);
		}
	}

	const [first, second, third] = lab.nodes as [LabNode, LabNode, LabNode];
	for (const {name, sudo, shell} of users) {
		const {code} = await ssh(lab, first, name, 'sudo -n true');
		assert.equal(code === 0, sudo === 'free', `sudo -n of ${name}`);
		const {stdout} = await ssh(lab, first, name, 'readlink /proc/$$/exe; true');
		const program = shell.endsWith('/ash')
			? 'busybox'
			: shell.split('/').at(-1);
		assert.match(stdout, new RegExp(`/${program}$`, 'm'), name);
	}

	const asked = await lab.client.exec(
		[
			'ssh',
			'-F',
			'none',
			'-i',
			lab.sshKey,
			'-o',
			`UserKnownHostsFile=${lab.home}/.ssh/known_hosts`,
			`asks@${first.sshAddress}`,
			'sudo -S -p "" id -u',
		],
		{input: `${sudoPassword}\n`},
	);
	assert.equal(asked.stdout, '0\n', asked.stderr);

	for (const file of [
		'/etc/machine-id',
		'/etc/hostname',
		'/etc/ssh/ssh_host_ed25519_key.pub',
		'/proc/sys/kernel/random/boot_id',
	]) {
		const texts = await Promise.all(
			lab.nodes.map(async (node) => node.readFile(file)),
		);
		assert.equal(new Set(texts).size, 3, `${file}: ${texts.join(' ')}`);
	}

	for (const from of [first, second, third]) {
		for (const to of [first, second, third]) {
			assert.match(await connect(from, to.externalIp, 22), /^SSH-2\.0/);
		}

		const state = await from.exec(['systemctl', 'is-system-running']);
		assert.equal(state.stdout, 'running\n');
	}
});

test('lan3: a host that reboots comes back with its files, and without what lived in its kernel', async (t) => {
	const lab = await upFor(t, 'lan3');
	const [node, other] = lab.nodes as [LabNode, LabNode];
	const bootId = '/proc/sys/kernel/random/boot_id';
	const before = {
		boot: await node.readFile(bootId),
		machine: await node.readFile('/etc/machine-id'),
		pid: node.pid(),
	};
	const prepared = await node.exec(`
set -e
echo kept >/root/kept
touch /run/lost
nft add table inet lost
ip link add lost type bridge
ip address add 10.42.0.1/24 dev lost
echo 1 >/proc/sys/net/ipv4/ip_forward
`);
	assert.equal(prepared.code, 0, prepared.stderr);

	await node.reboot();

	assert.notEqual(await node.readFile(bootId), before.boot);
	assert.notEqual(node.pid(), before.pid);
	assert.equal(await node.readFile('/etc/machine-id'), before.machine);
	assert.equal(await node.readFile('/root/kept'), 'kept\n');
	const {stdout} = await node.exec(
		'ls /run/lost 2>/dev/null; nft list tables; ip -o link show lost 2>/dev/null; cat /proc/sys/net/ipv4/ip_forward',
	);
	assert.equal(stdout, '0\n');
	assert.match(await connect(other, node.externalIp, 22), /^SSH-2\.0/);
	const login = await ssh(lab, node, 'me', 'true');
	assert.equal(login.code, 0, login.stderr);

	// A reboot from inside by somebody who is logged in, too.
	const again = await node.readFile(bootId);
	await ssh(lab, node, 'me', 'sudo -n systemctl reboot');
	await waitFor(
		`${node.name} does not come back`,
		async () => {
			const {code, stdout: boot} = await ssh(lab, node, 'me', `cat ${bootId}`);
			return code === 0 && boot !== again ? true : undefined;
		},
		{timeoutMs: 60_000, everyMs: 200},
	);
});

test('lan3: the mirror serves K3s as the real places do, and misbehaves on demand', async (t) => {
	const lab = await upFor(t, 'lan3');
	const node = lab.nodes[1]!;
	const {mirror} = lab;
	const get = async (url: string, ...words: string[]) =>
		node.exec(['curl', '-sS', ...words, url]);

	const channel = await get(
		`${mirror.channels}/stable`,
		'-L',
		'-o',
		'/dev/null',
		'-w',
		'%{http_code} %{url_effective}',
	);
	assert.equal(channel.stdout, `200 ${mirror.releases}/tag/v1.36.3+k3s1`);
	const channelList = await get(mirror.channels);
	const listed = JSON.parse(channelList.stdout) as {
		data: Array<{name: string; latest: string}>;
	};
	assert.equal(
		listed.data.find(({name}) => name === 'v1.35')?.latest,
		'v1.35.6+k3s1',
	);

	for (const plus of ['+', '%2B']) {
		for (const name of ['k3s', 'k3s-arm64']) {
			const base = `${mirror.releases}/download/v1.35.6${plus}k3s1`;
			const architecture = name === 'k3s' ? 'amd64' : 'arm64';
			const {code, stderr} = await node.exec(
				`set -e; cd /root
curl -fsS -o '${name}' '${base}/${name}'
curl -fsS '${base}/sha256sum-${architecture}.txt' >sums
sha256sum -c sums`,
			);
			assert.equal(code, 0, stderr);
		}
	}

	const version = await node.exec(
		'chmod +x /root/k3s && /root/k3s --version && curl -fsS -o /root/install.sh ' +
			mirror.installScript,
	);
	assert.match(version.stdout, /v1\.35\.6\+k3s1/, version.stderr);

	const binary = `${mirror.releases}/download/v1.36.3+k3s1/k3s`;
	await mirror.control({bytesPerSecond: 100_000});
	const slow = await get(binary, '-m', '1', '-o', '/root/part');
	assert.equal(slow.code, 28, 'a throttled download did not time out');
	await mirror.control({});
	const resumed = await node.exec(
		`set -e; cd /root; curl -fsS -C - -o part '${binary}'; sha256sum part | cut -c 1-64`,
	);
	const sums = await get(
		`${mirror.releases}/download/v1.36.3+k3s1/sha256sum-amd64.txt`,
	);
	assert.equal(resumed.stdout.trim(), sums.stdout.slice(0, 64), resumed.stderr);

	await mirror.control({wrongChecksums: true});
	const wrong = await get(
		`${mirror.releases}/download/v1.36.3+k3s1/sha256sum-amd64.txt`,
	);
	assert.match(wrong.stdout, /^0{64} {2}k3s$/m);
	await mirror.control({status: 503});
	const down = await get(mirror.installScript, '-w', '%{http_code}');
	assert.match(down.stdout, /503$/);

	const requests = await mirror.requests();
	assert.ok(
		requests.some(({url, complete}) => url.endsWith('/k3s') && !complete),
		'the broken download is not recorded',
	);

	const cluster = clusterSchema.parse(parse(lab.clusterFile({name: 'other'})));
	assert.equal(cluster.name, 'other');
	assert.equal(cluster.mirrors.releases, mirror.releases);
	assert.deepEqual(
		cluster.nodes.map(({name, role}) => `${name} ${role}`),
		lab.nodes.map(({name, role}) => `${name} ${role}`),
	);
});

test('two-sites: 1:1 NAT in both directions, with hairpin', async (t) => {
	const lab = await upFor(t, 'two-sites');
	const [home1, home2, cloud1] = lab.nodes as [LabNode, LabNode, LabNode];
	for (const node of lab.nodes) {
		await listen(node, 7000);
	}

	for (const ask of [connect, datagram]) {
		// Who each sees is asking: the external address, except inside a site.
		for (const [from, address, seen] of [
			[home1, home1.externalIp, home1.externalIp],
			[home1, home2.externalIp, home1.externalIp],
			[home2, home1.externalIp, home2.externalIp],
			[home1, home2.internalIp!, home1.internalIp!],
			[home1, cloud1.externalIp, home1.externalIp],
			[home2, cloud1.externalIp, home2.externalIp],
			[cloud1, home1.externalIp, cloud1.externalIp],
			[cloud1, home2.externalIp, cloud1.externalIp],
		] as const) {
			assert.equal(
				await ask(from, address, 7000),
				seen,
				`${ask.name}: ${from.name} asks ${address}`,
			);
		}

		assert.notEqual(
			await ask(cloud1, home1.internalIp!, 7000),
			cloud1.externalIp,
			'an internal address is reached from elsewhere',
		);
	}
});

test('no-hairpin: a site does not reach its own external addresses', async (t) => {
	const lab = await upFor(t, 'no-hairpin');
	const [home1, home2, cloud1] = lab.nodes as [LabNode, LabNode, LabNode];
	assert.equal(await connect(home1, home1.externalIp, 22), 'silence');
	assert.equal(await connect(home1, home2.externalIp, 22), 'silence');
	assert.match(await connect(home1, cloud1.externalIp, 22), /^SSH-2\.0/);
	assert.match(await connect(cloud1, home1.externalIp, 22), /^SSH-2\.0/);
});

test('fw: firewalls drop what they should, also after a reboot', async (t) => {
	const lab = await upFor(t, 'fw');
	const gate = lab.node('gate');
	const wall = lab.node('wall');
	const open = lab.node('open');
	const check = async () => {
		for (const node of lab.nodes) {
			await listen(node, 6443);
			await listen(node, 51_820);
		}

		const from = (node: LabNode) => node.externalIp;
		assert.equal(await connect(open, gate.externalIp, 6443), 'silence');
		assert.equal(await connect(open, wall.externalIp, 6443), from(open));
		assert.equal(await connect(gate, open.externalIp, 6443), from(gate));
		assert.equal(await datagram(open, wall.externalIp, 51_820), 'silence');
		assert.equal(await datagram(wall, open.externalIp, 51_820), from(wall));
		assert.equal(await datagram(open, gate.externalIp, 51_820), from(open));
		assert.match(await connect(open, wall.externalIp, 22), /^SSH-2\.0/);
	};

	await check();
	await Promise.all(lab.nodes.map(async (node) => node.reboot()));
	await check();
});

test('bad: each host is bad in its own way', async (t) => {
	const lab = await upFor(t, 'bad');
	const noTools = await ssh(lab, lab.node('notools'), 'root', 'python3 -V');
	assert.equal(noTools.code, 127);
	const noSudo = await ssh(lab, lab.node('nosudo'), 'nosudo', 'sudo -n true');
	assert.equal(noSudo.code, 127);
	assert.match(
		await lab
			.node('contrary')
			.readFile('/etc/rancher/k3s/config.yaml.d/90-mine.yaml'),
		/node-external-ip/,
	);
	const good = await ssh(lab, lab.node('good'), 'root', 'python3 -V');
	assert.equal(good.code, 0);
});
