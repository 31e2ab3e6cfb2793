import type {FoundSite} from '../../checks/conclusions/conclusions.js';

/** A row or a column of the matrix. */
export type MatrixEntry = {
	readonly name: string;
	/** Its place in the cluster file from 1 on, to name a narrow column by; `undefined` for this machine. */
	readonly number: number | undefined;
	/** Name of the site that begins with it, when it has several nodes. */
	readonly site: string | undefined;
	/** Is what stands before it at another site? */
	readonly startsGroup: boolean;
};

export type MatrixOrder = {
	readonly rows: readonly MatrixEntry[];
	readonly columns: readonly MatrixEntry[];
};

/** Does it tell anything to stand by sites? Not when all nodes are at one, or each is at its own. */
const areGroups = (sites: readonly FoundSite[]): boolean =>
	sites.length > 1 && sites.some(({nodes}) => nodes.length > 1);

/** `pi, nuc > fra`: rows whose name has one of the words before `>`, columns one of those behind it. */
export const readFilter = (
	text: string,
): {
	readonly from: (name: string) => boolean;
	readonly to: (name: string) => boolean;
} => {
	const matcher = (part = '') => {
		const words = part
			.toLowerCase()
			.split(/[\s,]+/)
			.filter((word) => word !== '');
		return (name: string) =>
			words.length === 0 ||
			words.some((word) => name.toLowerCase().includes(word));
	};

	const [from, ...to] = text.split('>');
	return {from: matcher(from), to: matcher(to.join(' '))};
};

/** Which nodes stand where in the matrix: by site, or the worst first; what the filter leaves out is not there. */
export const matrixOrder = (options: {
	/** All nodes, in file order. */
	readonly names: readonly string[];
	readonly sites: readonly FoundSite[];
	/** Further senders, which nobody sends to. */
	readonly senders: readonly string[];
	/** How bad a node is off; sorts when it is given. */
	readonly badness?: ((name: string) => number) | undefined;
	readonly filter: string;
}): MatrixOrder => {
	const {names, sites, senders, badness, filter} = options;
	const numbers = new Map(names.map((name, index) => [name, index + 1]));
	const isGrouped = badness === undefined && areGroups(sites);
	const placed = isGrouped
		? sites.flatMap((site) => site.nodes.map((name) => ({name, site})))
		: [];
	const seen = new Set(placed.map(({name}) => name));
	const ordered = [
		...placed.filter(({name}) => numbers.has(name)),
		...names
			.filter((name) => !seen.has(name))
			.map((name) => ({name, site: undefined})),
	];
	if (badness !== undefined) {
		ordered.sort((one, other) => badness(other.name) - badness(one.name));
	}

	const entries = (
		list: ReadonlyArray<{
			readonly name: string;
			readonly site: FoundSite | undefined;
		}>,
	): readonly MatrixEntry[] =>
		list.map(({name, site}, index) => {
			const isFirst = index === 0 || site !== list[index - 1]!.site;
			return {
				name,
				number: numbers.get(name),
				site:
					isFirst && site !== undefined && site.nodes.length > 1
						? site.name
						: undefined,
				startsGroup:
					isFirst &&
					index > 0 &&
					// Those that are each at their own site stand together.
					[site, list[index - 1]!.site].some(
						(one) => one !== undefined && one.nodes.length > 1,
					),
			};
		});
	const {from, to} = readFilter(filter);
	return {
		rows: entries([
			...ordered.filter(({name}) => from(name)),
			...senders
				.filter((name) => from(name))
				.map((name) => ({name, site: undefined})),
		]),
		columns: entries(ordered.filter(({name}) => to(name))),
	};
};
