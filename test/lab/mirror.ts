import {existsSync} from 'node:fs';
import {mkdir, readFile, rename, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {instanceFolder} from './folders.js';
import {beside, launch} from './launch.js';
import {inNamespace, namespaceOf} from './network.js';
import {releaseFolder} from './releases.js';
import {waitFor} from './run.js';
import {tailscalePackages} from './tailnet/programs.js';
import {mirrorAddress, type Topology} from './topology.js';

/** How a mirror behaves; may be changed while downloads run. Nothing set: fast and right. */
export type MirrorControl = {
	/** Of each connection; 0 sends nothing and keeps the connection. */
	readonly bytesPerSecond?: number;
	/** Ends each answer that is a file half-way. */
	readonly cutsFiles?: boolean;
	/** Serves checksums that fit no file. */
	readonly wrongChecksums?: boolean;
	/** Answers everything with this HTTP status. */
	readonly status?: number;
};

/** One request that the mirror has answered. */
export type MirrorRequest = {
	readonly method: string;
	readonly url: string;
	readonly from: string;
	readonly status: number;
	/** Whether the whole answer went out. */
	readonly complete: boolean;
};

/** The mirror of a lab; its URLs are good from every host and from the client. */
export type Mirror = {
	readonly installScript: string;
	readonly releases: string;
	readonly channels: string;
	/** What `https://pkgs.tailscale.com/stable` is elsewhere; only in a topology with a tailnet. */
	readonly tailscale: string;
	/** Replaces how the mirror behaves. */
	readonly control: (control: MirrorControl) => Promise<void>;
	readonly requests: () => Promise<MirrorRequest[]>;
};

const mirrorFolder = (instance: string): string =>
	path.join(instanceFolder(instance), 'mirror');

/** The mirror of an instance that runs already. */
export const mirrorOf = (instance: string): Mirror => {
	const folder = mirrorFolder(instance);
	const base = `http://${mirrorAddress}`;
	return {
		installScript: `${base}/install.sh`,
		releases: `${base}/releases`,
		channels: `${base}/channels`,
		tailscale: `${base}/tailscale/stable`,
		async control(control) {
			const file = path.join(folder, 'control.json');
			await writeFile(`${file}.new`, JSON.stringify(control));
			await rename(`${file}.new`, file);
		},
		async requests() {
			const file = path.join(folder, 'requests.jsonl');
			const text = existsSync(file) ? await readFile(file, 'utf8') : '';
			return text
				.split('\n')
				.filter(Boolean)
				.map((line) => JSON.parse(line) as MirrorRequest);
		},
	};
};

/** Starts the mirror of an instance in its namespace, and waits until it listens. */
export const startMirror = async (
	instance: string,
	id: string,
	{tailnet}: Topology,
	signal?: AbortSignal,
): Promise<void> => {
	const releases = await releaseFolder(signal);
	const folder = mirrorFolder(instance);
	await mkdir(folder);
	launch(
		instance,
		'mirror',
		inNamespace(namespaceOf(id, 'mirror'), [
			process.execPath,
			'--import',
			import.meta.resolve('tsx'),
			beside('mirror-server.ts'),
			releases,
			folder,
			mirrorAddress,
			...(tailnet === undefined ? [] : [await tailscalePackages(signal)]),
		]),
	);
	await waitFor(
		() =>
			`the mirror does not start; see ${path.join(instanceFolder(instance), 'mirror.log')}`,
		() => (existsSync(path.join(folder, 'ready')) ? true : undefined),
		{timeoutMs: 60_000, signal},
	);
};
