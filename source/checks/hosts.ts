import {compareK3sVersions} from '../cluster/versions.js';
import {chooseRung, shortcomings} from '../facts/rungs.js';
import {removalLines} from '../plan/firewall/node-firewall.js';
import {each, rule, type Rule} from './rule.js';

const docs = 'K3s docs: Requirements';

const architecture = rule(
	{
		id: 'arch.supported',
		severity: 'error',
		sentence: 'There is a K3s for the machine.',
		source: docs,
	},
	(context, report) =>
		each(context, (host, {name}) => {
			if (host.architecture === undefined) {
				return report(
					'error',
					`${name} is a ${host.machine} machine; K3s exists for x86_64, aarch64, armv7, s390x and riscv64.`,
					{nodes: [name], fixes: [`Leave ${name} out.`]},
				);
			}

			// Its builds are new, and not every install script knows them.
			return host.architecture === 'riscv64'
				? report(
						'warning',
						`${name} is a riscv64 machine: K3s has builds for it in its newest releases only, and its install script may refuse it ("Unsupported architecture").`,
						{
							nodes: [name],
							fixes: [
								'Set k3s.channel to latest, or k3s.version to a release that has a riscv64 build.',
							],
						},
					)
				: undefined;
		}),
);

const initSystem = rule(
	{
		id: 'init.supported',
		severity: 'error',
		sentence: 'The machine runs systemd.',
		source: 'K3s install script',
	},
	(context, report) =>
		each(context, (host, {name}) => {
			if (host.init === 'systemd') {
				return undefined;
			}

			return report(
				'error',
				host.init === 'openrc'
					? `${name} runs OpenRC. K3s itself can, but this program steps in through systemd and cannot install there.`
					: `${name} does not run systemd, which this program installs K3s with.`,
				{
					nodes: [name],
					fixes: [
						host.init === 'openrc'
							? `Install K3s on ${name} by hand, or use a distribution with systemd.`
							: 'Use a machine that boots with systemd.',
					],
				},
			);
		}),
);

const rootAccess = rule(
	{
		id: 'privilege.root',
		severity: 'error',
		sentence: 'The login can become root.',
		source: 'K3s install script',
	},
	(context, report) =>
		each(context, (host, {name, ssh}) =>
			host.privilege === 'none'
				? report(
						'error',
						`${ssh.user === undefined ? 'The login' : `The user ${ssh.user}`} on ${name} is not root, and can not become root${host.rootRefused === undefined ? '' : `: ${host.rootRefused}`}.`,
						{
							nodes: [name],
							fixes: [
								`Log in to ${name} as root, or give the password when sudo asks for it (without a terminal, in K3S_MESH_SUDO_PASSWORD or in a file that K3S_MESH_SUDO_PASSWORD_FILE names), or install sudo and allow it without one. As root on ${name}:`,
								`echo '${ssh.user ?? 'USER'} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/k3s-mesh`,
							],
						},
					)
				: undefined,
		),
);

const selinux = rule(
	{
		id: 'selinux.policy',
		severity: 'warning',
		sentence: "With SELinux enforcing, K3s's policy is installed.",
		source: 'K3s docs: Advanced options, SELinux',
	},
	(context, report) =>
		each(context, (host, {name}) =>
			host.selinux === 'enforcing'
				? report(
						'warning',
						`SELinux is enforcing on ${name}: K3s's install script adds the package k3s-selinux, and needs its repository for that.`,
						{
							nodes: [name],
							fixes: [
								'If the machine has no way to that repository, install container-selinux and k3s-selinux first.',
							],
						},
					)
				: undefined,
		),
);

const aptSystems = new Set(['debian', 'ubuntu', 'raspbian', 'linuxmint']);

const redHats = new Set([
	'rhel',
	'centos',
	'rocky',
	'almalinux',
	'ol',
	'redhat',
]);

const kernelModules = rule(
	{
		id: 'kernel.modules-extra',
		severity: 'info',
		sentence: 'RHEL 10 and its kin have the extra kernel modules.',
		source: docs,
	},
	(context, report) =>
		each(context, (host, {name}) =>
			redHats.has(host.os.id) && /^10(?:\.|$)/.test(host.os.versionId)
				? report(
						'info',
						`${name} runs ${host.os.prettyName}, where K3s needs the package kernel-modules-extra.`,
						{nodes: [name], fixes: ['dnf install -y kernel-modules-extra']},
					)
				: undefined,
		),
);

const cloudSetup = rule(
	{
		id: 'nm-cloud-setup',
		severity: 'warning',
		sentence: "NetworkManager's cloud setup does not touch routes of pods.",
		source: 'K3s docs: Requirements; k3s-io/k3s#12888',
	},
	(context, report) =>
		each(context, (host, {name}) =>
			redHats.has(host.os.id) &&
			host.cloud !== undefined &&
			/^8\.\d+$/.test(host.os.versionId) &&
			compareK3sVersions(`${host.os.versionId}.0`, '8.4.0') < 0
				? report(
						'warning',
						`${name} runs ${host.os.prettyName} in a cloud: nm-cloud-setup of that release breaks the routes of pods.`,
						{
							nodes: [name],
							fixes: [
								'Turn it off, then reboot:',
								'systemctl disable --now nm-cloud-setup.service nm-cloud-setup.timer',
							],
						},
					)
				: undefined,
		),
);

const neededTools = rule(
	{
		id: 'tool.missing',
		severity: 'error',
		sentence: 'The programs that the install and its proofs need are there.',
		source: 'K3s install script',
	},
	(context, report) => [
		...each(context, (host, {name}) => {
			const missing = [
				...(host.tools.curl || host.tools.wget ? [] : ['curl']),
				...(host.tools['systemd-run'] || host.init !== 'systemd'
					? []
					: ['systemd-run']),
				...(host.tools.sha256sum ? [] : ['sha256sum']),
			];
			return missing.length === 0
				? undefined
				: report(
						'error',
						`${name} lacks ${missing.join(' and ')}, which the install needs.`,
						{
							nodes: [name],
							fixes: [`Install ${missing.join(' and ')} on ${name}.`],
						},
					);
		}),
		...each(context, (host, {name}) =>
			host.tools.ping
				? undefined
				: report(
						'warning',
						`${name} has no ping: after the install nothing can show that the mesh reaches other nodes from there.`,
						{
							nodes: [name],
							fixes: [
								aptSystems.has(host.os.id)
									? 'apt-get update && apt-get install -y iputils-ping'
									: `Install ping (the package is often called iputils) on ${name}.`,
							],
						},
					),
		),
	],
);

/** How a distribution installs Python 3. */
const pythonInstalls: ReadonlyArray<{
	readonly systems: readonly string[];
	readonly command: string;
}> = [
	{
		systems: ['debian', 'ubuntu', 'raspbian', 'linuxmint'],
		command: 'apt-get update && apt-get install -y python3',
	},
	{
		systems: [...redHats, 'fedora', 'amzn'],
		command: 'dnf install -y python3',
	},
	{
		systems: ['opensuse-leap', 'opensuse-tumbleweed', 'sles'],
		command: 'zypper install -y python3',
	},
	{systems: ['arch'], command: 'pacman -S --noconfirm python'},
];

/** `a`, `a and b`, `a, b and c`. */
const listed = (items: readonly string[]): string =>
	[items.slice(0, -1).join(', '), ...items.slice(-1)]
		.filter((part) => part !== '')
		.join(' and ');

const probeTools = rule(
	{
		id: 'tool.probe',
		severity: 'error',
		sentence: 'The machine has what all measurements need.',
		source: 'our own measure',
	},
	(context, report) =>
		each(context, (host, {name}) => {
			const install =
				pythonInstalls.find(({systems}) => systems.includes(host.os.id))
					?.command ?? `Install Python 3 on ${name}.`;
			const chosen = chooseRung(host);
			if (chosen === undefined) {
				return report(
					'error',
					`${name} has neither Python 3 nor Perl nor bash, so that no path from or to it can be measured.`,
					{
						nodes: [name],
						fixes: [
							install,
							'To install K3s without knowing whether the paths are open, override this check.',
						],
					},
				);
			}

			const missing = shortcomings(chosen.rung);
			return missing.length === 0
				? undefined
				: report(
						'warning',
						`${name} has neither Python 3 nor Perl and measures with ${chosen.rung === 'counters' ? 'bash alone' : `bash and ${chosen.rung}`}, which can not tell ${listed(missing)}.`,
						{nodes: [name], fixes: [install]},
					);
		}),
);

const unconfirmedFirewall = rule(
	{
		id: 'firewall.unconfirmed',
		severity: 'warning',
		sentence:
			'No firewall rule of ours is there that no new connection has confirmed.',
		source: 'this program',
	},
	(context, report) =>
		each(context, ({firewall: {unconfirmed}}, {name}) => {
			if (unconfirmed === undefined) {
				return undefined;
			}

			const {outcome, left} = unconfirmed;
			if (outcome === 'rolled-back') {
				return report(
					'info',
					`${name} has taken firewall rules back by itself, which no new connection had confirmed.`,
					{nodes: [name]},
				);
			}

			return report(
				'warning',
				`${name} could not take back firewall rules that no new connection had confirmed: its firewall still has them or does not answer. It goes on trying by itself.`,
				{
					nodes: [name],
					fixes: [
						`Look on ${name} what holds its firewall: journalctl -u k3s-mesh-rollback. By hand, there, as root:`,
						...removalLines(left),
					],
				},
			);
		}),
);

/** Rules about one machine: what it is and what runs on it. */
export const hostRules: readonly Rule[] = [
	architecture,
	initSystem,
	rootAccess,
	neededTools,
	probeTools,
	selinux,
	kernelModules,
	cloudSetup,
	unconfirmedFirewall,
];
