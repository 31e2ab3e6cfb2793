import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type {Script} from '../../source/host/scripts/script.js';
import {makeRunner, type SystemShell} from '../host/shells.js';

/** Folders of a host that scripts name, each moved below the sandbox. */
const moved = [
	'/var/lib/k3s-mesh',
	'/var/lib/rancher',
	'/var/lib/cni',
	'/etc/systemd/system',
	'/etc/rancher/k3s',
	'/etc/environment',
	'/run/k3s-mesh',
	'/usr/local/bin',
	'/opt/bin',
	'/var/run/netns',
];

/** A failed script: what a host would make of it. */
export class SandboxFailure extends Error {
	readonly code: number | undefined;
	constructor(code: number | undefined, errorOutput: string) {
		super(errorOutput.trim().split('\n').at(-1) ?? '');
		this.code = code;
	}
}

/** Scripts of the catalogue, run for real by a shell of this machine, with the host's folders below a temporary one. */
export type Sandbox = {
	readonly root: string;
	/** Runs a script as a host would. Rejects with `SandboxFailure`. */
	run<Input, Output>(
		script: Script<Input, Output>,
		input: Input,
		onLine?: (line: string) => void,
	): Promise<Output>;
	/** A path of a host, where it lies here. */
	at(hostPath: string): string;
	read(hostPath: string): string;
	write(hostPath: string, text: string, mode?: number): void;
	/** Puts a program in front of the machine's own. */
	program(name: string, text: string): void;
	close(): void;
};

export const makeSandbox = (
	shell: SystemShell,
	/** Further folders of a host that are below the sandbox. */
	further: readonly string[] = [],
): Sandbox => {
	const root = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-sandbox-'));
	const programs = path.join(root, 'programs');
	mkdirSync(programs);
	mkdirSync(path.join(root, 'usr/local/bin'), {recursive: true});
	const runner = makeRunner(shell);
	const at = (hostPath: string) => path.join(root, hostPath);
	const move = (source: string) => {
		let text = source;
		for (const folder of [...moved, ...further]) {
			text = text.replaceAll(folder, path.join(root, folder));
		}

		return text;
	};

	const systemPath = process.env.PATH ?? '';
	process.env.PATH = `${programs}:${systemPath}`;
	return {
		root,
		async run(script, input, onLine) {
			let seen = 0;
			const outcome = await runner.run({
				source: move(script.source),
				fields: script.fields(input),
				onOutput(text) {
					const lines = text.split('\n');
					for (const line of lines.slice(seen, -1)) {
						onLine?.(line);
					}

					seen = lines.length - 1;
				},
			});
			const {code} = outcome;
			if (code !== 0 && !script.acceptCodes?.includes(code ?? -1)) {
				throw new SandboxFailure(code, outcome.errorOutput);
			}

			return script.decode({stdout: outcome.output, code: code!});
		},
		at,
		read: (hostPath) => readFileSync(at(hostPath), 'utf8'),
		write(hostPath, text, mode = 0o644) {
			mkdirSync(path.dirname(at(hostPath)), {recursive: true});
			writeFileSync(at(hostPath), text);
			chmodSync(at(hostPath), mode);
		},
		program(name, text) {
			writeFileSync(path.join(programs, name), text, {mode: 0o755});
		},
		close() {
			process.env.PATH = systemPath;
			runner.close();
			rmSync(root, {recursive: true, force: true});
		},
	};
};
