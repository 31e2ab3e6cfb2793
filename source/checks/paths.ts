import {sameAddress} from '../cluster/addresses.js';
import {
	verdictArrives,
	type Cell,
	type Path,
	type Verdict,
} from '../facts/measurements.js';
import {meshOf} from '../mesh/catalogue.js';
import {wireguardPort} from '../mesh/k3s-requirements.js';
import type {Requirement} from '../mesh/mesh.js';
import {byHand, firewallRules} from '../plan/firewall/node-firewall.js';
import {
	portName,
	portOpenings,
	type Opening,
} from '../plan/firewall/openings.js';
import {isK3sProcess, runsK3s} from './ports.js';
import {inWords, rule, type CheckContext, type Rule} from './rule.js';

const docs = 'K3s docs: Requirements, inbound rules';

/** A cell that was asked for, with the reason why it was. */
type Asked = {readonly cell: Cell; readonly requirement: Requirement};

const keyOf = (one: Omit<Path, 'address'> | Requirement): string =>
	`${one.from}>${one.to}|${one.addressKind}|${one.protocol}/${one.port}`;

/** What each rule here looks at; worked out once for a context, which never changes. */
const known = new WeakMap<
	CheckContext,
	{
		readonly asked: readonly Asked[];
		readonly byTarget: ReadonlyMap<string, readonly Requirement[]>;
		/** The node that has an address on one of its interfaces; when several do, the last. */
		readonly owners: ReadonlyMap<string, string>;
	}
>();

const look = (context: CheckContext) => {
	const before = known.get(context);
	if (before !== undefined) {
		return before;
	}

	const byKey = new Map<string, Requirement>();
	const byTarget = new Map<string, Requirement[]>();
	for (const requirement of meshOf(context.cluster).requirements(context)) {
		byKey.set(keyOf(requirement), requirement);
		const others = byTarget.get(requirement.to) ?? [];
		others.push(requirement);
		byTarget.set(requirement.to, others);
	}

	const asked = context.measurements.cells.flatMap((cell): Asked[] => {
		const requirement = byKey.get(keyOf(cell.path));
		return requirement === undefined ? [] : [{cell, requirement}];
	});
	const owners = new Map(
		[...context.facts].flatMap(([name, {addresses}]) =>
			addresses.map(({address}) => [address, name] as const),
		),
	);
	const result = {asked, byTarget, owners};
	known.set(context, result);
	return result;
};

const askedCells = (context: CheckContext): readonly Asked[] =>
	look(context).asked;

/** A verdict as the end of a sentence. */
export const describeVerdict = (verdict: Verdict): string => {
	switch (verdict.kind) {
		case 'open': {
			return `open, ${verdict.rttMs.toFixed(1)} ms`;
		}

		case 'reached': {
			return 'arrives';
		}

		case 'refused': {
			return `refused${verdict.by === undefined ? '' : ` by ${verdict.by}`} (${verdict.reason})`;
		}

		case 'filtered': {
			return 'filtered: no answer came';
		}

		case 'wrong-host': {
			return `answered by another machine${verdict.answeredBy === undefined ? '' : ` (${verdict.answeredBy})`}`;
		}

		case 'in-use': {
			return `held by ${verdict.process ?? 'another program'}`;
		}

		case 'unknown': {
			return `not known: ${verdict.reason}`;
		}
	}
};

const describePath = ({
	from,
	to,
	addressKind,
	address,
	protocol,
	port,
}: Path): string =>
	`${from} → ${to}, ${protocol.toUpperCase()} ${port} (${portName(port, protocol)}) on the ${addressKind} address ${address}`;

/** Is the program that holds the port K3s itself, as far as we can tell? */
const heldByK3s = (context: CheckContext, {path, verdict}: Cell): boolean =>
	verdict.kind === 'in-use' &&
	(runsK3s(context.facts.get(path.to)) || isK3sProcess(verdict.process));

/** Does the cell show that the path does not work? */
const isBlocked = ({verdict}: Cell): boolean =>
	verdict.kind === 'filtered' ||
	verdict.kind === 'refused' ||
	verdict.kind === 'wrong-host';

/** How the firewall of the target is opened for these paths to one port of it. */
const openingFixes = (
	context: CheckContext,
	paths: readonly Path[],
	openingsTo: (name: string) => ReadonlyArray<Extract<Opening, {kind: 'port'}>>,
): readonly string[] => {
	const {to, address, protocol, port, addressKind} = paths[0]!;
	const node = context.cluster.nodes.find(({name}) => name === to);
	const host = context.facts.get(to);
	const peers = new Set(paths.map(({from}) => from));
	const openings = openingsTo(to).filter(
		(opening) =>
			opening.protocol === protocol &&
			opening.port === port &&
			peers.has(opening.peer),
	);
	const sources = inWords([...new Set(openings.map(({source}) => source))]);
	const owner =
		addressKind === 'external' ? look(context).owners.get(address) : undefined;
	if (owner !== undefined && owner !== to) {
		return [
			`${address} is on an interface of ${owner}: set externalIp of ${to} to its own address.`,
		];
	}

	const outside = `allow ${protocol.toUpperCase()} ${port} from ${sources || inWords([...peers])} to ${to}`;
	if (
		node !== undefined &&
		host !== undefined &&
		host.firewall.active &&
		host.firewall.kind !== 'none'
	) {
		return [
			`${to} runs ${host.firewall.kind}. To open it there (the install does so too):`,
			...byHand(
				host.firewall.kind,
				firewallRules(host.firewall.kind, openings, host, node),
			),
			`If that is not it, ${outside} in the firewall in front of it.`,
		];
	}

	const behindNat =
		addressKind === 'external' &&
		host !== undefined &&
		node?.externalIp !== undefined &&
		!host.addresses.some(({address}) => sameAddress(address, node.externalIp!));
	return [
		host === undefined
			? `Look at the firewalls on and in front of ${to}: ${outside}.`
			: `No firewall was seen on ${to} itself. In ${host.cloud === undefined ? 'the router or firewall in front of it' : `the firewall of the cloud (${host.cloud})`}: ${outside}.`,
		...(behindNat
			? [
					`${to} is behind NAT: the router must also pass ${protocol.toUpperCase()} ${port} of ${node.externalIp!} on to it.`,
				]
			: []),
	];
};

/** Openings of each target, worked out once. */
const openingsOf = (context: CheckContext) => {
	const nodes = new Map(context.cluster.nodes.map((node) => [node.name, node]));
	const found = new Map<
		string,
		ReadonlyArray<Extract<Opening, {kind: 'port'}>>
	>();
	return (name: string) => {
		const node = nodes.get(name);
		const openings =
			found.get(name) ??
			(node === undefined
				? []
				: portOpenings(
						context,
						meshOf(context.cluster),
						node,
						look(context).byTarget.get(name) ?? [],
					));
		found.set(name, openings);
		return openings;
	};
};

const blocked = rule(
	{
		id: 'path.blocked',
		severity: 'error',
		sentence: 'Every path that the cluster needs is open.',
		source: docs,
	},
	(context, report) => {
		const openingsTo = openingsOf(context);
		const arriving = new Set(
			context.measurements.cells
				.filter(({verdict}) => verdictArrives(verdict))
				.map(({path}) => keyOf(path)),
		);
		return askedCells(context)
			.filter(
				({cell, requirement}) =>
					requirement.severity === 'required' &&
					cell.path.from !== cell.path.to &&
					isBlocked(cell),
			)
			.map(({cell: {path, verdict}, requirement}) => {
				const back = context.cluster.nodes.find(({name}) => name === path.from);
				const oneWay =
					path.protocol === 'udp' &&
					back !== undefined &&
					arriving.has(
						keyOf({
							...path,
							from: path.to,
							to: path.from,
							port: wireguardPort(back),
						}),
					);
				return report(
					'error',
					`${describePath(path)}: ${describeVerdict(verdict)}. Needed because ${requirement.why}.${
						oneWay
							? ' The other direction is open: WireGuard may come up from there, but not after every restart.'
							: ''
					}`,
					{
						nodes: [path.from, path.to],
						fixes:
							verdict.kind === 'wrong-host'
								? [
										`See whether ${path.address} is really the ${path.addressKind} address of ${path.to}.`,
									]
								: openingFixes(context, [path], openingsTo),
					},
				);
			});
	},
);

const hairpin = rule(
	{
		id: 'server.hairpin',
		severity: 'error',
		sentence: 'A server reaches itself under its external address.',
		source: 'k3s-io/k3s#2963',
	},
	(context, report) =>
		askedCells(context)
			.filter(({cell}) => cell.path.from === cell.path.to && isBlocked(cell))
			.map(({cell: {path, verdict}}) =>
				report(
					'error',
					`${path.to} does not reach itself under its external address ${path.address} (TCP ${path.port}: ${describeVerdict(verdict)}). Pods there find the Kubernetes API under that address.`,
					{
						nodes: [path.to],
						fixes: [
							`Let the router or the cloud's firewall in front of ${path.to} pass TCP ${path.port} from ${path.address} back to it.`,
							`Or put the address on the machine itself, which then answers without leaving it (also after a reboot, as a line of your network configuration):`,
							`ip address add ${path.address}/${path.address.includes(':') ? 128 : 32} dev lo`,
						],
					},
				),
			),
);

const recommended = rule(
	{
		id: 'path.recommended',
		severity: 'warning',
		sentence: 'Paths that parts of the cluster profit from are open.',
		source: docs,
	},
	(context, report) => {
		const openingsTo = openingsOf(context);
		const groups = new Map<string, Asked[]>();
		for (const asked of askedCells(context)) {
			if (
				asked.requirement.severity === 'recommended' &&
				isBlocked(asked.cell)
			) {
				const {to, addressKind, protocol, port} = asked.cell.path;
				const key = `${to}|${addressKind}|${protocol}/${port}`;
				groups.set(key, [...(groups.get(key) ?? []), asked]);
			}
		}

		return [...groups.values()].map((group) => {
			const {path, verdict} = group[0]!.cell;
			const from = group.map(({cell}) => cell.path.from);
			return report(
				'warning',
				group.length === 1
					? `${describePath(path)}: ${describeVerdict(verdict)}. Without it: ${group[0]!.requirement.why}.`
					: `${inWords(from)} do not reach ${path.to} on TCP ${path.port} (${portName(path.port, path.protocol)}, ${path.addressKind} address ${path.address}; the first: ${describeVerdict(verdict)}). ${group[0]!.requirement.why[0]!.toUpperCase()}${group[0]!.requirement.why.slice(1)}.`,
				{
					nodes: [path.to, ...from],
					fixes: openingFixes(
						context,
						group.map(({cell}) => cell.path),
						openingsTo,
					),
				},
			);
		});
	},
);

const unknown = rule(
	{
		id: 'path.unknown',
		severity: 'warning',
		sentence: 'Every path that the cluster needs could be measured.',
		source: 'our own measure',
	},
	(context, report) => {
		// A machine that was not reached or has no Python is told about once, elsewhere.
		const canMeasure = (name: string): boolean =>
			context.facts.get(name)?.python !== undefined;
		const groups = new Map<string, Path[]>();
		for (const {cell, requirement} of askedCells(context)) {
			const {path, verdict} = cell;
			if (
				requirement.severity === 'required' &&
				canMeasure(path.from) &&
				canMeasure(path.to) &&
				(verdict.kind === 'unknown' ||
					(verdict.kind === 'in-use' && !heldByK3s(context, cell)))
			) {
				const key =
					verdict.kind === 'unknown'
						? verdict.reason
						: `${verdict.process ?? 'another program'} holds the port on ${path.to}`;
				groups.set(key, [...(groups.get(key) ?? []), path]);
			}
		}

		return [...groups].map(([reason, paths]) =>
			report(
				'warning',
				paths.length === 1
					? `${describePath(paths[0]!)} could not be measured: ${reason}.`
					: `${paths.length} paths could not be measured, the first ${describePath(paths[0]!)}: ${reason}.`,
				{
					nodes: [...new Set(paths.flatMap(({from, to}) => [from, to]))],
					fixes: ['Mend that and measure again, or go on without knowing.'],
				},
			),
		);
	},
);

/** Rules about what was measured between nodes. */
export const pathRules: readonly Rule[] = [
	blocked,
	hairpin,
	recommended,
	unknown,
];
