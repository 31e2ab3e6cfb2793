/** Routes of headscale's nodes: one set for each node since 0.26, before that a row with a number for each route. */
import {z} from 'zod';
import {approvesPerNode, type HeadscaleApi} from '../mesh/headscale-version.js';
import type {ApiCall} from './api-call.js';
import {ControlError} from './control-error.js';
import type {CallOptions, ControlCalls, DeviceRoutes} from './control-plane.js';
import {
	canonicalRoute,
	flag,
	id,
	joinRoutes,
	sameRoutes,
	texts,
	withoutRoutes,
} from './wire.js';

const nodeSchema = z.object({
	node: z.object({approvedRoutes: texts}),
});

const rowsSchema = z.object({
	routes: z
		.array(
			z.object({
				id,
				node: z.object({id}).nullish(),
				prefix: z.string(),
				advertised: flag,
				enabled: flag,
			}),
		)
		.nullish()
		.transform((list) => list ?? []),
});

type Row = z.output<typeof rowsSchema>['routes'][number];

type RouteCalls = Pick<ControlCalls, 'approveRoutes' | 'withdrawRoutes'>;

const nodePath = (nodeId: string): string =>
	`/api/v1/node/${encodeURIComponent(nodeId)}`;

/** Reads the approved routes of a node, and replaces them when the wanted set is another. */
const changeSet = async (
	call: ApiCall,
	nodeId: string,
	wanted: (approved: readonly string[]) => readonly string[],
	options: CallOptions,
): Promise<readonly string[]> => {
	const {node} = await call.read(
		{method: 'GET', path: nodePath(nodeId), what: 'reading a node'},
		nodeSchema,
		options,
	);
	const routes = wanted(node.approvedRoutes);
	if (sameRoutes(routes, node.approvedRoutes)) {
		return routes;
	}

	const after = await call.read(
		{
			method: 'POST',
			path: `${nodePath(nodeId)}/approve_routes`,
			json: {routes},
			what: 'approving routes of a node',
		},
		nodeSchema,
		options,
	);
	return after.node.approvedRoutes;
};

const readRows = async (
	call: ApiCall,
	path: string,
	options: CallOptions,
): Promise<readonly Row[]> => {
	const {routes} = await call.read(
		{method: 'GET', path, what: 'listing the routes'},
		rowsSchema,
		options,
	);
	return routes;
};

const enabledOf = (rows: readonly Row[]): readonly string[] =>
	rows.filter((row) => row.enabled).map((row) => row.prefix);

/** The routes of all nodes before 0.26, by the node's number. */
export const listRouteRows = async (
	call: ApiCall,
	options: CallOptions,
): Promise<ReadonlyMap<string, DeviceRoutes>> => {
	const rows = await readRows(call, '/api/v1/routes', options);
	const nodes = new Set(rows.map((row) => row.node?.id));
	return new Map(
		[...nodes]
			.filter((node) => node !== undefined)
			.map((node) => {
				const own = rows.filter((row) => row.node?.id === node);
				return [
					node,
					{
						advertised: own
							.filter((row) => row.advertised)
							.map((row) => row.prefix),
						enabled: enabledOf(own),
					},
				];
			}),
	);
};

/** Enables or disables single routes of a node, which must have offered them before. */
const changeRows = async (
	call: ApiCall,
	nodeId: string,
	routes: readonly string[],
	verb: 'enable' | 'disable',
	options: CallOptions,
): Promise<readonly string[]> => {
	const path = `${nodePath(nodeId)}/routes`;
	const rows = await readRows(call, path, options);
	for (const route of routes) {
		const row = rows.find(
			({prefix}) => canonicalRoute(prefix) === canonicalRoute(route),
		);
		if (row === undefined && verb === 'enable') {
			throw new ControlError(
				'not-found',
				`${call.title}: the node does not offer the route ${route} yet, and headscale before 0.26 approves only what is offered.`,
				{tryNext: ['Wait until K3s runs on the node, then approve it.']},
			);
		}

		if (row !== undefined && row.enabled !== (verb === 'enable')) {
			await call.ask(
				{
					method: 'POST',
					path: `/api/v1/routes/${encodeURIComponent(row.id)}/${verb}`,
					what: `${verb === 'enable' ? 'approving' : 'taking back'} a route`,
				},
				options,
			);
		}
	}

	return enabledOf(await readRows(call, path, options));
};

/** The calls about routes. */
export const makeRouteCalls = (call: ApiCall, api: HeadscaleApi): RouteCalls =>
	approvesPerNode(api)
		? {
				approveRoutes: async (nodeId, routes, options) =>
					changeSet(
						call,
						nodeId,
						(approved) => joinRoutes(approved, routes),
						options,
					),
				withdrawRoutes: async (nodeId, routes, options) =>
					changeSet(
						call,
						nodeId,
						(approved) => withoutRoutes(approved, routes),
						options,
					),
			}
		: {
				approveRoutes: async (nodeId, routes, options) =>
					changeRows(call, nodeId, routes, 'enable', options),
				withdrawRoutes: async (nodeId, routes, options) =>
					changeRows(call, nodeId, routes, 'disable', options),
			};
