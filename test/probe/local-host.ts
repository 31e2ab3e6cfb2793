import assert from 'node:assert/strict';
import type {Buffer} from 'node:buffer';
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import process from 'node:process';
import {setTimeout as delay} from 'node:timers/promises';
import type {HostFacts} from '../../source/facts/host-facts.js';
import type {ChosenRung} from '../../source/facts/rungs.js';
import type {Conversation, Host} from '../../source/host/host.js';
import type {Script} from '../../source/host/scripts/script.js';
import {
	probeAgent,
	type ProbeAgentInput,
} from '../../source/host/scripts/probe-agent.js';
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

/** What an agent runs on here, by the path of a Python. */
export const onPython = (program: string): ChosenRung => ({
	rung: 'python3',
	program,
	listener: undefined,
});

/** Starts the agent by its script, without SSH. */
export const spawnAgent = (
	on: ChosenRung,
	{
		limitSeconds,
		silenceSeconds = 60,
	}: {readonly limitSeconds: number; readonly silenceSeconds?: number},
): ChildProcess =>
	spawn('sh', ['-euc', probeAgent.source], {
		stdio: ['pipe', 'pipe', 'inherit'],
		env: {
			PATH: process.env.PATH,
			...Object.fromEntries(
				probeAgent
					.fields({...on, limitSeconds, silenceSeconds})
					.map(({name, value}) => [name, value]),
			),
		},
	});

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
		upload: unexpected,
		async converse<Input>(
			script: Script<Input, void>,
			input: Input,
			{signal}: {readonly signal: AbortSignal},
		): Promise<Conversation> {
			assert.equal(script.name, probeAgent.name);
			const {limitSeconds, silenceSeconds, ...on} = input as ProbeAgentInput;
			const child = spawnAgent(on, {limitSeconds, silenceSeconds});
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
	probeTools: {},
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
