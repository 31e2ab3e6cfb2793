import {z} from 'zod';
import {addressFamily, isAddress, isCidr} from './addresses.js';
import {holdsLogin, proxyUrlProblem} from './proxy-url.js';
import {parseSshTarget} from './ssh-target.js';

/** RFC 1123 label: what Kubernetes accepts as a node name (we do not allow dots, so that it also fits a hostname). */
const nameLabel = z
	.string()
	.regex(
		/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/,
		'must be 1 to 63 characters of a-z, 0-9 and "-", and start and end with a letter or digit (RFC 1123)',
	);

const address = z.string().refine(isAddress, 'must be an IPv4 or IPv6 address');

const cidr = z
	.string()
	.refine(isCidr, 'must be a network in CIDR form, such as 10.42.0.0/16');

/** One network of each family at most, as K3s takes them. */
const cidrs = z
	.array(cidr)
	.min(1, 'must name at least one network')
	.max(2, 'must name at most two networks: one IPv4 and one IPv6')
	.refine(
		(networks) =>
			networks.length < 2 ||
			!networks.every((network) => isCidr(network)) ||
			addressFamily(networks[0]!.split('/')[0]!) !==
				addressFamily(networks[1]!.split('/')[0]!),
		'must be one IPv4 network, one IPv6 network, or one of each',
	);

/** A DNS name or an address, without a scheme or a port. */
const endpoint = z
	.string()
	.refine(
		(text) =>
			isAddress(text) ||
			(text.length <= 253 &&
				/^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(
					text,
				) &&
				!/^[\d.]+$/.test(text)),
		'must be a DNS name or an address, without https:// and without a port',
	);

const url = z.url({
	protocol: /^https?$/,
	error: 'must be an http:// or https:// URL',
});

/** Where a secret is read from. */
const secretFrom = z
	.string()
	.regex(/^(?:env:\w+|file:.+)$/, 'must be env:NAME or file:PATH');

/** A proxy's URL that may stand in the file. The sentences do not repeat it: it may hold a password. */
const proxyUrl = z.string().superRefine((text, context) => {
	const message = holdsLogin(text)
		? 'has a login in it, which is a secret, and a cluster file holds none: write httpFrom or httpsFrom with env:NAME or file:PATH instead, and put the URL there'
		: proxyUrlProblem(text);
	if (message !== undefined) {
		context.addIssue({code: 'custom', message});
	}
});

const proxy = z
	.strictObject({
		http: proxyUrl.optional(),
		/** Instead of `http`, where the URL holds a password: `env:NAME` or `file:PATH`. */
		httpFrom: secretFrom.optional(),
		https: proxyUrl.optional(),
		/** Instead of `https`, where the URL holds a password: `env:NAME` or `file:PATH`. */
		httpsFrom: secretFrom.optional(),
		/** What is reached without the proxy, besides the cluster itself: addresses, networks, domains. */
		noProxy: z
			.array(
				z
					.string()
					.regex(
						/^[\w.*:/[\]-]+$/,
						'must be one address, network or domain, such as 192.168.0.0/16 or .lan',
					),
			)
			.default([]),
	})
	.superRefine(({http, httpFrom, https, httpsFrom}, context) => {
		for (const [key, plain, from] of [
			['http', http, httpFrom],
			['https', https, httpsFrom],
		] as const) {
			if (plain !== undefined && from !== undefined) {
				context.addIssue({
					code: 'custom',
					path: [`${key}From`],
					message: `must not stand beside ${key}: one of the two says where the proxy is`,
				});
			}
		}

		if ((http ?? httpFrom ?? https ?? httpsFrom) === undefined) {
			context.addIssue({
				code: 'custom',
				message: 'must name a proxy: http or https, httpFrom or httpsFrom',
			});
		}
	});

const port = z
	.number()
	.int('must be a whole number')
	.min(1, 'must be between 1 and 65535')
	.max(65_535, 'must be between 1 and 65535');

/** A file or folder on this machine. */
const localPath = z
	.string()
	.regex(/^(?:\/|~\/)/, 'must be an absolute path, or begin with ~/');

/** What both meshes that use a tailnet want to know of it. */
const tailnet = {
	/** URL of the control server, such as that of a headscale; Tailscale's own when absent. */
	controlServer: url.optional(),
	/** The key that nodes log in with; asked for when it is needed and absent. */
	authKeyFrom: secretFrom.optional(),
	/**
	 * Credentials for the control server's API: an OAuth client secret or an API token of Tailscale, or an API key of
	 * headscale. With them keys are made, routes approved and the policy looked at.
	 */
	apiKeyFrom: secretFrom.optional(),
	/** The user of a headscale for whom keys are made when nodes have no tags; the only one when absent. */
	user: z.string().min(1, 'must name a user').optional(),
	/**
	 * A file on this machine with the certificate (PEM) of the authority that signed the control server's, where that is
	 * none of the well-known ones. Nodes must trust it by themselves.
	 */
	authorityFile: localPath.optional(),
	/** Tags that the nodes carry in the tailnet. */
	tags: z
		.array(
			z
				.string()
				.regex(
					/^tag:[a-z][a-z\d-]*$/i,
					'must be a tag such as tag:k3s: letters, digits and "-" after "tag:"',
				),
		)
		.default([]),
};

/** How to log in to a node: text such as `root@198.51.100.11:22` in the file, an object once parsed. */
const sshTarget = z.union(
	[
		z.string().transform((text, context) => {
			const parsed = parseSshTarget(text);
			if (!parsed.ok) {
				context.addIssue({code: 'custom', message: parsed.message});
				return z.NEVER;
			}

			return parsed.target;
		}),
		z.strictObject({
			host: z.string().min(1, 'must name a host'),
			user: z.string().min(1).optional(),
			port: port.optional(),
			/** Hosts to jump through, nearest first, each like an `ssh` text. */
			jump: z.array(z.string().min(1)).optional(),
			/** A private key file to use instead of the agent and the default keys. */
			identityFile: z.string().min(1).optional(),
		}),
	],
	'must be user@host or user@host:port, or a mapping with host',
);

const node = z.strictObject({
	name: nameLabel,
	role: z.enum(['server', 'agent'], 'must be "server" or "agent"'),
	ssh: sshTarget,
	externalIp: address.optional(),
	internalIp: address.optional(),
	site: nameLabel.optional(),
});

/** Extra K3s config keys of the user: what K3s's YAML config files accept. */
const k3sConfigValue = z.union([
	z.string(),
	z.number(),
	z.boolean(),
	z.array(z.union([z.string(), z.number(), z.boolean()])),
]);

/** The cluster file, version 1: all that a cluster is meant to be, and no secret. */
export const clusterSchema = z.strictObject({
	version: z.literal(1, 'must be 1: this program knows version 1 of the file'),
	name: nameLabel,
	k3s: z
		.strictObject({
			/** Release channel; resolved once for all nodes. Ignored when `version` is set. */
			channel: z
				.string()
				.regex(
					/^[\w.-]+$/,
					'must be a channel name such as stable, latest or v1.36',
				)
				.default('stable'),
			/** Exact release, such as `v1.36.3+k3s1`. */
			version: z
				.string()
				.regex(
					/^v\d+\.\d+\.\d+(?:-[\w.]+)?\+k3s\d+$/,
					'must be a K3s release such as v1.36.3+k3s1',
				)
				.optional(),
			/** Packaged components to leave out: coredns, servicelb, traefik, local-storage, metrics-server. */
			disable: z.array(z.string().min(1)).default([]),
			/** Further keys for K3s's own config file, on every node that knows them. */
			config: z.record(z.string(), k3sConfigValue).default({}),
		})
		.prefault({}),
	network: z
		.strictObject({
			podCidr: cidrs.default(['10.42.0.0/16']),
			serviceCidr: cidrs.default(['10.43.0.0/16']),
		})
		.prefault({}),
	mesh: z
		.discriminatedUnion('kind', [
			z.strictObject({kind: z.literal('wireguard-native')}),
			z.strictObject({kind: z.literal('tailscale'), ...tailnet}),
			z.strictObject({
				kind: z.literal('tailscale-ip'),
				...tailnet,
				/** Which way packets between pods take: through the tailnet, or on the ordinary network between internal addresses. */
				podTraffic: z
					.enum(['tailnet', 'direct'], 'must be "tailnet" or "direct"')
					.default('tailnet'),
			}),
		])
		.default({kind: 'wireguard-native'}),
	/** DNS name or address under which the API is reached from everywhere: goes to `server:`, `tls-san` and the kubeconfig. */
	apiEndpoint: endpoint.optional(),
	datastore: z
		.union([
			z.literal('embedded'),
			z.strictObject({
				/** Where the endpoint (it holds a password) is read from: `env:NAME` or `file:PATH`. */
				endpointFrom: secretFrom,
			}),
		])
		.default('embedded'),
	nodes: z.array(node).default([]),
	/** Ids of checks that the user has decided to override. */
	ignore: z.array(z.string().min(1)).default([]),
	/**
	 * A folder on this machine with the files of one K3s release, for nodes that get nothing from the internet: they are
	 * sent over SSH (https://docs.k3s.io/installation/airgap). Needs `k3s.version`.
	 */
	airgap: z
		.strictObject({
			folder: localPath,
		})
		.optional(),
	/**
	 * The HTTP proxy through which the nodes get out: for our downloads and for K3s. One that is given for http or
	 * https alone stands for both.
	 */
	proxy: proxy.optional(),
	/** Other places to get K3s and Tailscale from. */
	mirrors: z
		.strictObject({
			/** K3s's install script; default https://get.k3s.io */
			installScript: url.optional(),
			/** Base of the releases; default https://github.com/k3s-io/k3s/releases */
			releases: url.optional(),
			/** Base of the channels; default https://update.k3s.io/v1-release/channels */
			channels: url.optional(),
			/** Tailscale's install script; default https://tailscale.com/install.sh */
			tailscaleScript: url.optional(),
			/** Folder of Tailscale's static archives; default https://pkgs.tailscale.com/stable */
			tailscaleArchives: url.optional(),
		})
		.prefault({}),
});

/** A parsed cluster file, defaults filled in. */
export type Cluster = Readonly<z.output<typeof clusterSchema>>;
/** What a cluster file may hold before defaults. */
export type ClusterInput = z.input<typeof clusterSchema>;
/** One machine of the cluster, as wanted. */
export type NodeSpec = Readonly<Cluster['nodes'][number]>;
export type Role = NodeSpec['role'];
export type MeshKind = Cluster['mesh']['kind'];
/** The settings of a mesh that uses a tailnet. */
export type TailnetMesh = Extract<
	Cluster['mesh'],
	{readonly kind: 'tailscale' | 'tailscale-ip'}
>;

/** The settings of the cluster's tailnet; `undefined` when its mesh uses none. */
export const chosenTailnet = ({
	mesh,
}: Pick<Cluster, 'mesh'>): TailnetMesh | undefined =>
	mesh.kind === 'wireguard-native' ? undefined : mesh;

/** The mesh of another kind with that kind's defaults. Between the two that use a tailnet its settings are kept. */
export const meshOfKind = (
	kind: MeshKind,
	before: Cluster['mesh'],
): Cluster['mesh'] => {
	if (kind === before.kind) {
		return before;
	}

	if (kind === 'wireguard-native') {
		return {kind};
	}

	const {podTraffic: _, ...kept} = {
		podTraffic: undefined,
		...(before.kind === 'wireguard-native' ? {tags: []} : before),
	};
	return kind === 'tailscale'
		? {...kept, kind}
		: {...kept, kind, podTraffic: 'tailnet'};
};

/** The cluster that a wizard starts from. */
export const emptyCluster = (name: string): Cluster =>
	clusterSchema.parse({version: 1, name, nodes: []});
