import {plainKey} from '../cluster/k3s-flags.js';
import type {Severity} from './finding.js';
import {clockSkews} from './conclusions/clocks.js';
import {each, inWords, rule, type CheckContext, type Rule} from './rule.js';
import {thresholds} from './thresholds.js';

const docs = 'K3s docs: Requirements';

/** Bytes for people: `1.8 GB`, `12 MB`. */
const bytes = (count: number): string =>
	count >= 1_000_000_000
		? `${(count / 1_000_000_000).toFixed(1)} GB`
		: `${Math.round(count / 1_000_000)} MB`;

/** Milliseconds for people: `5.0 s`, `12 min`, `41 h`, `9 years`. */
const duration = (ms: number): string => {
	const minutes = ms / 60_000;
	if (minutes < 2) {
		return `${(ms / 1000).toFixed(1)} s`;
	}

	if (minutes < 120) {
		return `${Math.round(minutes)} min`;
	}

	const hours = minutes / 60;
	if (hours < 72) {
		return `${Math.round(hours)} h`;
	}

	const days = hours / 24;
	return days < 730
		? `${Math.round(days)} days`
		: `${Math.round(days / 365.25)} years`;
};

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

/** The first Kubernetes whose kubelet does not start on version 1 by itself. */
const withoutVersion1 = '1.35';

/** Is the release that is asked for one that refuses version 1? What a channel holds now is not known here: all but old ones do. */
const refusesVersion1 = ({cluster: {k3s}}: CheckContext): boolean => {
	const minor = /^v?1\.(?<minor>\d+)/.exec(k3s.version ?? k3s.channel)?.groups!
		.minor;
	return (
		minor === undefined ||
		Number(minor) >= Number(withoutVersion1.split('.', 2)[1])
	);
};

/** Does the cluster file tell the kubelet to put up with it? */
const allowsVersion1 = ({cluster: {k3s}}: CheckContext): boolean =>
	Object.entries(k3s.config).some(
		([key, value]) =>
			plainKey(key) === 'kubelet-arg' &&
			[value].flat().some((one) => /^fail-cgroupv1=false$/i.test(String(one))),
	);

const cgroupVersion = rule(
	{
		id: 'cgroup.version',
		severity: 'error',
		sentence: 'The machine uses version 2 of control groups.',
		source: 'kubernetes/enhancements#5573, kubernetes/kubernetes#134298',
	},
	(context, report) =>
		each(context, (host, {name}) =>
			host.cgroup.version === 2 ||
			!refusesVersion1(context) ||
			allowsVersion1(context)
				? undefined
				: report(
						'error',
						`${name} uses version 1 of control groups, on which the kubelet does not start from Kubernetes ${withoutVersion1} on.`,
						{
							nodes: [name],
							fixes: [
								'Add this to the kernel command line, then reboot:',
								'systemd.unified_cgroup_hierarchy=1',
								'Or let the kubelet put up with it for now, in k3s.config of the cluster file:',
								'kubelet-arg: [fail-cgroupv1=false]',
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
	(context, report) => {
		const skews = [...clockSkews(context)];
		const {warning, error} = thresholds.clockSkewMs;
		// Of two clocks each is half of the difference away from their median, and neither can be called wrong.
		const [one, other] = skews.length === 2 ? skews : [];
		const off =
			one !== undefined && other !== undefined
				? [
						{
							names: [one[0], other[0]],
							skewMs: one[1] - other[1],
							than: `that of ${other[0]}`,
						},
					]
				: skews.map(([name, skewMs]) => ({
						names: [name],
						skewMs,
						than: 'the median of all nodes',
					}));
		return off
			.filter(({skewMs}) => Math.abs(skewMs) > warning)
			.map(({names, skewMs, than}) =>
				report(
					Math.abs(skewMs) > error ? 'error' : 'warning',
					`The clock of ${names[0]!} is ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} ${than}: certificates made on one node are not valid yet, or not any more, on the other.`,
					{
						nodes: names,
						fixes: [
							`Turn on time synchronisation on ${inWords(names)}:`,
							'timedatectl set-ntp true',
						],
					},
				),
			);
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
	cgroupVersion,
	clockSkew,
	timeService,
];
