import {existsSync} from 'node:fs';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {LabError, run, runOrFail} from './run.js';
import {hasGo} from './tailnet/go.js';

type Tool = {readonly command: string; readonly package: string};

const containerTools: readonly Tool[] = [
	{command: 'debootstrap', package: 'debootstrap'},
	{command: 'systemd-nspawn', package: 'systemd-container'},
	{command: 'ip', package: 'iproute2'},
	{command: 'nft', package: 'nftables'},
	{command: 'nsenter', package: 'util-linux'},
	{command: 'ssh', package: 'openssh-client'},
	{command: 'ssh-keygen', package: 'openssh-client'},
	{command: 'python3', package: 'python3'},
	{command: 'tar', package: 'tar'},
	{command: 'kubectl', package: 'kubernetes-client'},
];

const vmTools: readonly Tool[] = [
	{command: 'qemu-system-x86_64', package: 'qemu-system-x86'},
	{command: 'qemu-img', package: 'qemu-utils'},
	{command: 'mkfs.ext4', package: 'e2fsprogs'},
];

const folders = [
	...(process.env.PATH ?? '').split(path.delimiter),
	'/usr/sbin',
	'/sbin',
];

const isInstalled = (tool: Tool): boolean =>
	folders.some((folder) => existsSync(path.join(folder, tool.command)));

/** Debian packages that the lab lacks on this machine. */
export const missingPackages = (vm: boolean): string[] => [
	...new Set(
		[...containerTools, ...(vm ? vmTools : [])]
			.filter((tool) => !isInstalled(tool))
			.map((tool) => tool.package),
	),
];

const aptGet = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends'];

const installPackages = async (names: readonly string[]): Promise<void> => {
	const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'};
	await runOrFail(['apt-get', 'update', '-qq'], {env});
	await runOrFail([...aptGet, ...names], {env});
};

const inotifyLimit = '/proc/sys/fs/inotify/max_user_instances';
/** Each host's systemd and its services take about ten, and the kernel's default of 128 counts all hosts as one user. */
const inotifyInstances = 1024;

/** Lets the machine hold many hosts, until it boots again. Where that is not allowed, few still fit. */
const raiseInotifyLimit = async (): Promise<void> => {
	if (Number(await readFile(inotifyLimit, 'utf8')) < inotifyInstances) {
		await writeFile(inotifyLimit, String(inotifyInstances)).catch(
			() => undefined,
		);
	}
};

/** Fails with what to do when this machine can not hold a lab; with `install` it installs what is missing. */
export const requireMachine = async (
	vm: boolean,
	install: boolean,
): Promise<void> => {
	if (process.platform !== 'linux') {
		throw new LabError(
			`The lab is made of Linux namespaces, and this is ${process.platform}. The demo and \`npm test\` work here.`,
		);
	}

	if (process.getuid?.() !== 0) {
		throw new LabError(
			'The lab makes network namespaces and mounts, which only root may do: run the same command with sudo.',
		);
	}

	if (!existsSync('/dev/net/tun')) {
		// As inside Docker: the driver may be there without its node.
		await run(['modprobe', 'tun']).catch(() => undefined);
		await runOrFail(['mkdir', '-p', '/dev/net']);
		await run(['mknod', '/dev/net/tun', 'c', '10', '200']);
	}

	await raiseInotifyLimit();
	const missing = missingPackages(vm);
	if (missing.length === 0) {
		return;
	}

	if (!install) {
		throw new LabError(
			`The lab needs: ${missing.join(', ')}. Install with\n  ${aptGet.join(' ')} ${missing.join(' ')}\nor add --install to the command.`,
		);
	}

	await installPackages(missing);
};

/** Installs Go where none is. Debian's own may be old: it is good enough to fetch a newer one by itself. */
export const installGo = async (): Promise<void> => {
	if (!hasGo()) {
		await installPackages(['golang-go']);
	}
};
