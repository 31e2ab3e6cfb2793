import {z} from 'zod';
import type {FirewallRule} from '../plan/plan.js';

const rule = z.object({
	why: z.string(),
	add: z.array(z.string()),
	remove: z.array(z.string()),
});

/** `/var/lib/k3s-mesh/manifest.json`: all that we added to a host, and what was there before. */
export const manifestSchema = z.object({
	version: z.literal(1),
	/** Name of the cluster for which it was written. */
	cluster: z.string(),
	/** The node's name in it. */
	node: z.string(),
	role: z.enum(['server', 'agent']),
	/** Absolute paths that we wrote, with the sha256 of what we wrote; listed before they are written. */
	files: z.record(z.string(), z.string()).default({}),
	/** Where the content is kept that one of these paths had before us. */
	kept: z.record(z.string(), z.string()).default({}),
	firewall: z
		.object({
			kind: z.enum(['ufw', 'firewalld', 'nftables', 'iptables']),
			rules: z.array(rule),
		})
		.optional(),
	/** The K3s release that we put there. */
	k3s: z.string().optional(),
	/** How we installed Tailscale here; absent where it was there before. */
	tailscale: z.enum(['script', 'archive']).optional(),
	/** Did we log the machine in to a tailnet? */
	tailnetLogin: z.boolean().optional(),
	/** Did we run install.sh here? */
	installed: z.boolean().default(false),
	/** sha256 over what the running K3s was started with. */
	appliedHash: z.string().optional(),
});

/** The parsed manifest of a host. */
export type Manifest = Readonly<z.output<typeof manifestSchema>>;

/** One more thing to list, or one that is gone. */
export type ManifestChange =
	| {
			readonly kind: 'file';
			readonly path: string;
			readonly sha256: string;
			/** Is there a file already, before we have ever written it? */
			readonly existed: boolean;
	  }
	| {
			readonly kind: 'firewall';
			readonly firewall: NonNullable<Manifest['firewall']>['kind'];
			readonly rules: readonly FirewallRule[];
	  }
	/** Rules that are not there any more. */
	| {
			readonly kind: 'firewall-withdrawn';
			readonly rules: readonly FirewallRule[];
	  }
	| {readonly kind: 'k3s'; readonly version: string}
	| {
			readonly kind: 'tailscale';
			readonly method: NonNullable<Manifest['tailscale']>;
	  }
	| {readonly kind: 'tailnet-login'}
	| {readonly kind: 'installed'}
	| {readonly kind: 'applied'; readonly appliedHash: string};

/** The manifest of a host that has none. */
export const emptyManifest = (
	cluster: string,
	node: string,
	role: Manifest['role'],
): Manifest => ({
	version: 1,
	cluster,
	node,
	role,
	files: {},
	kept: {},
	installed: false,
});

/** Reads a manifest. `undefined` when the text is none: it is then written anew. */
export const parseManifest = (text: string): Manifest | undefined => {
	try {
		return manifestSchema.parse(JSON.parse(text));
	} catch {
		return undefined;
	}
};

/** The text of a manifest: the same for the same content, so that an unchanged one is not written again. */
export const formatManifest = (manifest: Manifest): string => {
	const {version, cluster, node, role, files, kept, ...rest} = manifest;
	const text = JSON.stringify(
		{
			version,
			cluster,
			node,
			role,
			k3s: rest.k3s,
			installed: rest.installed,
			tailscale: rest.tailscale,
			tailnetLogin: rest.tailnetLogin,
			appliedHash: rest.appliedHash,
			files: sorted(files),
			kept: sorted(kept),
			firewall: rest.firewall,
		},
		undefined,
		'\t',
	);
	return `${text}\n`;
};

const sorted = (record: Readonly<Record<string, string>>) =>
	Object.fromEntries(
		Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1)),
	);

/** Where the content of a path is kept that it had before us. */
export const keptPath = (path: string): string => `${path}.k3s-mesh.bak`;

/** A command as one text, to compare it with others. */
const wordsOf = (words: readonly string[]): string => words.join('\u0000');

/** The manifest with one more thing in it, or without what is gone. Pure. */
export const addToManifest = (
	manifest: Manifest,
	change: ManifestChange,
): Manifest => {
	switch (change.kind) {
		case 'file': {
			const ours = change.path in manifest.files;
			return {
				...manifest,
				files: {...manifest.files, [change.path]: change.sha256},
				kept:
					change.existed && !ours
						? {...manifest.kept, [change.path]: keptPath(change.path)}
						: manifest.kept,
			};
		}

		case 'firewall': {
			const known = manifest.firewall?.rules ?? [];
			const words = new Set(known.map(({add}) => wordsOf(add)));
			return {
				...manifest,
				firewall: {
					kind: change.firewall,
					rules: [
						...known,
						...change.rules
							.filter(({add}) => !words.has(wordsOf(add)))
							.map(({why, add, remove}) => ({
								why,
								add: [...add],
								remove: [...remove],
							})),
					],
				},
			};
		}

		case 'firewall-withdrawn': {
			if (manifest.firewall === undefined) {
				return manifest;
			}

			const gone = new Set(change.rules.map(({add}) => wordsOf(add)));
			return {
				...manifest,
				firewall: {
					...manifest.firewall,
					rules: manifest.firewall.rules.filter(
						({add}) => !gone.has(wordsOf(add)),
					),
				},
			};
		}

		case 'k3s': {
			return {...manifest, k3s: change.version};
		}

		case 'tailscale': {
			return {...manifest, tailscale: change.method};
		}

		case 'tailnet-login': {
			return {...manifest, tailnetLogin: true};
		}

		case 'installed': {
			return {...manifest, installed: true};
		}

		case 'applied': {
			return {...manifest, appliedHash: change.appliedHash};
		}
	}
};
