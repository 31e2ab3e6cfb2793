import assert from 'node:assert/strict';
import type {ChildProcess} from 'node:child_process';
import {waitFor, type LabNode, type MirrorControl} from '../index.js';
import type {Stage} from '../support.js';
import {mirrorName} from './hosts.js';
import {stepNames, stepsOf, type StepName} from './steps.js';

/** Where a fault happens. */
export type Scene = {
	readonly stage: Stage;
	/** The machine that it happens to. */
	readonly node: LabNode;
};

/** Something that goes wrong while the program is in the middle of a step. */
export type Fault = {
	readonly title: string;
	/** Steps that it cannot touch, each with why. */
	readonly spares: Partial<Readonly<Record<StepName, string>>>;
	/** What the sentence must say of the cause, where the run does not get over it. */
	readonly cause: RegExp;
	/**
	 * A run may get over it: it goes by itself (`true`), or these steps have no need of what is gone. All others have to
	 * end with the sentence: a run that ends well with a download that was changed has not looked.
	 */
	readonly mayPass?: true | readonly StepName[];
	/** Happens before the step begins to move bytes, not in the middle of it. */
	readonly atBegin?: true;
	/** Needs hosts with a clock of their own. */
	readonly onMachines?: true;
	/** Breaks something, while the program stands still. */
	readonly inject: (scene: Scene, program: ChildProcess) => Promise<void>;
	/** Puts right what the fault broke, as a person would before the next run. */
	readonly mend: (scene: Scene) => Promise<void>;
};

const onHost = async ({node}: Scene, script: string): Promise<void> => {
	const {code, stderr} = await node.exec(`set -eu\n${script}`);
	assert.equal(code, 0, `${node.name}: ${stderr}`);
};

const onMirror = async ({stage}: Scene, control: MirrorControl) =>
	stage.lab.mirror.control(control);

/** Rules of the client's own network, beside the program. */
const onClient = async ({stage}: Scene, rules: string): Promise<void> => {
	const {code, stderr} = await stage.lab.client.exec(['nft', '-f', '-'], {
		input: rules,
	});
	assert.equal(code, 0, stderr);
};

const nothing = async (): Promise<void> => undefined;

const except = (
	steps: readonly StepName[],
	why: string,
): Partial<Record<StepName, string>> =>
	Object.fromEntries(steps.map((step) => [step, why]));

const downloads: readonly StepName[] = [
	'download',
	'install',
	'tailscale-install',
];

const onlyIn = (steps: readonly StepName[], why: string) =>
	except(
		stepNames.filter((name) => !steps.includes(name)),
		why,
	);

const unitOf = ({node}: Scene) =>
	node.role === 'server' ? 'k3s' : 'k3s-agent';

/** Why the connection to a machine is gone, or cannot be had again, in our words. */
const lost =
	/connection to \w+ was lost|cannot be reached|does not answer|no answer|refused|closed|reset|no server of this cluster has answered/i;

const reboots = new WeakMap<Stage, Promise<void>>();

export const faults = {
	'client-kill': {
		title: 'the program is killed (SIGKILL)',
		spares: {},
		// Nobody is left who could say anything.
		cause: /^$/,
		async inject(_scene, program) {
			program.kill('SIGKILL');
		},
		mend: nothing,
	},
	'ssh-reset': {
		title: 'the SSH connection is reset',
		spares: {},
		cause: lost,
		mayPass: true,
		inject: async (scene) =>
			onHost(scene, "ss -K state established '( sport = :22 )' >/dev/null"),
		mend: nothing,
	},
	'ssh-drop': {
		title: 'the network to the host goes silent',
		spares: {},
		cause: lost,
		inject: async (scene) =>
			onClient(
				scene,
				`table inet faults {
	chain input {
		type filter hook input priority 0;
		ip saddr ${scene.node.sshAddress} drop
	}
}
`,
			),
		mend: async (scene) => onClient(scene, 'delete table inet faults\n'),
	},
	reboot: {
		title: 'the host loses power and boots again',
		spares: {},
		cause: lost,
		mayPass: true,
		async inject({stage, node}) {
			const boot = node.pid();
			reboots.set(stage, node.reboot('abruptly'));
			await waitFor(
				`${node.name} does not go down`,
				() => {
					try {
						return node.pid() === boot ? undefined : true;
					} catch {
						return true;
					}
				},
				{timeoutMs: 10_000, everyMs: 10},
			);
		},
		mend: async ({stage}) => reboots.get(stage),
	},
	'sudo-revoked': {
		title: 'the user may not become root any more',
		spares: {},
		cause: /root|sudo/i,
		inject: async (scene) =>
			onHost(scene, "sed -i 's|^me |#&|' /etc/sudoers.d/lab"),
		mend: async (scene) =>
			onHost(scene, "sed -i 's/^#me /me /' /etc/sudoers.d/lab"),
	},
	'disk-full': {
		title: 'the disk is full',
		spares: {},
		cause: /no space (?:is )?left|disk is full/i,
		// To take our own list away needs no room.
		mayPass: ['forget'],
		inject: async (scene) =>
			onHost(
				scene,
				`free=$(df -Pk /var | awk 'NR == 2 {print $4}')
fallocate -l $((free - 8192))K /var/fault
dd if=/dev/zero of=/var/fault bs=4k oflag=append conv=notrunc 2>/dev/null || :`,
			),
		mend: async (scene) => onHost(scene, 'rm -f /var/fault'),
	},
	'download-cut': {
		title: 'each download ends half-way',
		spares: onlyIn(downloads, 'the host downloads nothing then'),
		cause: /transfer closed|reset|cannot be downloaded/i,
		atBegin: true,
		inject: async (scene) => onMirror(scene, {cutsFiles: true}),
		mend: async (scene) => onMirror(scene, {}),
	},
	'wrong-checksum': {
		title: 'the download has another checksum',
		spares: {
			...onlyIn(downloads, 'the host downloads nothing then'),
			install: 'K3s publishes no checksum of its install script',
		},
		cause: /another sha256/,
		atBegin: true,
		inject: async (scene) => onMirror(scene, {wrongChecksums: true}),
		mend: async (scene) => onMirror(scene, {}),
	},
	'crash-loop': {
		title: 'K3s ends right after each start',
		spares: {
			...onlyIn(
				['start', 'join', 'ready', 'verify', 'routes'],
				'K3s is not started yet',
			),
			...except(stepsOf('leaving'), 'K3s is taken away'),
		},
		cause:
			/K3s ends right after each start, and says last: a module of the owner is broken/,
		inject: async (scene) =>
			onHost(
				scene,
				`folder=/run/systemd/system/${unitOf(scene)}.service.d
mkdir -p $folder
cat >$folder/zz-fault.conf <<'CONF'
[Service]
ExecStart=
ExecStart=/bin/sh -c "echo a module of the owner is broken >&2; exit 1"
CONF
systemctl daemon-reload
systemctl kill --signal=KILL ${unitOf(scene)} || :`,
			),
		mend: async (scene) =>
			onHost(
				scene,
				`rm /run/systemd/system/${unitOf(scene)}.service.d/zz-fault.conf\nsystemctl daemon-reload`,
			),
	},
	'dns-gone': {
		title: 'the host resolves no name any more',
		spares: onlyIn(downloads, 'the host asks for nothing by name then'),
		cause: /resolve/i,
		atBegin: true,
		inject: async (scene) =>
			onHost(scene, `sed -i 's/${mirrorName}/#&/' /etc/hosts`),
		mend: async (scene) =>
			onHost(scene, `sed -i 's/#${mirrorName}/${mirrorName}/' /etc/hosts`),
	},
	'clock-jump': {
		title: "the host's clock jumps to 1970",
		spares: {
			...except(
				['firewall', 'send', 'download', 'configure', 'install'],
				"nothing in it looks at the clock: the lab's mirror speaks plain HTTP",
			),
			...except(
				stepsOf('tailnet', 'leaving'),
				'a clock of its own takes an emulated machine, and that many minutes',
			),
		},
		cause: /a clock is wrong/,
		onMachines: true,
		inject: async (scene) =>
			onHost(
				scene,
				'date -u +%s >/run/fault-clock; cut -d. -f1 /proc/uptime >>/run/fault-clock; date --set @86400',
			),
		mend: async (scene) =>
			onHost(
				scene,
				'{ read -r was; read -r up; } </run/fault-clock; now=$(cut -d. -f1 /proc/uptime); date --set "@$((was + now - up))"',
			),
	},
	'control-away': {
		title: 'the control server of the tailnet is away',
		spares: onlyIn(
			['tailscale-login', 'routes'],
			'nothing is asked of it then',
		),
		cause: /does not reach https:|control server/i,
		// The node knows what was approved before.
		mayPass: ['routes'],
		inject: async ({stage}) => stage.lab.headscale.stop(),
		mend: async ({stage}) => stage.lab.headscale.start(),
	},
} satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof faults;

export const faultNames = Object.keys(faults) as FaultName[];
