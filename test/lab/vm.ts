import {readFileSync} from 'node:fs';
import path from 'node:path';
import {instanceData, instanceFolder} from './folders.js';
import type {HostExecOptions, HostKind, Workshop} from './host-kind.js';
import {bareEnvironment, launch} from './launch.js';
import {inNamespace, namespaceOf} from './network.js';
import {isAlive} from './processes.js';
import {LabError, run, runOrFail, waitFor, type Result} from './run.js';
import {namespacePath, readProcess} from './state.js';
import {addressOf, gatewayOf, sshOf, type HostSpec} from './topology.js';
import {chooseAccelerator, type Accelerator} from './vm-accelerator.js';
import {vmImage, writeHostInitrd, type VmImage} from './vm-image.js';

/** Memory of a host in MiB. */
const memory = 768;

/** The network card's address, which follows from the host's. */
const cardOf = (host: HostSpec): string => {
	const bytes = addressOf(host)
		.split('.')
		.map((part) => Number(part).toString(16).padStart(2, '0'));
	return ['52', '54', ...bytes].join(':');
};

/**
 * The bridge and its ports are no party in the network: no address of theirs may answer, and no firewall of this
 * machine may look at what passes.
 */
const cableSetup = `
for name in all default; do
	[ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/$name/disable_ipv6
done
for filter in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$filter" ] || echo 0 >"$filter"
done
`;

const words = (text: string): string[] => text.split(' ');

/** One word of a POSIX shell command line. */
const quoted = (word: string): string =>
	`'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The last lines of a file, for an error. */
const lastOf = (file: string): string => {
	try {
		return readFileSync(file, 'utf8').trim().split('\n').slice(-8).join('\n');
	} catch {
		return '';
	}
};

/**
 * Hosts as virtual machines: a kernel and a clock of their own. Each runs in its host's network namespace, whose card
 * it takes over by a bridge, so networks are the same as for containers, and it ends with the namespace. A reboot
 * is the machine's own affair: the emulator resets it and goes on.
 */
export const virtualMachines = (workshop: Workshop): HostKind => {
	const {instance, id, sshKey, signal} = workshop;
	let shared:
		{readonly image: VmImage; readonly accelerator: Accelerator} | undefined;

	const dataOf = (host: HostSpec): string =>
		path.join(instanceData(instance), host.name);
	const consoleOf = (host: HostSpec): string =>
		path.join(dataOf(host), 'console');

	const logOf = (host: HostSpec): string =>
		path.join(instanceFolder(instance), `${host.name}.log`);

	const hasEnded = (host: HostSpec): boolean => {
		const mark = readProcess(instance, host.name);
		return mark !== undefined && !isAlive(mark);
	};

	const pid = (host: HostSpec): number => {
		const mark = readProcess(instance, host.name);
		if (!mark || !isAlive(mark)) {
			throw new LabError(`${host.name} is not running.`);
		}

		return mark.pid;
	};

	/** A cable from the host's place in the network into the emulator. */
	const connect = async (host: HostSpec): Promise<void> => {
		const namespace = namespaceOf(id, host.name);
		await runOrFail(inNamespace(namespace, ['sh', '-c', cableSetup]));
		await runOrFail(['ip', '-netns', namespace, '-batch', '-'], {
			input: [
				'link add cable type bridge forward_delay 0 mcast_snooping 0',
				'tuntap add vm mode tap',
				'link set eth0 master cable up',
				'link set vm master cable up',
				'link set cable up',
				'',
			].join('\n'),
			signal,
		});
	};

	const overSsh = async (
		host: HostSpec,
		argv: readonly string[],
		options?: HostExecOptions,
	): Promise<Result> => {
		const environment = {...bareEnvironment, HOME: '/root', USER: 'root'};
		const command = [
			'exec',
			'env',
			'-i',
			...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
			...argv.map((word) => quoted(word)),
		].join(' ');
		return run(
			inNamespace(namespaceOf(id, 'client'), [
				'ssh',
				'-F',
				'none',
				'-i',
				sshKey,
				'-T',
				...[
					'BatchMode=yes',
					'IdentitiesOnly=yes',
					'IdentityAgent=none',
					'ConnectTimeout=10',
					'ServerAliveInterval=5',
					'ServerAliveCountMax=3',
					'LogLevel=ERROR',
					// Tests may change host keys and the client's known_hosts; nobody else is in this network.
					'StrictHostKeyChecking=no',
					'UserKnownHostsFile=/dev/null',
				].flatMap((option) => ['-o', option]),
				'-p',
				String(sshOf(host).port),
				`root@${sshOf(host).address}`,
				command,
			]),
			{env: bareEnvironment, ...options, signal},
		);
	};

	/** The random id of the kernel's boot; undefined while the host lets nobody in. */
	const currentBoot = async (host: HostSpec): Promise<string | undefined> => {
		const {code, stdout} = await overSsh(
			host,
			[
				'sh',
				'-c',
				'test ! -e /run/nologin && cat /proc/sys/kernel/random/boot_id',
			],
			{timeoutMs: 20_000},
		);
		return code === 0 ? stdout.trim() : undefined;
	};

	return {
		bootsAgain: true,
		async prepare() {
			const image = await vmImage(signal);
			shared = {image, accelerator: await chooseAccelerator(image, signal)};
		},
		async start(host, files) {
			const {image, accelerator} = shared!;
			const data = dataOf(host);
			const initrd = path.join(data, 'initrd');
			const disk = path.join(data, 'disk.qcow2');
			await writeHostInitrd(image.initrd, initrd, files);
			await runOrFail([
				...words('qemu-img create -q -f qcow2 -F raw -b'),
				image.disk,
				disk,
			]);
			await connect(host);
			const address = addressOf(host);
			const append = [
				'console=ttyS0 quiet net.ifnames=0 systemd.show_status=no mitigations=off',
				`ip=${address}::${gatewayOf(address)}:255.255.255.0:${host.name}:eth0:off`,
			].join(' ');
			launch(instance, host.name, [
				'nsenter',
				`--net=${namespacePath(namespaceOf(id, host.name))}`,
				'--',
				'qemu-system-x86_64',
				...accelerator.arguments,
				'-name',
				`guest=${namespaceOf(id, host.name)}`,
				// One processor each: more than this machine has would only wait for each other.
				...words(
					'-machine q35 -nodefaults -no-user-config -display none -smp 1',
				),
				'-m',
				String(memory),
				'-kernel',
				image.kernel,
				'-initrd',
				initrd,
				'-append',
				append,
				...words(
					'-device virtio-rng-pci -device virtio-blk-pci,drive=disk -drive',
				),
				`file=${disk},if=none,id=disk,cache=unsafe`,
				...words(
					'-netdev tap,id=card,ifname=vm,script=no,downscript=no -device',
				),
				`virtio-net-pci,netdev=card,mac=${cardOf(host)},romfile=`,
				'-serial',
				`file:${consoleOf(host)}`,
			]);
		},
		async ready(host, previous) {
			await waitFor(
				() =>
					`${host.name} does not let anybody in; the end of ${consoleOf(host)} is\n${lastOf(consoleOf(host))}`,
				async () => {
					const boot = await currentBoot(host);
					if (boot === undefined && hasEnded(host)) {
						throw new LabError(
							`The emulator of ${host.name} ended: ${lastOf(logOf(host))}\n${lastOf(consoleOf(host))}`,
						);
					}

					return boot === undefined || boot === previous ? undefined : true;
				},
				{timeoutMs: 240_000, everyMs: 250, signal},
			);
		},
		async bootId(host) {
			pid(host);
			const boot = await currentBoot(host);
			if (boot === undefined) {
				throw new LabError(`${host.name} lets nobody in.`);
			}

			return boot;
		},
		async exec(host, argv, options) {
			// Rather at once than after ssh's patience.
			pid(host);
			return overSsh(host, argv, options);
		},
		pid,
	};
};
