import type {Cell, Path} from '../../facts/measurements.js';
import {meshOf} from '../../mesh/catalogue.js';
import type {Requirement} from '../../mesh/mesh.js';
import type {CheckContext} from '../rule.js';

/** A cell that was asked for, with the reason why it was. */
export type Asked = {readonly cell: Cell; readonly requirement: Requirement};

/** A way without its address: what a requirement asks for and a path measures. */
export const keyOf = (one: Omit<Path, 'address'> | Requirement): string =>
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

/** The cells that the cluster's requirements ask for, the requirements by target, and who has which address. */
export const look = (context: CheckContext) => {
	const before = known.get(context);
	if (before !== undefined) {
		return before;
	}

	const byKey = new Map<string, Requirement>();
	const order = new Map<string, number>();
	const byTarget = new Map<string, Requirement[]>();
	for (const requirement of meshOf(context.cluster).requirements(context)) {
		byKey.set(keyOf(requirement), requirement);
		order.set(keyOf(requirement), order.size);
		const others = byTarget.get(requirement.to) ?? [];
		others.push(requirement);
		byTarget.set(requirement.to, others);
	}

	// Cells come as they were measured; what is said of them does not change its order from run to run.
	const placeOf = ({requirement}: Asked): number =>
		order.get(keyOf(requirement))!;
	const asked = context.measurements.cells
		.flatMap((cell): Asked[] => {
			const requirement = byKey.get(keyOf(cell.path));
			return requirement === undefined ? [] : [{cell, requirement}];
		})
		.toSorted((one, other) => placeOf(one) - placeOf(other));
	const owners = new Map(
		[...context.facts].flatMap(([name, {addresses}]) =>
			addresses.map(({address}) => [address, name] as const),
		),
	);
	const result = {asked, byTarget, owners};
	known.set(context, result);
	return result;
};

/** The cells that some requirement asks for. */
export const askedCells = (context: CheckContext): readonly Asked[] =>
	look(context).asked;
