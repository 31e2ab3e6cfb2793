/**
 * A double of headscale's API in the forms of several releases: the part of version 1 that the product calls, as its
 * protobuf files and its server describe it. The real one is in the lab; this one has the releases that are not there.
 */
import {
	startDouble,
	type DoubleAnswer,
	type DoubleRequest,
	type HttpDouble,
} from './http-double.js';

export type DoubleNode = {
	readonly id: string;
	readonly name: string;
	readonly available: readonly string[];
	approved: readonly string[];
	readonly more?: Readonly<Record<string, unknown>>;
};

type DoubleKey = {
	readonly id: string;
	readonly user: string;
	readonly key: string;
	readonly reusable: boolean;
	readonly ephemeral: boolean;
	used: boolean;
	expiration: string;
	readonly aclTags: readonly string[];
};

export type HeadscaleDouble = HttpDouble & {
	readonly nodes: DoubleNode[];
	readonly keys: DoubleKey[];
	/** `undefined` when there is none in the database. */
	policy: string | undefined;
};

export const apiKey = `hskey-api-doubleDouble-${'k'.repeat(64)}`;

const secret = 's'.repeat(64);

/** Starts a double of the release 0.`minor`. */
export const startHeadscaleDouble = async (start: {
	readonly minor: 25 | 26 | 27 | 28 | 29;
	readonly users?: readonly string[];
	readonly nodes?: DoubleNode[];
	readonly policyMode?: 'database' | 'file';
	readonly policy?: string;
	readonly tls?: {readonly key: string; readonly cert: string};
}): Promise<HeadscaleDouble> => {
	const {minor} = start;
	const users = (start.users ?? ['k3s']).map((name, index) => ({
		id: String(index + 1),
		name,
	}));
	const nodes = start.nodes ?? [];
	const keys: DoubleKey[] = [];
	const mode = start.policyMode ?? 'database';
	let {policy} = start;

	/** As grpc-gateway writes the errors of gRPC; those without a code of their own are 500. */
	const problem = (status: number, message: string): DoubleAnswer => ({
		status,
		body: {code: status === 404 ? 5 : 2, message, details: []},
	});
	const noRoute = problem(404, 'Not Found');

	const showNode = (node: DoubleNode) => ({
		id: node.id,
		name: node.name,
		givenName: node.name,
		ipAddresses: ['100.64.0.1', 'fd7a:115c:a1e0::1'],
		user: users[0],
		expiry: null,
		preAuthKey: null,
		online: true,
		...(minor >= 26 && {
			approvedRoutes: node.approved,
			availableRoutes: node.available,
		}),
		...(minor >= 28
			? {tags: ['tag:k3s-node']}
			: {forcedTags: ['tag:k3s-node'], validTags: [], invalidTags: []}),
		...node.more,
	});

	const routeRows = (nodeId?: string) =>
		nodes
			.filter(({id}) => nodeId === undefined || id === nodeId)
			.flatMap((node) =>
				node.available.map((prefix, index) => ({
					id: `${node.id}${index}`,
					node: showNode(node),
					prefix,
					advertised: true,
					enabled: node.approved.includes(prefix),
				})),
			);

	const routes = (request: DoubleRequest): DoubleAnswer | undefined => {
		const {path, method} = request;
		const [, rowId, verb] =
			/^\/api\/v1\/routes\/(\d+)\/(enable|disable)$/.exec(path) ?? [];
		const [, nodeId, part] =
			/^\/api\/v1\/node\/(\d+)(?:\/(\w+))?$/.exec(path) ?? [];
		const node = nodes.find(({id}) => id === (nodeId ?? rowId?.slice(0, -1)));
		if (minor < 26 && rowId !== undefined && node !== undefined) {
			const prefix = node.available[Number(rowId.at(-1))]!;
			node.approved = [
				...node.approved.filter((one) => one !== prefix),
				...(verb === 'enable' ? [prefix] : []),
			];
			return {status: 200, body: {}};
		}

		if (minor < 26 && (path === '/api/v1/routes' || part === 'routes')) {
			return {status: 200, body: {routes: routeRows(nodeId)}};
		}

		if (nodeId === undefined) {
			return undefined;
		}

		if (node === undefined) {
			return problem(minor >= 28 ? 404 : 500, 'record not found');
		}

		if (minor >= 26 && part === 'approve_routes' && method === 'POST') {
			node.approved = (
				JSON.parse(request.body) as {readonly routes: readonly string[]}
			).routes;
		} else if (part !== undefined) {
			return noRoute;
		}

		if (method === 'DELETE') {
			nodes.splice(nodes.indexOf(node), 1);
			return {status: 200, body: {}};
		}

		return {status: 200, body: {node: showNode(node)}};
	};

	/** The number or the name of a user, as the release wants it. */
	const isUser = (text: string | undefined): boolean =>
		users.some(({id, name}) => text === (minor >= 26 ? id : name));

	const preAuthKeys = (request: DoubleRequest): DoubleAnswer => {
		const {path, method} = request;
		const data = (request.body === '' ? {} : JSON.parse(request.body)) as {
			readonly user?: string;
			readonly id?: string;
			readonly key?: string;
			readonly reusable?: boolean;
			readonly ephemeral?: boolean;
			readonly expiration?: string;
			readonly aclTags?: readonly string[];
		};
		if (path.endsWith('/expire')) {
			const key = keys.find((one) =>
				minor >= 28
					? one.id === data.id
					: one.key === data.key && isUser(data.user),
			);
			if (key === undefined) {
				return problem(500, 'AuthKey not found');
			}

			key.expiration = new Date(Date.now() - 1).toISOString();
			return {status: 200, body: {}};
		}

		if (method === 'POST') {
			const needsUser = minor < 28 || (data.aclTags ?? []).length === 0;
			if (needsUser && !isUser(data.user)) {
				return problem(500, 'user not found');
			}

			const id = String(keys.length + 1);
			const key: DoubleKey = {
				id,
				user: data.user ?? '',
				key:
					minor >= 28
						? `hskey-auth-${id.padStart(12, 'p')}-${secret}`
						: id.padStart(48, 'a'),
				reusable: data.reusable ?? false,
				ephemeral: data.ephemeral ?? false,
				used: false,
				expiration: data.expiration ?? '0001-01-01T00:00:00Z',
				aclTags: data.aclTags ?? [],
			};
			keys.push(key);
			return {
				status: 200,
				body: {preAuthKey: {...key, user: minor >= 26 ? users[0] : 'k3s'}},
			};
		}

		const user = request.query.get('user') ?? undefined;
		if (minor < 28 && !isUser(user)) {
			return problem(500, 'user not found');
		}

		return {
			status: 200,
			body: {
				preAuthKeys: keys
					.filter((key) => minor >= 28 || key.user === user)
					.map((key) => ({
						...key,
						user: users[0],
						key:
							minor >= 28 ? `${key.key.slice(0, -secret.length)}***` : key.key,
					})),
			},
		};
	};

	const policies = (request: DoubleRequest): DoubleAnswer => {
		const {path, method} = request;
		const text = (): string =>
			(JSON.parse(request.body) as {readonly policy: string}).policy;
		if (path.endsWith('/check')) {
			if (minor < 29) {
				return noRoute;
			}

			return text().includes('tag:nowhere')
				? {
						status: 400,
						body: {
							code: 3,
							message: 'parsing policy: src=tag not found: "tag:nowhere"',
							details: [],
						},
					}
				: {status: 200, body: {}};
		}

		if (method === 'PUT') {
			if (mode === 'file') {
				return problem(
					500,
					"update is disabled for modes other than 'database'",
				);
			}

			if (text().includes('tag:nowhere')) {
				return problem(
					500,
					'setting policy: parsing policy: src=tag not found: "tag:nowhere"',
				);
			}

			policy = text();
		}

		if (policy === undefined) {
			return problem(
				500,
				mode === 'database'
					? 'loading ACL from database: acl policy not found'
					: 'reading policy from path "": open : no such file or directory',
			);
		}

		return {
			status: 200,
			body: {
				policy,
				updatedAt: mode === 'database' ? '2026-01-01T00:00:00Z' : null,
			},
		};
	};

	const answer = (request: DoubleRequest): DoubleAnswer => {
		const {path, headers} = request;
		if (path === '/version') {
			return minor >= 27
				? {status: 200, body: {version: `v0.${minor}.1`, commit: 'x'}}
				: {status: 404, body: '404 page not found'};
		}

		if (headers.authorization !== `Bearer ${apiKey}`) {
			return {status: 401, body: 'Unauthorized'};
		}

		if (path === '/api/v1/user') {
			return {status: 200, body: {users}};
		}

		if (path.startsWith('/api/v1/preauthkey')) {
			return preAuthKeys(request);
		}

		if (path.startsWith('/api/v1/policy')) {
			return policies(request);
		}

		return path === '/api/v1/node'
			? {status: 200, body: {nodes: nodes.map((node) => showNode(node))}}
			: (routes(request) ?? noRoute);
	};

	const double = await startDouble(answer, start.tls);
	return {
		...double,
		[Symbol.asyncDispose]: double[Symbol.asyncDispose].bind(double),
		nodes,
		keys,
		get policy() {
			return policy;
		},
		set policy(text: string | undefined) {
			policy = text;
		},
	};
};
