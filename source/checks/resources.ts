import type {Severity} from './finding.js';
import {each, rule, type Rule} from './rule.js';
import {thresholds} from './thresholds.js';

const docs = 'K3s docs: Requirements';

/** Bytes for people: `1.8 GB`, `12 MB`. */
const bytes = (count: number): string =>
	count >= 1_000_000_000
		? `${(count / 1_000_000_000).toFixed(1)} GB`
		: `${Math.round(count / 1_000_000)} MB`;

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

/** Rules about what a machine has: memory, CPUs, room, control groups, a clock. */
export const resourceRules: readonly Rule[] = [
	memory,
	cpus,
	disks,
	memoryCgroup,
	clockSkew,
	timeService,
];
