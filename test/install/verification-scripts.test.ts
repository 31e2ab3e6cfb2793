import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {spawn, spawnSync} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {existsSync, readFileSync} from 'node:fs';
import {describe, test, type TestContext} from 'node:test';
import {dnsPrograms} from '../../source/host/scripts/dns-ask.js';
import {parsePods} from '../../source/host/scripts/verify-pods.js';
import {verifyPodNetwork} from '../../source/host/scripts/verify-pod-network.js';
import {
	verifyStandInDown,
	verifyStandInUp,
} from '../../source/host/scripts/verify-stand-in.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

const list = (...items: readonly unknown[]): string => JSON.stringify({items});

const pod = (state: unknown, phase = 'Pending', podIP?: string): unknown => ({
	metadata: {name: 'one'},
	spec: {nodeName: 'nuc'},
	status: {phase, podIP, containerStatuses: [{state}]},
});

describe('what Kubernetes says of pods', () => {
	const sandboxEvent = {
		involvedObject: {name: 'one'},
		message: 'failed to get sandbox image "pause:3.6": i/o timeout',
	};
	const rows: ReadonlyArray<
		readonly [
			what: string,
			podItem: unknown,
			events: readonly unknown[],
			reason: string | undefined,
			imageProblem: string | undefined,
		]
	> = [
		[
			'an image that cannot be pulled',
			pod({waiting: {reason: 'ErrImagePull', message: 'no such host'}}),
			[],
			'no such host',
			'ErrImagePull',
		],
		[
			'an image that was given up for a while',
			pod({waiting: {reason: 'ImagePullBackOff'}}),
			[],
			'ImagePullBackOff',
			'ImagePullBackOff',
		],
		[
			'the image of the sandbox: only the event says it',
			pod({waiting: {reason: 'ContainerCreating'}}),
			[sandboxEvent],
			sandboxEvent.message,
			'FailedCreatePodSandBox',
		],
		[
			'a sandbox that failed for another reason is told, and is no matter of images',
			pod({waiting: {reason: 'ContainerCreating'}}),
			[{...sandboxEvent, message: 'failed to set up network for sandbox'}],
			'failed to set up network for sandbox',
			undefined,
		],
		[
			'the event of another pod',
			pod({waiting: {reason: 'ContainerCreating'}}),
			[{...sandboxEvent, involvedObject: {name: 'other'}}],
			'ContainerCreating',
			undefined,
		],
		[
			'a pod that runs after its sandbox failed at first',
			pod({running: {}}, 'Running', '10.42.0.9'),
			[sandboxEvent],
			undefined,
			undefined,
		],
		[
			'a crash',
			pod({waiting: {reason: 'CrashLoopBackOff', message: ''}}),
			[],
			'CrashLoopBackOff',
			undefined,
		],
	];
	for (const [what, podItem, events, reason, imageProblem] of rows) {
		test(what, () => {
			const [found] = parsePods(list(podItem), list(...events));
			assert.equal(found?.reason, reason);
			assert.equal(found?.imageProblem, imageProblem);
		});
	}
});

/** What a DNS server on the loopback says to every question: a code, and how many records. */
const startDns = async (
	context: TestContext,
	code: number,
	records: number,
): Promise<{readonly port: number; readonly questions: readonly Buffer[]}> => {
	const socket = createSocket('udp4');
	const questions: Buffer[] = [];
	socket.on('message', (question, from) => {
		questions.push(question);
		const answer = Buffer.from(question);
		answer.writeUInt16BE(0x81_80 + code, 2);
		answer.writeUInt16BE(records, 6);
		socket.send(answer, from.port, from.address);
	});
	await new Promise<void>((resolve, reject) => {
		socket.once('error', reject);
		socket.bind(0, '127.0.0.1', resolve);
	});
	context.after(() => {
		socket.close();
	});
	return {port: socket.address().port, questions};
};

/** A port on which nobody listens any more. */
const closedPort = async (): Promise<number> =>
	new Promise((resolve, reject) => {
		const socket = createSocket('udp4');
		socket.once('error', reject).bind(0, '127.0.0.1', () => {
			const {port} = socket.address();
			socket.close(() => {
				resolve(port);
			});
		});
	});

const askBy = async (
	program: readonly string[],
	port: number,
): Promise<string> =>
	new Promise((resolve, reject) => {
		const [file = '', ...words] = program;
		const child = spawn(
			file,
			[
				...words,
				'127.0.0.1',
				String(port),
				'kubernetes.default.svc.cluster.local',
			],
			{stdio: ['ignore', 'pipe', 'inherit']},
		);
		let said = '';
		child.stdout.setEncoding('utf8').on('data', (text: string) => {
			said += text;
		});
		child.once('error', reject).once('close', () => {
			resolve(said.trim());
		});
	});

const dnsAskers = [
	['python3', ['python3', '-c', dnsPrograms.python]],
	['perl', ['perl', '-e', dnsPrograms.perl]],
	['bash', ['bash', '-c', dnsPrograms.bash, 'dns']],
] as const;

for (const [name, program] of dnsAskers) {
	describe(
		`${name} asks a DNS server`,
		{
			skip:
				spawnSync(name, ['-h']).error !== undefined &&
				`${name} is not installed`,
		},
		() => {
			test('and hears an address', async (t) => {
				const {port, questions} = await startDns(t, 0, 1);
				assert.equal(await askBy(program, port), 'dns yes');
				assert.deepEqual(
					questions.map((question) => question.toString('latin1')),
					[
						'\0\u0011\u0001\0\0\u0001\0\0\0\0\0\0\nkubernetes\u0007default\u0003svc\u0007cluster\u0005local\0\0\u0001\0\u0001',
					],
				);
			});
			test('and hears that there is no such name', async (t) => {
				const {port} = await startDns(t, 3, 0);
				assert.equal(
					await askBy(program, port),
					'dns no answers with code 3 and 0 records',
				);
			});
			test('and hears nothing when nobody listens', async () => {
				assert.match(
					await askBy(program, await closedPort()),
					/^dns no no answer/,
				);
			});
		},
	);
}

/** Programs of a host on which a pod can be played; each writes what it was asked for. */
const hostPrograms = (sandbox: Sandbox): void => {
	const {root} = sandbox;
	const calls = `echo "$(basename "$0") $*" >>${root}/calls`;
	sandbox.program(
		'ip',
		String.raw`#!/bin/sh
${calls}
case "$*" in
	'-o -4 addr show dev cni0')
		[ ! -e ${root}/no-cni0 ] || exit 1
		echo '7: cni0    inet 10.42.1.1/24 brd 10.42.1.255 scope global cni0\       valid_lft forever preferred_lft forever'
		;;
	*master*) [ ! -e ${root}/no-master ] || { echo 'Operation not supported' >&2; exit 2; } ;;
esac
`,
	);
	sandbox.program(
		'systemctl',
		`#!/bin/sh
${calls}
[ "$1" != show ] || echo MainPID=4711
`,
	);
	sandbox.program(
		'readlink',
		`#!/bin/sh
case "$1" in
	/proc/self/*) echo 'net:[1]' ;;
	*) echo 'net:[2]' ;;
esac
`,
	);
	// It answers where a file says so.
	sandbox.program(
		'ping',
		`#!/bin/sh
for address in "$@"; do :; done
[ -e "${root}/answers-$address" ]
`,
	);
	for (const name of ['systemd-run', 'nsenter', 'unshare']) {
		sandbox.program(name, `#!/bin/sh\n${calls}\n`);
	}
};

const held = '/var/lib/cni/networks/cbr0';

// The shell of busybox takes its own ip and ping before any program.
for (const shell of systemShells.filter(({name}) => name !== 'busybox ash')) {
	describe(`what plays a pod, with ${shell.name}`, {skip: shell.skip}, () => {
		const playIn = async (
			t: TestContext,
			prepare: (sandbox: Sandbox) => void,
		) => {
			const sandbox = makeSandbox(shell);
			t.after(() => {
				sandbox.close();
			});
			hostPrograms(sandbox);
			prepare(sandbox);
			const answer = await sandbox.run(verifyStandInUp, {});
			const calls = existsSync(`${sandbox.root}/calls`)
				? readFileSync(`${sandbox.root}/calls`, 'utf8').split('\n')
				: [];
			return {sandbox, answer, calls};
		};

		test('gets the last address of the pod network, and a link on cni0', async (t) => {
			const {answer, calls} = await playIn(t, () => undefined);
			assert.deepEqual(answer, {address: '10.42.1.254'});
			const started = calls.find((call) => call.startsWith('systemd-run'));
			assert.match(started ?? '', /RuntimeMaxSec=1800 unshare --net sleep/);
			assert.ok(
				calls.includes(
					'nsenter --net=/proc/4711/ns/net ip address add 10.42.1.254/24 dev eth0',
				),
			);
			assert.ok(
				calls.includes(
					'nsenter --net=/proc/4711/ns/net ip route add default via 10.42.1.1',
				),
			);
		});

		test('gets none that is held, that answers, or that comes next', async (t) => {
			const {answer} = await playIn(t, (sandbox) => {
				sandbox.write(`${held}/10.42.1.254`, 'x');
				sandbox.write(`${held}/last_reserved_ip.0`, '10.42.1.236');
				sandbox.write('/answers-10.42.1.253', '');
			});
			// 10.42.1.237 to 252 are the next ones.
			assert.deepEqual(answer, {address: '10.42.1.236'});
		});

		test('is not there where no pod has made cni0', async (t) => {
			const {answer, calls} = await playIn(t, (sandbox) => {
				sandbox.write('/no-cni0', '');
			});
			assert.match(
				'problem' in answer ? answer.problem : '',
				/no cni0 .* no pod has run there yet/,
			);
			assert.ok(!calls.some((call) => call.startsWith('systemd-run')));
		});

		test('is taken away again when its link cannot be made', async (t) => {
			const {answer, calls} = await playIn(t, (sandbox) => {
				sandbox.write('/no-master', '');
			});
			assert.match(
				'problem' in answer ? answer.problem : '',
				/Operation not supported/,
			);
			assert.equal(
				calls.findLast((call) => call.startsWith('systemctl stop')),
				'systemctl stop k3s-mesh-verify-pod',
			);
			assert.ok(
				calls.indexOf('ip link delete k3s-mesh-pod') <
					calls.lastIndexOf('ip link delete k3s-mesh-pod'),
			);
		});

		test('goes without a trace, there or not', async (t) => {
			const {sandbox} = await playIn(t, () => undefined);
			await sandbox.run(verifyStandInDown, {});
			assert.match(
				sandbox.read('/calls'),
				/systemctl stop k3s-mesh-verify-pod\n.*\nip link delete k3s-mesh-pod\n$/,
			);
		});

		test("is asked for a pod's address as the pods themselves are", async (t) => {
			const {sandbox} = await playIn(t, () => undefined);
			const reach = await sandbox.run(verifyPodNetwork, {
				podAddress: '10.42.1.9',
				targets: [],
				dnsServer: undefined,
				dnsName: 'a.example',
			});
			assert.equal(
				reach.problem,
				'no network namespace with 10.42.1.9 was found',
			);
		});
	});
}
