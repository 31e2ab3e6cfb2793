import {Buffer} from 'node:buffer';
import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, symlinkSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {loginCommand} from '../../source/host/scripts/bootstrap.js';
import {
	type BodyKind,
	encodeRequest,
} from '../../source/host/scripts/prelude.js';
import type {ScriptField} from '../../source/host/scripts/script.js';
import {makeFrameReader} from '../../source/host/ssh/frame.js';

const find = (program: string): string | undefined => {
	const {status, stdout} = spawnSync('sh', ['-c', 'command -v "$0"', program], {
		encoding: 'utf8',
	});
	return status === 0 ? stdout.trim() : undefined;
};

/** A shell that may be the `sh` of a machine; `skip` names it when it is not installed here. */
export type SystemShell = {
	readonly name: string;
	readonly path: string | undefined;
	readonly skip: string | false;
};

const shellNamed = (name: string, program = name): SystemShell => {
	const found = find(program);
	return {
		name,
		path: found,
		skip: found === undefined && `${program} is not installed`,
	};
};

export const systemShells: readonly SystemShell[] = [
	shellNamed('dash'),
	shellNamed('bash'),
	shellNamed('busybox ash', 'busybox'),
];

/** Shells that may be somebody's login shell. */
export const loginShells: readonly SystemShell[] = [
	...systemShells,
	...['zsh', 'fish', 'csh', 'tcsh'].map((name) => shellNamed(name)),
];

export type Outcome = {
	readonly began: boolean;
	/** `undefined` when there was no end mark. */
	readonly code: number | undefined;
	readonly output: string;
	readonly errorOutput: string;
	readonly exitCode: number | null;
};

/** Runs scripts the way sshd would start them, with a shell of our choice as `sh` and as the login shell. */
export type Runner = {
	run(options: {
		readonly source: string;
		readonly fields?: readonly ScriptField[];
		readonly kind?: BodyKind;
		readonly loginShell?: SystemShell;
		/** Sends only so many bytes and then ends standard input. */
		readonly cutAt?: number;
		/** Sends this right behind the fields, and then ends standard input of a conversation. */
		readonly input?: string;
		readonly lingers?: boolean;
		/** Called when the end mark has arrived; input then stays open until it ends it. */
		readonly onEnd?: (child: ChildProcess) => void;
		readonly onOutput?: (text: string, child: ChildProcess) => void;
	}): Promise<Outcome>;
	close(): void;
};

/** How many bytes a whole request has. */
export const requestLength = (
	source: string,
	fields: readonly ScriptField[],
): number =>
	encodeRequest(source, fields, 'run', {marker, sshConnection}).length;

const marker = 'marker-0123456789';
const sshConnection = '198.51.100.1 50000 198.51.100.2 22';

export const makeRunner = (systemShell: SystemShell): Runner => {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'k3s-mesh-shell-'));
	symlinkSync(systemShell.path!, path.join(folder, 'sh'));
	return {
		async run(options) {
			const fields = options.fields ?? [];
			const kind = options.kind ?? 'run';
			const whole = encodeRequest(options.source, fields, kind, {
				marker,
				sshConnection,
				lingers: options.lingers ?? false,
			});
			const loginShell = options.loginShell ?? systemShell;
			const words =
				loginShell.name === 'busybox ash'
					? ['ash', '-c', loginCommand]
					: ['-c', loginCommand];
			const child = spawn(loginShell.path!, words, {
				// As sshd does; the process group is the script's own.
				detached: true,
				stdio: ['pipe', 'pipe', 'pipe'],
				env: {
					...process.env,
					PATH: `${folder}:${process.env.PATH ?? ''}`,
					LC_ALL: 'C.UTF-8',
					// A bash that counts itself as the first one takes a socket for rsh, and reads its owner's .bashrc.
					SHLVL: '1',
				},
			});
			let output = '';
			let errorOutput = '';
			const frame = makeFrameReader(marker, (bytes) => {
				output += bytes.toString('latin1');
				options.onOutput?.(output, child);
			});
			const errorFrame = makeFrameReader(marker, (bytes) => {
				errorOutput += bytes.toString('latin1');
			});
			child.stdin.on('error', () => undefined);
			let sent = false;
			child.stdout.on('data', (bytes: Buffer) => {
				frame.push(bytes);
				if (frame.ready && !sent) {
					sent = true;
					child.stdin.write(whole.subarray(0, options.cutAt));
					child.stdin.write(options.input ?? '');
					if (
						options.cutAt !== undefined ||
						(kind === 'converse' && !options.onEnd)
					) {
						child.stdin.end();
					}
				}

				if (frame.ended) {
					options.onEnd?.(child);
				}
			});
			child.stderr.on('data', (bytes: Buffer) => {
				errorFrame.push(bytes);
			});
			const exitCode = await new Promise<number | null>((resolve, reject) => {
				child.once('error', reject);
				child.once('close', resolve);
			});
			return {
				began: frame.begun,
				code: frame.code,
				output: Buffer.from(output, 'latin1').toString('utf8'),
				errorOutput: Buffer.from(
					errorFrame.begun ? errorOutput : errorFrame.noise,
					'latin1',
				).toString('utf8'),
				exitCode,
			};
		},
		close() {
			rmSync(folder, {recursive: true, force: true});
		},
	};
};

/** The mark that a bootstrap prints, for tests that look at it. */

export {readyMark as ready} from '../../source/host/scripts/bootstrap.js';
