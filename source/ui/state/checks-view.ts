import type {
	Conclusions,
	LatencyGrade,
} from '../../checks/conclusions/conclusions.js';
import type {JudgedFinding} from '../../checks/finding.js';
import {thresholds} from '../../checks/thresholds.js';
import {sameAddress} from '../../cluster/addresses.js';
import {
	controller,
	type Latency,
	type Measurements,
	type Path,
	type PathMtu,
} from '../../facts/measurements.js';
import type {TailnetPath, TailnetWay} from '../../facts/tailnet-measures.js';
import type {AddressKind, Requirement} from '../../mesh/mesh.js';
import type {ChecksGround} from './checks-ground.js';
import type {ChecksState} from './checks-state.js';
import type {FindingGroup} from './finding-groups.js';
import {
	addressKinds,
	pairCells,
	pairKey,
	pairLatencies,
	pairMtus,
	type ByPair,
	type PairCell,
} from './matrix.js';

/** What the Checks screen can show, in the order in which Tab goes through it. */
export const checksTabs = [
	'ports',
	'latency',
	'mtu',
	'hosts',
	'findings',
] as const;
export type ChecksTab = (typeof checksTabs)[number];
/** The tabs that are a matrix. */
export type MatrixTab = 'ports' | 'latency' | 'mtu';

export const isMatrixTab = (tab: ChecksTab): tab is MatrixTab =>
	tab === 'ports' || tab === 'latency' || tab === 'mtu';

export const tabTitles: Readonly<Record<ChecksTab, string>> = {
	ports: 'Ports',
	latency: 'Latency',
	mtu: 'MTU',
	hosts: 'Hosts',
	findings: 'Findings',
};

export const kindTitles: Readonly<Record<AddressKind, string>> = {
	external: 'external addresses',
	internal: 'internal addresses',
	'external-ipv6': 'further IPv6 addresses',
	tailscale: 'Tailscale addresses',
};

/** A round trip with what it means. */
export type GradedLatency = {
	readonly latency: Latency;
	readonly grade: LatencyGrade;
	readonly reason: string;
};

/** Everything that the screen shows, derived from what was measured and what the person overrides. */
export type ChecksView = {
	/** All nodes, in file order. */
	readonly names: readonly string[];
	/** Who else sends: this machine, when something was tried from it. */
	readonly senders: readonly string[];
	/** Address kinds of which something is known, the external ones first. */
	readonly kinds: readonly AddressKind[];
	readonly pairs: ReadonlyMap<AddressKind, ByPair<PairCell>>;
	readonly latencies: ReadonlyMap<AddressKind, ByPair<GradedLatency>>;
	readonly mtus: ReadonlyMap<AddressKind, ByPair<PathMtu>>;
	/** Which way Tailscale takes between nodes of one tailnet. */
	readonly ways: ByPair<TailnetPath>;
	/** What the cluster needs of a path, when it needs anything. */
	readonly requirementOf: (path: Path) => Requirement | undefined;
	readonly findings: readonly FindingGroup[];
	/** Sites are those of the file until everything is measured. */
	readonly conclusions: Conclusions;
	readonly measurements: Omit<Measurements, 'cells' | 'stations'>;
	readonly stations: ChecksState['stations'];
	/** Blocked paths of all address kinds. */
	readonly blocked: number;
	readonly measured: number;
	readonly planned: number;
};

const worse: Readonly<Record<LatencyGrade, number>> = {
	good: 0,
	fair: 1,
	poor: 2,
};

/** How bad a grade is, from 0. */
export const gradeRank = (grade: LatencyGrade): number => worse[grade];

/** The grade by the round trip, and by lost packets where those are worse. */
const gradeLatency =
	(conclusions: Conclusions) =>
	(latency: Latency): GradedLatency => {
		const {grade, reason} = conclusions.gradeOf(latency);
		return grade === 'good' && latency.loss >= thresholds.loss.warning
			? {
					latency,
					grade: 'fair',
					reason: `${Math.round(latency.loss * 100)} % of the packets were lost`,
				}
			: {latency, grade, reason};
	};

/** The way that Tailscale takes from one node to another, for its address in the tailnet. */
export const wayOf = (
	{ways}: Pick<ChecksView, 'ways'>,
	{
		from,
		to,
		address,
	}: {readonly from: string; readonly to: string; readonly address: string},
): TailnetWay | undefined => {
	const path = ways.get(pairKey(from, to));
	return path?.address === address ? path.way : undefined;
};

/** Does a path carry too little for the mesh? */
export const isSmallMtu = ({bytes}: PathMtu): boolean =>
	bytes < thresholds.pathMtuBytes.warning;

export const checksView = (
	state: Pick<
		ChecksState,
		'planned' | 'cells' | 'pending' | 'told' | 'stations'
	>,
	ground: ChecksGround,
): ChecksView => {
	const {cluster, requirementOf, conclusions, findings} = ground;
	const cells = [...state.cells.values()];
	// The mesh comes up through one open direction: the closed one is worth a warning, and blocks nothing.
	const oneWay = new Set(
		conclusions.oneWay
			.filter(({protocol}) => protocol === 'udp')
			.map(({from, to, addressKind}) => `${addressKind} ${pairKey(to, from)}`),
	);
	const pairs = pairCells(
		cells,
		({path}) =>
			path.protocol === 'udp' &&
			oneWay.has(`${path.addressKind} ${pairKey(path.from, path.to)}`)
				? 'recommended'
				: (requirementOf(path)?.severity ?? 'none'),
		state.pending,
	);
	const kindByAddress = new Map(
		(state.told.pathMtus.length === 0 ? [] : cells).map(({path}) => [
			`${path.to} ${path.address}`,
			path.addressKind,
		]),
	);
	const nodes = new Map(cluster.nodes.map((node) => [node.name, node]));
	const kindOf = (to: string, address: string): AddressKind => {
		const internal = nodes.get(to)?.internalIp;
		return (
			kindByAddress.get(`${to} ${address}`) ??
			(internal !== undefined && sameAddress(internal, address)
				? 'internal'
				: 'external')
		);
	};

	const grade = gradeLatency(conclusions);
	const latencies = new Map(
		[...pairLatencies(state.told.latencies)].map(
			([kind, byPair]) =>
				[
					kind,
					new Map([...byPair].map(([key, latency]) => [key, grade(latency)])),
				] as const,
		),
	);
	const mtus = pairMtus(state.told.pathMtus, kindOf);
	let blocked = 0;
	for (const byPair of pairs.values()) {
		for (const pair of byPair.values()) {
			blocked += pair.blocked;
		}
	}

	return {
		names: cluster.nodes.map(({name}) => name),
		senders: cells.some(({path}) => path.from === controller)
			? [controller]
			: [],
		kinds: addressKinds.filter(
			(kind) =>
				kind === 'external' ||
				pairs.has(kind) ||
				latencies.has(kind) ||
				mtus.has(kind),
		),
		pairs,
		latencies,
		mtus,
		ways: new Map(
			state.told.tailnetPaths.map((path) => [
				pairKey(path.from, path.to),
				path,
			]),
		),
		requirementOf,
		findings,
		conclusions,
		measurements: state.told,
		stations: state.stations,
		blocked,
		measured: cells.length - state.pending.size,
		planned: Math.max(state.planned, cells.length),
	};
};

/** Findings about paths name several senders and the one that should answer: `path.blocked` last, the others first. */
const isAboutOther = ({id, nodes}: JudgedFinding, to: string): boolean =>
	id === 'path.blocked'
		? nodes.at(-1) !== to
		: (id === 'path.one-way' || id === 'path.recommended') && nodes[0] !== to;

/** The findings that explain a pair: those that name both nodes, else those about the one that should answer. */
export const findingsOfPair = (
	view: ChecksView,
	tab: MatrixTab,
	from: string,
	to: string,
): readonly JudgedFinding[] => {
	const prefix = {latency: 'latency.', mtu: 'mtu.', ports: undefined}[tab];
	const serious = view.findings
		.flatMap(({members}) => members)
		.filter(
			({id, severity}) =>
				severity !== 'info' &&
				(prefix === undefined
					? !id.startsWith('latency.') && !id.startsWith('mtu.')
					: id.startsWith(prefix)),
		);
	if (from === controller) {
		return serious.filter(({id}) => id === 'path.controller');
	}

	const both = serious.filter(
		(finding) =>
			finding.nodes.includes(from) &&
			finding.nodes.includes(to) &&
			(from === to || !isAboutOther(finding, to)),
	);
	return both.length > 0
		? both
		: serious.filter(({nodes}) => nodes.length === 1 && nodes[0] === to);
};
