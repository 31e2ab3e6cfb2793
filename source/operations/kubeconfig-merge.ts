import {
	isMap,
	isSeq,
	parseDocument,
	type Document,
	type YAMLMap,
	type YAMLSeq,
} from 'yaml';
import {z} from 'zod';

/** What of K3s's admin kubeconfig goes into the user's. Holds secrets. */
export type AdminAccess = {
	/** PEM in base64. */
	readonly certificateAuthority: string;
	readonly clientCertificate: string;
	readonly clientKey: string;
};

const adminConfig = z.object({
	clusters: z
		.array(
			z.object({
				cluster: z.object({'certificate-authority-data': z.string()}),
			}),
		)
		.min(1),
	users: z
		.array(
			z.object({
				user: z.object({
					'client-certificate-data': z.string(),
					'client-key-data': z.string(),
				}),
			}),
		)
		.min(1),
});

/** Reads the kubeconfig that K3s wrote, whatever it named its only context. Throws when it is something else. */
export const parseAdminConfig = (text: string): AdminAccess => {
	const {clusters, users} = adminConfig.parse(parseDocument(text).toJS());
	return {
		certificateAuthority: clusters[0]!.cluster['certificate-authority-data'],
		clientCertificate: users[0]!.user['client-certificate-data'],
		clientKey: users[0]!.user['client-key-data'],
	};
};

/** Marks a cluster entry as ours; kubectl keeps extensions that it does not know. */
const extensionName = 'k3s-mesh-tui';

const sections = ['clusters', 'users', 'contexts'] as const;
type Section = (typeof sections)[number];

const entriesOf = (document: Document, section: Section): YAMLSeq => {
	const found = document.get(section);
	if (isSeq(found) && found.items.length > 0) {
		return found;
	}

	const made = document.createNode([]) as YAMLSeq;
	made.flow = false;
	document.set(section, made);
	return made;
};

const indexOf = (entries: YAMLSeq, name: string): number =>
	entries.items.findIndex(
		(entry) => isMap(entry) && entry.get('name') === name,
	);

/** What stands under a name in a kubeconfig. */
export type PresentEntry =
	| 'none'
	/** Written by us, or for this very cluster: it has the same CA. */
	| 'ours'
	| 'foreign';

const clusterEntry = z.object({
	name: z.string(),
	cluster: z.object({
		'certificate-authority-data': z.string().optional(),
		extensions: z.array(z.object({name: z.string()}).loose()).optional(),
	}),
});

/** A kubeconfig that can be changed without losing what is in it. */
export type KubeconfigDocument = {
	/** Whose is what stands under this name? */
	presence(name: string, access: AdminAccess): PresentEntry;
	/** Puts cluster, user and context of this name in, or in place of those that are there. */
	merge(
		name: string,
		entry: {readonly server: string; readonly access: AdminAccess},
	): void;
	/** Takes cluster, user and context of this name out when they are marked as ours; tells what there was. */
	drop(name: string): PresentEntry;
	toString(): string;
};

/** Opens the text of a kubeconfig; empty text makes a new one. Throws with the parser's first message when it is no YAML map. */
export const openKubeconfig = (text: string): KubeconfigDocument => {
	const isNew = text.trim() === '';
	const document = parseDocument(
		isNew ? 'apiVersion: v1\nkind: Config\n' : text,
	);
	const [problem] = document.errors;
	if (problem) {
		throw new Error(problem.message);
	}

	if (!isMap(document.contents)) {
		throw new TypeError('It is no YAML map.');
	}

	// As kubectl writes it; a new file is written like that too.
	const listsAtMargin = isNew || /^\w+:\n- /m.test(text);

	const put = (section: Section, name: string, entry: object) => {
		const entries = entriesOf(document, section);
		const node = document.createNode({...entry, name}) as YAMLMap;
		const index = indexOf(entries, name);
		if (index === -1) {
			entries.items.push(node);
			return;
		}

		const previous = entries.items[index];
		if (isMap(previous)) {
			node.commentBefore = previous.commentBefore ?? null;
			node.spaceBefore = previous.spaceBefore ?? false;
		}

		entries.items[index] = node;
	};

	const clusterNamed = (name: string) => {
		const data = z
			.object({clusters: z.array(z.unknown()).nullish()})
			.safeParse(document.toJS());
		return (data.data?.clusters ?? [])
			.map((one) => clusterEntry.safeParse(one).data)
			.find((one) => one?.name === name);
	};

	const isMarked = (entry: ReturnType<typeof clusterNamed>): boolean =>
		entry?.cluster.extensions?.some(
			(extension) => extension.name === extensionName,
		) === true;
	const sectionsWith = (name: string): readonly Section[] =>
		sections.filter((section) => {
			const entries = document.get(section);
			return isSeq(entries) && indexOf(entries, name) !== -1;
		});

	return {
		presence(name, access) {
			if (sectionsWith(name).length === 0) {
				return 'none';
			}

			const entry = clusterNamed(name);
			const ours =
				isMarked(entry) ||
				entry?.cluster['certificate-authority-data'] ===
					access.certificateAuthority;
			return ours ? 'ours' : 'foreign';
		},
		merge(name, {server, access}) {
			put('clusters', name, {
				cluster: {
					'certificate-authority-data': access.certificateAuthority,
					server,
					extensions: [{name: extensionName, extension: {cluster: name}}],
				},
			});
			put('users', name, {
				user: {
					'client-certificate-data': access.clientCertificate,
					'client-key-data': access.clientKey,
				},
			});
			put('contexts', name, {context: {cluster: name, user: name}});
			const current = document.get('current-context');
			if (typeof current !== 'string' || current === '') {
				document.set('current-context', name);
			}
		},
		drop(name) {
			const found = sectionsWith(name);
			if (found.length === 0) {
				return 'none';
			}

			if (!isMarked(clusterNamed(name))) {
				return 'foreign';
			}

			for (const section of found) {
				const entries = document.get(section) as YAMLSeq;
				entries.items.splice(indexOf(entries, name), 1);
				if (entries.items.length === 0) {
					entries.flow = true;
				}
			}

			if (document.get('current-context') === name) {
				document.set('current-context', '');
			}

			return 'ours';
		},
		toString: () =>
			document.toString({
				lineWidth: 0,
				indentSeq: !listsAtMargin,
				flowCollectionPadding: !/\{\S/.test(text),
			}),
	};
};
