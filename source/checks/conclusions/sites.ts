import {
	addressFamily,
	parseCidr,
	sameAddress,
} from '../../cluster/addresses.js';
import type {NodeSpec} from '../../cluster/schema.js';
import {sameSite} from '../../cluster/sites.js';
import {verdictArrives} from '../../facts/measurements.js';
import type {MeshContext} from '../../mesh/mesh.js';
import type {FoundSite} from './conclusions.js';
import {isBlocked} from './verdict.js';

/** What was seen on the internal addresses of two nodes. */
export type InternalView =
	/** They reach each other, or one reaches the other without any translation on the way. */
	| 'joined'
	/** Neither of these, and a direction is shown to be closed, or another machine answers there. */
	| 'apart'
	/** Nothing was measured that shows either. */
	| 'unknown';

type Direction = {
	arrives: boolean;
	/** Arrived from the sender's own internal address. */
	untranslated: boolean;
	blocked: boolean;
};

const keyOf = (from: string, to: string): string => `${from}>${to}`;

/** `192.0.2.7:51820` or `[2001:db8::7]:51820` without the port. */
export const withoutPort = (source: string): string =>
	source.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');

/**
 * Asks what the internal addresses of two nodes showed. One port that arrives is enough: a further one that is closed
 * is a firewall's doing, and so is a closed way back where nothing translates. An address that another machine answers
 * under is as good as closed.
 */
export const internalViews = ({
	cluster,
	measurements,
}: Pick<MeshContext, 'cluster' | 'measurements'>): ((
	one: string,
	other: string,
) => InternalView) => {
	const internalIps = new Map(
		cluster.nodes.map(({name, internalIp}) => [name, internalIp]),
	);
	const directions = new Map<string, Direction>();
	for (const {path, verdict, observedSource} of measurements.cells) {
		if (path.addressKind !== 'internal' || path.from === path.to) {
			continue;
		}

		const key = keyOf(path.from, path.to);
		const direction = directions.get(key) ?? {
			arrives: false,
			untranslated: false,
			blocked: false,
		};
		const arrives = verdictArrives(verdict);
		const own = internalIps.get(path.from);
		direction.arrives ||= arrives;
		direction.untranslated ||=
			arrives &&
			own !== undefined &&
			observedSource !== undefined &&
			sameAddress(withoutPort(observedSource), own);
		direction.blocked ||= isBlocked(verdict);
		directions.set(key, direction);
	}

	return (one, other) => {
		const ways = [keyOf(one, other), keyOf(other, one)].map((key) =>
			directions.get(key),
		);
		if (ways.some((way) => way?.untranslated === true)) {
			return 'joined';
		}

		if (ways.some((way) => way?.blocked === true && !way.arrives)) {
			return 'apart';
		}

		return ways.some((way) => way?.arrives === true) ? 'joined' : 'unknown';
	};
};

/** Nodes in groups: two are in one when a chain of nodes that belong together leads from one to the other. */
const grouped = (
	nodes: readonly NodeSpec[],
	belong: (one: NodeSpec, other: NodeSpec) => boolean,
): NodeSpec[][] => {
	const left = new Set(nodes);
	const groups: NodeSpec[][] = [];
	for (const first of nodes) {
		if (!left.delete(first)) {
			continue;
		}

		const group = [first];
		for (const node of group) {
			for (const other of left) {
				if (belong(node, other)) {
					left.delete(other);
					group.push(other);
				}
			}
		}

		groups.push(group.toSorted((a, b) => nodes.indexOf(a) - nodes.indexOf(b)));
	}

	return groups;
};

/** The network of a node's internal address: as its interface has it, else the usual size. */
const networkOf = (
	{facts}: MeshContext,
	{name, internalIp}: NodeSpec,
): string | undefined => {
	if (internalIp === undefined) {
		return undefined;
	}

	const usual = addressFamily(internalIp) === 4 ? 24 : 64;
	const prefix =
		facts.get(name)?.addresses.find(({address}) => address === internalIp)
			?.prefix ?? usual;
	return `${parseCidr(`${internalIp}/${prefix}`)!.network}/${prefix}`;
};

const nameOf = (context: MeshContext, group: readonly NodeSpec[]): string => {
	const named = new Set(
		group.map(({site}) => site).filter((site) => site !== undefined),
	);
	if (named.size > 0) {
		return [...named].join(' + ');
	}

	const [first, ...others] = group;
	return (
		(others.length === 0 ? undefined : networkOf(context, first!)) ??
		first!.name
	);
};

/** Adds the first node to a name that another site has as well: two homes may both be 192.168.1.0/24. */
const distinct = (sites: readonly FoundSite[]): readonly FoundSite[] =>
	sites.map((site) =>
		sites.some((other) => other !== site && other.name === site.name)
			? {...site, name: `${site.name} (${site.nodes[0]!})`}
			: site,
	);

const known = new WeakMap<MeshContext, readonly FoundSite[]>();

/**
 * The sites of a cluster: nodes that reach each other on their internal addresses, and what the file says (a common
 * `site`, else neighbours in one network) for pairs that were not measured.
 */
export const findSites = (context: MeshContext): readonly FoundSite[] => {
	const before = known.get(context);
	if (before !== undefined) {
		return before;
	}

	const viewOf = internalViews(context);
	const groups = grouped(context.cluster.nodes, (one, other) => {
		const view = viewOf(one.name, other.name);
		return view === 'unknown' ? sameSite(one, other) : view === 'joined';
	});
	const sites = distinct(
		groups.map((group) => ({
			name: nameOf(context, group),
			nodes: group.map(({name}) => name),
		})),
	);
	known.set(context, sites);
	return sites;
};

/** Asks whether two nodes are at one site, by what was measured. */
export const sharesSite = (
	context: MeshContext,
): ((one: string, other: string) => boolean) => {
	const siteOf = new Map(
		findSites(context).flatMap((site) =>
			site.nodes.map((name) => [name, site] as const),
		),
	);
	return (one, other) =>
		one === other || (siteOf.has(one) && siteOf.get(one) === siteOf.get(other));
};
