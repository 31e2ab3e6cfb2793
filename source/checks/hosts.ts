import {compareK3sVersions} from '../cluster/versions.js';
import type {NodeSpec} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Finding, Severity} from './finding.js';
import {rule, type CheckContext, type Rule} from './rule.js';
import {thresholds} from './thresholds.js';

const docs = 'K3s docs: Requirements';

/** Asks one question about every node that has been looked at. */
const each = (
	{cluster, facts}: CheckContext,
	question: (host: HostFacts, node: NodeSpec) => Finding | undefined,
): readonly Finding[] =>
	cluster.nodes.flatMap((node) => {
		const host = facts.get(node.name);
		const answer = host === undefined ? undefined : question(host, node);
		return answer === undefined ? [] : [answer];
	});

/** Bytes for people: `1.8 GB`, `12 MB`. */
const bytes = (count: number): string =>
	count >= 1_000_000_000
		? `${(count / 1_000_000_000).toFixed(1)} GB`
		: `${Math.round(count / 1_000_000)} MB`;

const architecture = rule(
	{
		id: 'arch.supported',
		severity: 'error',
		sentence: 'There is a K3s for the machine.',
		source: docs,
	},
	(context, report) =>
		each(context, (host, {name}) =>
			host.architecture === undefined
				? report(
						'error',
						`${name} is a ${host.machine} machine; K3s exists for x86_64, aarch64, armv7, s390x and riscv64.`,
						{nodes: [name], fixes: [`Leave ${name} out.`]},
					)
				: undefined,
		),
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
		each(context, (host, {name}) =>
			host.privilege === 'none'
				? report(
						'error',
						`The login on ${name} is not root and cannot use sudo.`,
						{
							nodes: [name],
							fixes: ['Log in as root, or allow this user to use sudo.'],
						},
					)
				: undefined,
		),
);

const memory = rule(
	{
		id: 'memory.minimum',
		severity: 'error',
		sentence: 'A server has 2 GB of memory, an agent 512 MB.',
		source: docs,
	},
	(context, report) =>
		each(context, (host, {name, role}) => {
			const limit = thresholds.memoryBytes[role];
			if (host.memoryBytes >= limit.warning) {
				return undefined;
			}

			return report(
				host.memoryBytes < limit.error ? 'error' : 'warning',
				`${name} has ${bytes(host.memoryBytes)} of memory; K3s asks for ${role === 'server' ? '2 GB on a server' : '512 MB on an agent'}.`,
				{nodes: [name], fixes: ['Use a larger machine.']},
			);
		}),
);

const cpus = rule(
	{
		id: 'cpu.minimum',
		severity: 'info',
		sentence: 'A server has 2 CPUs.',
		source: docs,
	},
	(context, report) =>
		each(context, (host, {name, role}) =>
			role === 'server' && host.cpuCount < thresholds.serverCpuCount.info
				? report(
						'info',
						`${name} has one CPU; K3s recommends 2 for a server.`,
						{nodes: [name]},
					)
				: undefined,
		),
);

const disks = rule(
	{
		id: 'disk.minimum',
		severity: 'error',
		sentence: 'There is room for K3s, and it can be written.',
		source: docs,
	},
	(context, report) =>
		context.cluster.nodes.flatMap(({name}) =>
			(context.facts.get(name)?.disks ?? []).flatMap((disk) => {
				const limit = thresholds.diskBytes[disk.path];
				if (disk.readOnly) {
					return [
						report('error', `${disk.path} on ${name} is read-only.`, {
							nodes: [name],
							fixes: [`Mount ${disk.path} so that it can be written.`],
						}),
					];
				}

				if (limit === undefined || disk.freeBytes >= limit.warning) {
					return [];
				}

				const severity: Severity =
					disk.freeBytes < limit.error ? 'error' : 'warning';
				return [
					report(
						severity,
						`${disk.path} on ${name} has ${bytes(disk.freeBytes)} free; K3s wants ${bytes(limit.warning)}, and ${bytes(limit.error)} is the least.`,
						{nodes: [name], fixes: [`Free some space in ${disk.path}.`]},
					),
				];
			}),
		),
);

const memoryCgroup = rule(
	{
		id: 'cgroup.memory',
		severity: 'error',
		sentence: "The kernel's memory cgroup is on.",
		source: 'K3s docs: Requirements, Raspberry Pi; k3s-io/k3s#2067',
	},
	(context, report) =>
		each(context, (host, {name}) =>
			host.cgroup.memory
				? undefined
				: report(
						'error',
						`The memory cgroup is off on ${name}, and K3s ends at once without it.`,
						{
							nodes: [name],
							fixes: [
								'Add this to the one line of the kernel command line (Raspberry Pi: /boot/firmware/cmdline.txt), then reboot:',
								'cgroup_memory=1 cgroup_enable=memory',
							],
						},
					),
		),
);

const clockSkew = rule(
	{
		id: 'clock.skew',
		severity: 'error',
		sentence: 'The clocks of all nodes agree.',
		source: 'k3s-io/k3s#2112',
	},
	({cluster, facts}, report) => {
		const clocks = cluster.nodes
			.flatMap(({name}) => {
				const host = facts.get(name);
				return host === undefined
					? []
					: [{name, offsetMs: host.clock.offsetMs}];
			})
			.toSorted((one, other) => one.offsetMs - other.offsetMs);
		const slowest = clocks[0];
		const fastest = clocks.at(-1);
		const {warning, error} = thresholds.clockSkewMs;
		if (slowest === undefined || fastest === undefined) {
			return [];
		}

		const spread = fastest.offsetMs - slowest.offsetMs;
		return spread <= warning
			? []
			: [
					report(
						spread > error ? 'error' : 'warning',
						`The clock of ${fastest.name} is ${(spread / 1000).toFixed(1)} s ahead of that of ${slowest.name}: certificates made on one are not valid yet on the other.`,
						{
							nodes: [fastest.name, slowest.name],
							fixes: [
								'Turn on time synchronisation on both:',
								'timedatectl set-ntp true',
							],
						},
					),
				];
	},
);

const timeService = rule(
	{
		id: 'time.ntp',
		severity: 'warning',
		sentence: 'A time service keeps the clock.',
		source: 'k3s-io/k3s#2112',
	},
	(context, report) =>
		each(context, (host, {name}) =>
			host.clock.synchronized === false
				? report(
						'warning',
						`The clock of ${name} is not synchronised by a time service.`,
						{nodes: [name], fixes: ['timedatectl set-ntp true']},
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

const transientUnits = rule(
	{
		id: 'tool.missing',
		severity: 'error',
		sentence: 'The programs that the install needs are there.',
		source: 'K3s install script',
	},
	(context, report) =>
		each(context, (host, {name}) => {
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
);

/** Rules about one machine: what it is and what it has. */
export const hostRules: readonly Rule[] = [
	architecture,
	initSystem,
	rootAccess,
	transientUnits,
	memory,
	cpus,
	disks,
	memoryCgroup,
	clockSkew,
	timeService,
	selinux,
	kernelModules,
	cloudSetup,
];
