/** Runs the K3s double on loopback addresses and temporary folders, for its own tests. */

import {spawn, spawnSync, type ChildProcess} from 'node:child_process';
import {
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import {request} from 'node:https';
import {createServer, type AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {Buffer} from 'node:buffer';
import path from 'node:path';
import process from 'node:process';
import {parse, stringify} from 'yaml';

/** The folder of the double, which python runs as it is. */
export const program = path.resolve(import.meta.dirname, '../lab/k3s-double');

/** Where python keeps what it compiled: every node is a python of its own, and the sources' folder is left alone. */
const bytecode = path.resolve(
	import.meta.dirname,
	'../../node_modules/.cache/python',
);

const deadlineMs = 30_000;

/** Why the double cannot run on this machine, or false when it can. The text names what is missing. */
export function skipReason(): string | false {
	if (process.platform !== 'linux') {
		return 'the K3s double needs Linux';
	}

	if (spawnSync('python3', ['-c', 'import yaml']).status !== 0) {
		return 'python3 with python3-yaml is missing';
	}

	if (spawnSync('openssl', ['version']).status !== 0) {
		return 'openssl is missing';
	}

	return false;
}

/** A folder that goes when the test ends. */
export function temporaryFolder(context: {
	after: (action: () => void) => void;
}): string {
	const folder = mkdtempSync(path.join(tmpdir(), 'k3s-double-'));
	context.after(() => {
		rmSync(folder, {recursive: true, force: true});
	});
	return folder;
}

async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({length: count}, () => createServer());
	const ports = await Promise.all(
		servers.map(
			async (server) =>
				new Promise<number>((resolve, reject) => {
					server.once('error', reject);
					server.listen(0, '0.0.0.0', () => {
						resolve((server.address() as AddressInfo).port);
					});
				}),
		),
	);
	await Promise.all(
		servers.map(
			async (server) =>
				new Promise<void>((resolve) => {
					server.close(() => {
						resolve();
					});
				}),
		),
	);
	return ports;
}

/** The ports that all nodes of one test share. */
export type Ports = Readonly<{
	api: number;
	kubelet: number;
	etcdClient: number;
	etcdPeer: number;
}>;

export async function choosePorts(): Promise<Ports> {
	const [api, kubelet, etcdClient, etcdPeer] = await freePorts(4);
	return {
		api: api!,
		kubelet: kubelet!,
		etcdClient: etcdClient!,
		etcdPeer: etcdPeer!,
	};
}

export type Result = Readonly<{
	code: number | undefined;
	stdout: string;
	stderr: string;
}>;

/** One node of a test: its own root folder and its own loopback address. */
export class Node {
	readonly lines: string[] = [];
	private process: ChildProcess | undefined;
	private readonly watchers = new Set<() => void>();

	constructor(
		readonly root: string,
		readonly address: string,
		readonly ports: Ports,
	) {
		mkdirSync(path.join(root, 'etc/rancher/k3s'), {recursive: true});
	}

	get environment(): NodeJS.ProcessEnv {
		return {
			PATH: process.env.PATH,
			PYTHONPYCACHEPREFIX: bytecode,
			K3S_DOUBLE_ROOT: this.root,
			K3S_DOUBLE_NETWORK: 'off',
			K3S_DOUBLE_BIND: this.address,
			K3S_DOUBLE_TEMPO: '0.1',
			K3S_DOUBLE_API_PORT: String(this.ports.api),
			K3S_DOUBLE_KUBELET_PORT: String(this.ports.kubelet),
			K3S_DOUBLE_ETCD_CLIENT_PORT: String(this.ports.etcdClient),
			K3S_DOUBLE_ETCD_PEER_PORT: String(this.ports.etcdPeer),
		};
	}

	/** Writes config.yaml (0600 unless said otherwise), or a drop-in when a name is given. */
	configure(
		content: Readonly<Record<string, unknown>> | string,
		{name = '', mode = 0o600} = {},
	): void {
		const file = path.join(
			this.root,
			'etc/rancher/k3s',
			name === '' ? 'config.yaml' : `config.yaml.d/${name}`,
		);
		mkdirSync(path.dirname(file), {recursive: true});
		rmSync(file, {force: true});
		writeFileSync(
			file,
			typeof content === 'string' ? content : stringify(content),
			{mode},
		);
	}

	/** The configuration of a node with both its addresses, and what the test adds. */
	configureNode(more: Readonly<Record<string, unknown>>): void {
		this.configure({
			'node-ip': this.address,
			'node-external-ip': this.address,
			...more,
		});
	}

	file(name: string): string {
		return readFileSync(path.join(this.root, name), 'utf8');
	}

	/** Runs a command of the double to its end. */
	run(
		arguments_: readonly string[],
		{
			input = '',
			environment = {},
		}: {input?: string; environment?: NodeJS.ProcessEnv} = {},
	): Result {
		const {status, stdout, stderr} = spawnSync(
			'python3',
			[program, ...arguments_],
			{
				env: {...this.environment, ...environment},
				input,
				encoding: 'utf8',
				timeout: deadlineMs,
			},
		);
		return {code: status ?? undefined, stdout, stderr};
	}

	/** Starts a command in the background; its log lines gather in `lines`. */
	start(
		command: 'server' | 'agent' | 'double-datastore',
		environment: NodeJS.ProcessEnv = {},
		arguments_: readonly string[] = [],
	): void {
		this.lines.length = 0;
		const child = spawn('python3', [program, command, ...arguments_], {
			env: {...this.environment, ...environment},
			stdio: ['ignore', 'ignore', 'pipe'],
		});
		this.process = child;
		let rest = '';
		child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
			const parts = (rest + chunk).split('\n');
			rest = parts.pop()!;
			this.lines.push(...parts);
			this.notify();
		});
		child.once('close', () => {
			this.notify();
		});
	}

	get exitCode(): number | undefined {
		return this.process?.exitCode ?? undefined;
	}

	/** Resolves when a log line matches; fails with the whole log at the deadline. */
	async line(pattern: RegExp): Promise<string> {
		await this.until(
			() => this.lines.some((line) => pattern.test(line)),
			`a log line like ${String(pattern)}`,
		);
		return this.lines.find((line) => pattern.test(line))!;
	}

	/** Resolves with the exit code when the program has ended. */
	async end(): Promise<number> {
		await this.until(
			() => this.exitCode !== undefined,
			'the end of the program',
		);
		return this.exitCode!;
	}

	async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
		const child = this.process;
		if (child?.exitCode !== null || child.signalCode !== null) {
			return;
		}

		await new Promise((resolve) => {
			child.once('close', resolve);
			child.kill(signal);
		});
	}

	private notify(): void {
		for (const watcher of this.watchers) {
			watcher();
		}
	}

	private async until(condition: () => boolean, what: string): Promise<void> {
		await new Promise<void>((resolve, reject) => {
			const done = (): void => {
				clearTimeout(timer);
				this.watchers.delete(check);
			};

			const check = (): void => {
				if (condition()) {
					done();
					resolve();
				}
			};

			const timer = setTimeout(() => {
				done();
				reject(
					new Error(
						`${this.address}: waited in vain for ${what}:\n${this.lines.join('\n')}`,
					),
				);
			}, deadlineMs);
			this.watchers.add(check);
			check();
		});
	}
}

/** A node that is stopped, and whose folder goes, when the test ends. */
export function temporaryNode(
	context: {after: (action: () => Promise<void>) => void},
	address: string,
	ports: Ports,
): Node {
	const folder = mkdtempSync(path.join(tmpdir(), 'k3s-double-'));
	const node = new Node(folder, address, ports);
	context.after(async () => {
		// First the program, which would otherwise write into a folder that is being removed.
		await node.stop('SIGKILL');
		rmSync(folder, {recursive: true, force: true});
	});
	return node;
}

/** The parts of an object of the API that the tests read. */
export type Item = Readonly<{
	kind: string;
	reason?: string;
	message?: string;
	metadata: Readonly<{
		name: string;
		labels: Readonly<Record<string, string>>;
		annotations: Readonly<Record<string, string>>;
	}>;
	spec: Readonly<{nodeName?: string; podCIDR?: string}>;
	status: Readonly<{
		addresses: ReadonlyArray<Readonly<{type: string; address: string}>>;
		conditions: ReadonlyArray<Readonly<{type: string; status: string}>>;
		nodeInfo: Readonly<{kubeletVersion: string}>;
		numberReady?: number;
		phase?: string;
		podIP?: string;
		reason?: string;
	}>;
	subsets: ReadonlyArray<
		Readonly<{addresses: ReadonlyArray<Readonly<{ip: string}>>}>
	>;
	resources: ReadonlyArray<Readonly<{name: string}>>;
	versions: readonly string[];
	gitVersion: string;
	items: readonly Item[];
}>;

/** An answer; `json` may be used only where an object is expected. */
export type Answer = Readonly<{status: number; body: string; json: Item}>;

type AskOptions = Readonly<{
	method?: string;
	body?: unknown;
	basic?: string;
	anonymous?: boolean;
	accept?: string;
}>;

type Kubeconfig = Readonly<{
	clusters: ReadonlyArray<
		Readonly<{cluster: Readonly<Record<string, string>>}>
	>;
	users: ReadonlyArray<Readonly<{user: Readonly<Record<string, string>>}>>;
}>;

/** What the kubeconfig of a server holds, for a TLS connection. */
function administrator(server: Node): Readonly<Record<string, Buffer>> {
	const {clusters, users} = parse(
		server.file('etc/rancher/k3s/k3s.yaml'),
	) as Kubeconfig;
	const decode = (text: string | undefined): Buffer =>
		Buffer.from(text!, 'base64');
	return {
		ca: decode(clusters[0]!.cluster['certificate-authority-data']),
		cert: decode(users[0]!.user['client-certificate-data']),
		key: decode(users[0]!.user['client-key-data']),
	};
}

/** One HTTPS request to a server of the double, with the administrator's certificate unless anonymous. */
export async function ask(
	server: Node,
	url: string,
	{
		method = 'GET',
		body,
		basic,
		anonymous = false,
		accept = 'application/json',
	}: AskOptions = {},
): Promise<Answer> {
	const credentials =
		anonymous || basic ? {rejectUnauthorized: false} : administrator(server);
	return new Promise((resolve, reject) => {
		const outgoing = request(
			{
				host: server.address,
				port: server.ports.api,
				path: url,
				method,
				agent: false,
				timeout: deadlineMs,
				headers: {
					accept,
					...(body === undefined ? {} : {'content-type': 'application/json'}),
				},
				...(basic === undefined ? {} : {auth: basic}),
				...credentials,
			},
			(response) => {
				let text = '';
				response.setEncoding('utf8').on('data', (chunk: string) => {
					text += chunk;
				});
				response.once('error', reject).once('end', () => {
					resolve({
						status: response.statusCode!,
						body: text,
						json: JSON.parse(/^[[{]/.test(text) ? text : '{}') as Item,
					});
				});
			},
		);
		outgoing.once('error', reject).once('timeout', () => {
			outgoing.destroy(new Error(`${url}: no answer`));
		});
		outgoing.end(body === undefined ? undefined : JSON.stringify(body));
	});
}

/** Asks again until the answer is as wanted; fails with the last answer at the deadline. */
export async function eventually(
	question: () => Promise<Answer>,
	wanted: (answer: Answer) => boolean,
): Promise<Answer> {
	const end = Date.now() + deadlineMs;
	for (;;) {
		const answer = await question();
		if (wanted(answer)) {
			return answer;
		}

		if (Date.now() > end) {
			throw new Error(
				`the answer never became what was wanted; the last one: ${answer.status} ${answer.body}`,
			);
		}

		await new Promise((resolve) => {
			setTimeout(resolve, 50);
		});
	}
}

/** The status of an answer. */
export async function statusOf(
	...request: Parameters<typeof ask>
): Promise<number> {
	const {status} = await ask(...request);
	return status;
}

/** The text of an answer. */
export async function textOf(
	...request: Parameters<typeof ask>
): Promise<string> {
	const {body} = await ask(...request);
	return body;
}

/** The object of an answer. */
export async function objectOf(
	...request: Parameters<typeof ask>
): Promise<Item> {
	const {json} = await ask(...request);
	return json;
}

/** The names in a list that the API answers with. */
export async function namesOf(
	...request: Parameters<typeof ask>
): Promise<string[]> {
	const {items} = await objectOf(...request);
	return items.map((item) => item.metadata.name).toSorted();
}

/** The permission bits of a file, in octal. */
export function modeOf(file: string): string {
	return (statSync(file).mode % 0o1000).toString(8);
}
