/** The whole matrix between hosts that lack something, are in use, or behave badly. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {assertCode, fingerprint, stageFor} from '../support.js';
import {bigTopology} from '../topologies/big.js';
import {
	assertCells,
	cellLines,
	checkJson,
	parseCheck,
	type CheckJson,
} from './report.js';
import {agentsListen, agentsOn, startCheck} from './running-check.js';
import {clientName, questionsOf} from './truth.js';

/** Names of the nodes, each with what it measured with. */
const rungsOf = ({nodes}: CheckJson): Record<string, string> =>
	Object.fromEntries(nodes.map(({name, probe}) => [name, probe?.rung ?? '-']));

/** Who is told what, but for what the lab's hosts have in common. */
const findingsOf = ({findings}: CheckJson): readonly string[] =>
	findings
		.filter(
			({id, severity}) =>
				severity !== 'info' &&
				!['time.ntp', 'wireguard.kernel', 'cgroup.memory'].includes(id) &&
				!id.startsWith('outbound.'),
		)
		.map(({id, nodes}) => `${id} ${nodes.join(' ')}`)
		.toSorted();

test('bare: each host is measured with the best that it has, and what it can not do is unknown', async (t) => {
	const stage = await stageFor('bare');
	t.after(stage.down);
	const report = await checkJson(stage);

	assertCells(
		report,
		questionsOf(stage.lab.topology),
		({from, to, protocol}) => {
			if (from === 'nothing' || to === 'nothing') {
				return 'unknown';
			}

			if (to === 'shell') {
				return protocol === 'udp' ? 'reached' : 'unknown';
			}

			return 'open';
		},
	);
	assert.deepEqual(rungsOf(report), {
		whole: 'python3',
		platform: 'platform-python',
		noperl: 'python3',
		nopython: 'perl',
		neither: 'socat',
		shell: 'counters',
		nothing: '-',
	});
	for (const {from, to, bytes} of report.pathMtus) {
		assert.equal(bytes, 1500, `${from} > ${to}`);
	}
});

test('busy: ports that a program holds are left alone, and floods drown nobody', async (t) => {
	const stage = await stageFor('busy');
	t.after(stage.down);
	const report = await checkJson(stage);

	const held = new Set(['held', 'flood']);
	assertCells(report, questionsOf(stage.lab.topology), ({to}) =>
		held.has(to) ? 'in-use' : to === 'lured' ? 'wrong-host: -' : 'open',
	);
	for (const {to, verdict} of report.cells) {
		if (held.has(to)) {
			assert.equal(
				verdict.kind === 'in-use' && verdict.process,
				'python3',
				'who holds the port',
			);
		}
	}

	// The program wrote down whatever was sent to it; a connection without a word leaves a bar.
	const visits = await stage.lab
		.node('held')
		.readFile('/run/hold-ports.visits');
	assert.match(visits, /^\|*$/);
});

test('busy: a cluster that runs is measured against its own services, and does not notice', async (t) => {
	const stage = await stageFor('lan3');
	t.after(stage.down);
	assertCode(await stage.apply(), 0);
	const {nodes} = stage.lab;
	const cursors = await Promise.all(
		nodes.map(async (node) => {
			const {stdout} = await node.exec(
				"journalctl -n 1 --show-cursor | sed -n 's/^-- cursor: //p'",
			);
			assert.notEqual(stdout, '');
			return stdout.trim();
		}),
	);
	const traces = async (): Promise<readonly string[]> =>
		Promise.all(nodes.map(async ({name}) => fingerprint(stage, name)));
	const before = await traces();
	const report = await checkJson(stage);

	assert.deepEqual(
		await traces(),
		before,
		'same processes, files and restarts',
	);
	for (const [index, node] of nodes.entries()) {
		const {code, stdout} = await node.exec([
			'journalctl',
			'--no-pager',
			`--after-cursor=${cursors[index]!}`,
			'-u',
			'k3s*',
		]);
		assert.equal(code, 0);
		assert.doesNotMatch(
			stdout,
			/error|warn|handshake|bad request|traceback/i,
			node.name,
		);
	}

	// The API and the kubelet show by their keys that it is them; what holds the mesh port in a container shows nothing.
	for (const cell of report.cells) {
		const {from, to, protocol, port, verdict} = cell;
		const listens = protocol === 'tcp';
		if (listens) {
			assert.ok(
				verdict.kind === 'in-use' && verdict.live?.arrives,
				`${from} > ${to} ${protocol}/${port} ${JSON.stringify(verdict)}`,
			);
		}
	}

	assert.ok(
		report.cells.some(({from}) => from === clientName),
		'this machine has looked at the API',
	);
	assert.deepEqual(
		cellLines(report).filter((line) =>
			/ (?:filtered|refused|wrong)/.test(line),
		),
		[],
	);
});

test('big: twenty hosts at once, and every path of every pair is open', async (t) => {
	const stage = await stageFor(bigTopology(20));
	t.after(stage.down);
	const report = await checkJson(stage);
	assertCells(report, questionsOf(stage.lab.topology), () => 'open');
	assert.equal(report.latencies.length, 20 * 19);
	assert.deepEqual(
		report.pathMtus.filter(({bytes}) => bytes !== 1500),
		[],
	);
	assert.equal(report.pathMtus.length, 20 * 19);
});

test('podfw: all ports are open, and that pods would reach nothing is said all the same', async (t) => {
	const stage = await stageFor('podfw');
	t.after(stage.down);
	const report = await checkJson(stage);
	assertCells(report, questionsOf(stage.lab.topology), () => 'open');
	assert.deepEqual(findingsOf(report), ['forwarding.blocked stops']);
});

test('rude: banners, strange shells, full disks and broken programs end in a verdict, and the others are complete', async (t) => {
	const stage = await stageFor('rude');
	t.after(stage.down);
	const report = await checkJson(stage);
	assert.deepEqual(
		report.nodes.filter(({reached}) => !reached),
		[],
	);

	assertCells(report, questionsOf(stage.lab.topology), (): string => 'open');
	assert.deepEqual(rungsOf(report), {
		noisy: 'python3',
		fish: 'python3',
		tcsh: 'python3',
		full: 'python3',
		notmp: 'python3',
		fails: 'perl',
		dies: 'perl',
		babbles: 'perl',
	});
	assert.deepEqual(
		findingsOf(report).filter((line) => !line.startsWith('tool.')),
		['disk.minimum full'],
	);
});

/** Says things to the ports of a host that only those who know the run's token may get an answer to. */
const stranger = String.raw`
import select, socket, sys
address = sys.argv[1]
token = b"0" * 32
said = [
    b"",
    b"\n",
    b"x" * 1400,
    b"k3s-mesh-probe\n",
    b"k3s-mesh-probe  ask 1 0 \n",
    b"k3s-mesh-probe " + token + b" ask 1 0 " + b"." * 200 + b"\n",
    b"k3s-mesh-probe " + token + b" here 1 0 fra1 192.0.2.10:1\n",
    bytes(range(256)),
]
socks = []
for text in said:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, 51820))
    sock.send(text)
    socks.append(sock)
    sock = socket.create_connection((address, 10250), 3)
    sock.sendall(text + b"\n")
    socks.append(sock)
heard = b""
while socks:
    readable, _, _ = select.select(socks, [], [], 2)
    if not readable:
        break
    for sock in readable:
        try:
            data = sock.recv(4096)
        except OSError:
            data = b""
        heard += data
        socks.remove(sock)
print(len(said), len(heard), heard[:100])
`;

test('lan3: strangers hear nothing, and an agent that dies in the middle costs the others nothing', async (t) => {
	const stage = await stageFor('lan3');
	t.after(stage.down);
	const {nodes} = stage.lab;
	const questions = questionsOf(stage.lab.topology);

	await t.test('strangers', async () => {
		const victim = stage.lab.node('fra2');
		const listening = agentsListen([victim]);
		const {outcome} = startCheck(stage);
		await listening;
		const heard = await stage.lab.client.exec(
			['python3', '-c', stranger, victim.externalIp],
			{timeoutMs: 20_000},
		);
		assert.equal(heard.stdout, "8 0 b''\n", heard.stderr);
		assertCells(parseCheck(await outcome), questions, () => 'open');
	});

	await t.test('an agent that dies', async () => {
		const victim = stage.lab.node('fra2');
		const listening = agentsListen(nodes);
		const {outcome} = startCheck(stage);
		await listening;
		const agents = await agentsOn(victim);
		assert.notDeepEqual(agents, []);
		await victim.exec(['kill', '-KILL', ...agents]);
		const report = parseCheck(await outcome);
		const involved = ({from, to}: {from: string; to: string}) =>
			[from, to].includes(victim.name);
		// What was known before it died stays known; nothing is blamed on the network.
		for (const cell of report.cells.filter((one) => involved(one))) {
			assert.match(
				cell.verdict.kind,
				/^(?:open|unknown)$/,
				`${cell.from} > ${cell.to} ${JSON.stringify(cell.verdict)}`,
			);
		}

		assertCells(
			{...report, cells: report.cells.filter((one) => !involved(one))},
			questions.filter((one) => !involved(one)),
			() => 'open',
		);
		const others = nodes.filter(({name}) => name !== victim.name);
		for (const from of others) {
			for (const to of others.filter((one) => one !== from)) {
				assert.ok(
					report.latencies.some(
						(one) => one.from === from.name && one.to === to.name,
					),
					`latency from ${from.name} to ${to.name}`,
				);
			}
		}
	});
});
