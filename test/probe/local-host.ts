import type {Buffer} from 'node:buffer';
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import process from 'node:process';
import {setTimeout as delay} from 'node:timers/promises';
import type {HostFacts} from '../../source/facts/host-facts.js';
import type {Conversation, Host} from '../../source/host/host.js';
import type {Script} from '../../source/host/scripts/script.js';
import {agentSource} from '../../source/probe/agent/source.js';
import {makeMachineFacts} from '../../source/host/simulated/machine-facts.js';

/** A Python 3 of this machine, or nothing. */
export const findPython = async (): Promise<string | undefined> => {
	const child = spawn('python3', ['-c', 'import sys; print(sys.executable)'], {
		stdio: ['ignore', 'pipe', 'ignore'],
	});
	let printed = '';
	child.stdout.on('data', (chunk: Buffer) => {
		printed += chunk.toString();
	});
	try {
		const [code] = (await once(child, 'close')) as [number | undefined];
		return code === 0 ? printed.trim() : undefined;
	} catch {
		return undefined;
	}
};

/** Starts the agent as the script does, without shell and SSH. */
export const spawnAgent = (
	python: string,
	limitSeconds: number,
): ChildProcess =>
	spawn(
		python,
		[
			'-I',
			'-S',
			'-c',
			'import os; exec(compile(os.environ.pop("probe_source"), "probe", "exec"))',
		],
		{
			stdio: ['pipe', 'pipe', 'inherit'],
			env: {
				PATH: process.env.PATH,
				probe_source: agentSource,
				probe_limit: String(limitSeconds),
			},
		},
	);

/** A host on this machine that only knows how to start the agent. */
export type LocalHost = Host & {
	/** Processes that it started. */
	readonly children: readonly ChildProcess[];
};

export const makeLocalHost = (
	name: string,
	/** Called after each line that is sent. */
	onSend: (line: string, child: ChildProcess) => void = () => undefined,
): LocalHost => {
	const children: ChildProcess[] = [];
	const unexpected = async (): Promise<never> => {
		throw new Error('only the probe is played here');
	};

	return {
		name,
		address: name,
		rttMs: 0,
		children,
		run: unexpected,
		stream: unexpected,
		async converse<Input>(
			script: Script<Input, void>,
			input: Input,
			{signal}: {readonly signal: AbortSignal},
		): Promise<Conversation> {
			const fields = new Map(
				script.fields(input).map((field) => [field.name, field.value]),
			);
			const child = spawnAgent(
				fields.get('probe_python')!,
				Number(fields.get('probe_limit')),
			);
			children.push(child);
			child.stdin!.on('error', () => undefined);
			const onAbort = () => {
				child.stdin!.end();
			};

			signal.addEventListener('abort', onAbort);
			return {
				lines: createInterface({input: child.stdout!}),
				send(line) {
					child.stdin!.write(`${line}\n`);
					onSend(line, child);
				},
				close() {
					signal.removeEventListener('abort', onAbort);
					child.stdin!.end();
				},
			};
		},
		async close() {
			for (const child of children) {
				child.stdin!.end();
			}
		},
	};
};

/** Facts of a machine that has only these addresses. */
export const localFacts = (
	addresses: readonly string[],
	python: string | undefined,
): HostFacts => ({
	...makeMachineFacts({hostname: 'local'}),
	addresses: addresses.map((address) => ({
		device: 'lo',
		address,
		prefix: 8,
		family: 4 as const,
		mtu: 65_536,
	})),
	listening: [],
	python,
});

/** Waits until something holds. */
export const until = async (
	holds: () => boolean,
	limitMs = 10_000,
): Promise<void> => {
	const end = performance.now() + limitMs;
	while (!holds()) {
		if (performance.now() > end) {
			throw new Error('it never came to be');
		}

		await delay(10);
	}
};
