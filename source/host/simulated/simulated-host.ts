import {Buffer} from 'node:buffer';
import {isAddress} from '../../cluster/addresses.js';
import {DeadlineExceeded, HostLost} from '../errors.js';
import type {CallOptions, Host, UploadSource} from '../host.js';
import {probeAgent} from '../scripts/probe-agent.js';
import type {Script} from '../scripts/script.js';
import {RootRefused, reasonOf, type Refusal} from '../ssh/refusals.js';
import type {Answer, Call} from './answer.js';
import {fileAnswers} from './file-answers.js';
import {installAnswers} from './install-answers.js';
import {k3sAnswers} from './k3s-answers.js';
import {leavingAnswers} from './leaving-answers.js';
import type {Machine} from './machine.js';
import {makeFactAnswers} from './fact-answers.js';
import {simulateProbeAgent} from './probe-agent.js';
import {probeAnswers} from './probe-answers.js';
import type {Scene} from './scene.js';
import {tailscaleAnswers} from './tailscale-answers.js';
import {verifyAnswers} from './verify-answers.js';

/** A host of the simulated world. It answers the scripts of the catalogue by their names. */
export const makeSimulatedHost = (options: {
	readonly scene: Scene;
	readonly machine: Machine;
	/** The node's name. */
	readonly name: string;
	readonly user: string;
	/** The port of SSH. */
	readonly port: number;
	/** As it was dialed. */
	readonly host: string;
	/** Why it does not become root, when it does not. */
	readonly refusal: Refusal | undefined;
}): Host => {
	const {scene, machine, name, user, port, refusal} = options;
	const closing = new AbortController();
	const answers = new Map<string, Answer['reply']>(
		[
			...makeFactAnswers(port),
			...fileAnswers,
			...installAnswers,
			...k3sAnswers,
			...leavingAnswers,
			...tailscaleAnswers,
			...verifyAnswers,
			...probeAnswers,
		].map(({script, reply}) => [script, reply]),
	);

	const call = async <Input, Output>(
		script: Script<Input, Output>,
		input: Input,
		{signal, timeoutMs = script.timeoutMs}: CallOptions,
		onLine: (line: string) => void,
	): Promise<Output> => {
		if (closing.signal.aborted) {
			throw new HostLost(name, 'we closed it');
		}

		signal.throwIfAborted();
		if (script.as === 'root' && refusal !== undefined) {
			throw new RootRefused(name, user, refusal);
		}

		const reply = answers.get(script.name);
		if (reply === undefined) {
			throw new Error(
				`The simulated world does not know the script ${script.name}.`,
			);
		}

		const limit = AbortSignal.timeout(timeoutMs);
		const end = AbortSignal.any([signal, closing.signal, limit]);
		try {
			await scene.pace.pass(machine.spec.rttMs, end);
			const given: Call<Input> = {
				scene,
				machine,
				node: name,
				input,
				signal: end,
				onLine,
			};
			return (await reply(given as Call<never>)) as Output;
		} catch (error) {
			signal.throwIfAborted();
			if (closing.signal.aborted) {
				throw new HostLost(name, 'we closed it');
			}

			throw limit.aborted
				? new DeadlineExceeded(name, script.name, timeoutMs)
				: error;
		}
	};

	return {
		name,
		address: `${user}@${options.host}:${port}`,
		dialed: isAddress(options.host) ? options.host : machine.spec.externalIp,
		rttMs: machine.spec.rttMs,
		...(refusal !== undefined && {rootRefused: reasonOf(refusal)}),
		run: async (script, input, callOptions) =>
			call(script, input, callOptions, () => undefined),
		stream: async (script, input, {onLine, ...callOptions}) =>
			call(script, input, callOptions, onLine),
		async upload<Input, Output>(
			script: Script<Input, Output>,
			input: Input,
			{read, onProgress, ...callOptions}: CallOptions & UploadSource,
		) {
			const pieces: Uint8Array[] = [];
			let done = 0;
			for await (const bytes of read(0)) {
				pieces.push(bytes);
				done += bytes.length;
				onProgress(done);
			}

			// What arrives is text in the simulated world.
			const text = Buffer.concat(pieces).toString('utf8');
			return call(script, {...input, text}, callOptions, () => undefined);
		},
		async converse(script, _input, {signal}) {
			if (script.name !== probeAgent.name) {
				throw new Error(
					`The simulated world does not know the conversation ${script.name}.`,
				);
			}

			if (closing.signal.aborted) {
				throw new HostLost(name, 'we closed it');
			}

			signal.throwIfAborted();
			return simulateProbeAgent(
				scene,
				machine,
				name,
				AbortSignal.any([signal, closing.signal]),
			);
		},
		async close() {
			closing.abort();
		},
	};
};
