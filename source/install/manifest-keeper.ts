import type {Role} from '../cluster/schema.js';
import type {Host} from '../host/host.js';
import {manifestRead, manifestWrite} from '../host/scripts/manifest.js';
import {
	addToManifest,
	emptyManifest,
	formatManifest,
	parseManifest,
	type Manifest,
	type ManifestChange,
} from './manifest.js';

/** The manifest of one host during a run. */
export type ManifestKeeper = {
	/**
	 * Lists one more thing, on the host, before it is done: what a cut-off run did is then listed too. Nothing is
	 * written when it is listed already. Returns the manifest after that.
	 */
	add(
		host: Host,
		change: ManifestChange,
		signal: AbortSignal,
	): Promise<Manifest>;
};

/** Opens the manifest of a node's host; it is read on first use. Calls for one host are made one after another. */
export const makeManifestKeeper = (node: {
	readonly cluster: string;
	readonly name: string;
	readonly role: Role;
}): ManifestKeeper => {
	let manifest: Manifest | undefined;
	/** What is on the host for sure. */
	let written: string | undefined;

	const read = async (host: Host, signal: AbortSignal): Promise<Manifest> => {
		const text = await host.run(manifestRead, {}, {signal});
		written = text;
		const known = text === undefined ? undefined : parseManifest(text);
		return {
			...(known ?? emptyManifest(node.cluster, node.name, node.role)),
			cluster: node.cluster,
			node: node.name,
			role: node.role,
		};
	};

	return {
		async add(host, change, signal) {
			const before = manifest ?? (await read(host, signal));
			const after = addToManifest(before, change);
			const text = formatManifest(after);
			if (text !== written) {
				await host.run(manifestWrite, {content: text}, {signal});
				written = text;
			}

			manifest = after;
			return after;
		},
	};
};
