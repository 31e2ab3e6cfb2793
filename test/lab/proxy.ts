import {existsSync} from 'node:fs';
import {mkdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {instanceFolder} from './folders.js';
import {beside, launch} from './launch.js';
import {inNamespace, namespaceOf} from './network.js';
import {waitFor} from './run.js';
import {readState} from './state.js';
import {mirrorAddress} from './topology.js';

/** One request that a proxy was given. */
export type ProxyRequest = {
	readonly method: string;
	/** A URL, or for CONNECT a host and port. */
	readonly target: string;
	readonly from: string;
	/** Whether it came with the login. */
	readonly allowed: boolean;
};

/** A proxy beside the mirror of a lab. */
export type Proxy = {
	/** With its login. */
	readonly url: string;
	readonly requests: () => Promise<ProxyRequest[]>;
};

/** Starts a proxy in the namespace of an instance's mirror; it ends with the instance. */
export const startProxy = async (
	name: string,
	{user, password}: {readonly user: string; readonly password: string},
): Promise<Proxy> => {
	const {id} = readState(name)!;
	const folder = path.join(instanceFolder(name), 'proxy');
	const port = 3128;
	await mkdir(folder);
	launch(
		name,
		'proxy',
		inNamespace(namespaceOf(id, 'mirror'), [
			process.execPath,
			'--import',
			import.meta.resolve('tsx'),
			beside('proxy-server.ts'),
			folder,
			mirrorAddress,
			String(port),
			`${user}:${password}`,
		]),
	);
	await waitFor(
		() =>
			`the proxy does not start; see ${path.join(instanceFolder(name), 'proxy.log')}`,
		() => (existsSync(path.join(folder, 'ready')) ? true : undefined),
		{timeoutMs: 60_000},
	);
	return {
		url: `http://${user}:${encodeURIComponent(password)}@${mirrorAddress}:${port}`,
		async requests() {
			const file = path.join(folder, 'requests.jsonl');
			const text = existsSync(file) ? await readFile(file, 'utf8') : '';
			return text
				.split('\n')
				.filter(Boolean)
				.map((line) => JSON.parse(line) as ProxyRequest);
		},
	};
};
