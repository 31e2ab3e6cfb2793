import process from 'node:process';
import {cached, contentHash} from './cached.js';
import {LabError, run, runOrFail} from './run.js';

const suite = 'bookworm';

const packages = [
	'bash',
	'busybox',
	'ca-certificates',
	'conntrack',
	'curl',
	'dash',
	'dbus',
	'iproute2',
	'iptables',
	'iputils-ping',
	'kmod',
	'netcat-openbsd',
	'nftables',
	'openssh-server',
	'openssl',
	'perl-base',
	'procps',
	'python3',
	'python3-yaml',
	'socat',
	'sudo',
	'systemd',
	'systemd-sysv',
	'tcpdump',
	'ufw',
	'wget',
	'wireguard-tools',
];

/** The accounts of every host, beside root; `asks` needs its password for sudo, `nosudo` has no sudo at all. */
export const users = [
	{name: 'me', uid: 1000, shell: '/bin/bash', sudo: 'free'},
	{name: 'nosudo', uid: 1001, shell: '/bin/bash', sudo: 'none'},
	{name: 'dashy', uid: 1002, shell: '/bin/dash', sudo: 'free'},
	{name: 'bashy', uid: 1003, shell: '/bin/bash', sudo: 'free'},
	{name: 'ashy', uid: 1004, shell: '/usr/local/bin/ash', sudo: 'free'},
	{name: 'asks', uid: 1005, shell: '/bin/bash', sudo: 'password'},
] as const;

/** The password of the user `asks`, for sudo. */
export const sudoPassword = 'lab sudo password';

const userSetup = users
	.map(
		({name, uid, shell, sudo}) => `
useradd --create-home --uid ${uid} --user-group --shell ${shell} ${name}
install -d -m 0700 -o ${name} -g ${name} /home/${name}/.ssh
${sudo === 'free' ? `echo '${name} ALL=(ALL:ALL) NOPASSWD: ALL' >>/etc/sudoers.d/lab` : ''}
${sudo === 'password' ? `echo '${name} ALL=(ALL:ALL) ALL' >>/etc/sudoers.d/lab; echo '${name}:${sudoPassword}' | chpasswd` : ''}`,
	)
	.join('');

/** Runs in the fresh tree: accounts, nothing that makes all hosts look like one, nothing slow at boot. */
const setup = String.raw`set -eu
# debootstrap can not configure what firewalld depends on. Sessions stay without logind, which would slow every login.
# fish and tcsh are login shells that do not speak POSIX; doas stands beside sudo and lets nobody in by itself.
apt-get -q update
apt-get -q -y --no-install-recommends install firewalld fish tcsh zsh opendoas
pam-auth-update --package --remove systemd
ln -s /bin/busybox /usr/local/bin/ash
echo /usr/local/bin/ash >>/etc/shells
install -m 0440 /dev/null /etc/sudoers.d/lab
${userSetup}
install -d -m 0700 /root/.ssh
printf 'UseDNS no\nMaxStartups 100:30:200\n' >/etc/ssh/sshd_config.d/lab.conf
printf 'net.ipv4.ping_group_range=0 2147483647\n' >/etc/sysctl.d/90-ping.conf
systemctl disable ssh.socket firewalld.service
systemctl enable ssh.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
	fstrim.timer man-db.timer getty.target console-getty.service \
	sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount
install -d -m 2755 /var/log/journal
install -d /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=persistent\nSystemMaxUse=64M\n' >/etc/systemd/journald.conf.d/lab.conf
rm -f /etc/hostname /var/lib/dbus/machine-id /etc/ssh/ssh_host_* /etc/resolv.conf
: >/etc/machine-id
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /usr/share/doc /usr/share/man /usr/share/locale
`;

/** Mounts and processes that end with the command, even when we are killed half-way. */
const contained = [
	'unshare',
	'--mount',
	'--pid',
	'--fork',
	'--kill-child',
	'--mount-proc',
	'--',
];

/** What a tree has beyond the base. */
export type TreeVariant = {
	readonly name: string;
	readonly packages: readonly string[];
	/** POSIX sh, run in the tree as root after the common setup. */
	readonly setup: string;
};

/** The tree of container hosts. */
export const containerTree: TreeVariant = {
	name: 'container',
	packages: [],
	setup: '',
};

/** Where this machine gets Debian from: its own apt configuration, or what K3S_MESH_LAB_MIRROR names. */
const debianMirror = async (): Promise<string> => {
	const named = process.env.K3S_MESH_LAB_MIRROR;
	if (named) {
		return named;
	}

	const {stdout} = await run([
		'apt-get',
		'indextargets',
		'--format',
		'$(REPO_URI) $(RELEASE) $(COMPONENT)',
		'Created-By: Packages',
	]);
	const line = stdout
		.split('\n')
		.map((text) => text.split(' '))
		.find(
			([, release, component]) => release === suite && component === 'main',
		);
	if (!line?.[0]) {
		throw new LabError(
			`The lab's hosts are Debian ${suite}, and this machine's apt knows no such repository. Name one in K3S_MESH_LAB_MIRROR (and install debian-archive-keyring).`,
		);
	}

	return line[0];
};

/** debootstrap downloads with wget, which does not read apt's proxy. */
const proxyEnvironment = async (): Promise<NodeJS.ProcessEnv> => {
	const {stdout} = await run([
		'apt-config',
		'shell',
		'proxy',
		'Acquire::http::Proxy',
	]);
	const proxy = /^proxy='(?<url>[^']+)'/m.exec(stdout)?.groups?.url;
	return proxy ? {...process.env, http_proxy: proxy} : process.env;
};

/** The folder of a tree; made by debootstrap the first time (a minute), found again afterwards. */
export const debianTree = async (
	variant: TreeVariant,
	signal?: AbortSignal,
): Promise<string> => {
	const list = [...packages, ...variant.packages];
	const script = setup + variant.setup;
	const hash = contentHash(suite, process.arch, list.join(','), script);
	return cached(
		`tree-${variant.name}-${hash}`,
		async (target) => {
			const env = await proxyEnvironment();
			const {code, stdout, stderr} = await run(
				[
					...contained,
					'debootstrap',
					'--variant=minbase',
					`--include=${list.join(',')}`,
					suite,
					target,
					await debianMirror(),
				],
				{env, signal},
			);
			if (code !== 0) {
				throw new LabError(
					`debootstrap ended with ${code}: ${(stderr + stdout).trim().slice(-1500)}`,
				);
			}

			await runOrFail([...contained, 'chroot', target, '/bin/sh'], {
				input: script,
				env: {
					...(env.http_proxy !== undefined && {http_proxy: env.http_proxy}),
					PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
					DEBIAN_FRONTEND: 'noninteractive',
				},
				signal,
			});
		},
		signal,
	);
};
