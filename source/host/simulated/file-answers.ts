import {createHash} from 'node:crypto';
import {parse, stringify} from 'yaml';
import type {K3sConfigFile} from '../../facts/host-facts.js';
import {filesReceive} from '../scripts/files-receive.js';
import {filesHash, filesRead, filesWrite} from '../scripts/files.js';
import {
	manifestPath,
	manifestRead,
	manifestWrite,
} from '../scripts/manifest.js';
import {answerTo, type Answer} from './answer.js';
import type {Machine} from './machine.js';

export const sha256 = (text: string): string =>
	createHash('sha256').update(text).digest('hex');

/** Writes a file; says whether that changed anything. */
const write = (
	machine: Machine,
	path: string,
	content: string,
	mode: number,
): boolean => {
	const before = machine.files.get(path);
	machine.files.set(path, {content, mode});
	return before?.content !== content || before.mode !== mode;
};

const secretKeys = new Set([
	'token',
	'agent-token',
	'datastore-endpoint',
	'vpn-auth',
]);

/** The config files that K3s would read, without secrets. */
export const configFilesOf = (machine: Machine): readonly K3sConfigFile[] =>
	[...machine.files]
		.filter(([path]) =>
			/^\/etc\/rancher\/k3s\/config\.yaml(?:$|\.d\/)/.test(path),
		)
		.filter(([path]) => /\.ya?ml$/.test(path))
		.map(([path, {content}]) => ({
			path,
			text: stringify(
				Object.fromEntries(
					Object.entries(parse(content) as Record<string, unknown>).map(
						([key, value]) => [key, secretKeys.has(key) ? '(secret)' : value],
					),
				),
			),
		}));

/** Files on simulated machines. */
export const fileAnswers: readonly Answer[] = [
	answerTo(filesReceive, ({machine, input}) => {
		const {text} = input as typeof input & {readonly text: string};
		return {changed: write(machine, input.path, text, input.mode)};
	}),
	answerTo(filesWrite, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(250, signal);
		const {path, mode, content, keepPrevious} = input;
		const before = machine.files.get(path);
		const changed = write(machine, path, content, mode);
		const backup = `${path}.k3s-mesh.bak`;
		if (!changed || !keepPrevious || before === undefined) {
			return {
				changed,
				backup: keepPrevious && machine.files.has(backup) ? backup : undefined,
			};
		}

		if (!machine.files.has(backup)) {
			machine.files.set(backup, before);
		}

		return {changed, backup};
	}),
	answerTo(
		filesHash,
		({machine, input}) =>
			new Map(
				input.paths.map((path) => {
					const file = machine.files.get(path);
					return [
						path,
						file && {
							sha256: sha256(file.content),
							mode: file.mode,
							rootOwned: true,
						},
					];
				}),
			),
	),
	answerTo(
		filesRead,
		({machine, input}) => machine.files.get(input.path)?.content,
	),
	answerTo(
		manifestRead,
		({machine}) => machine.files.get(manifestPath)?.content,
	),
	answerTo(manifestWrite, ({machine, input}) => ({
		changed: write(machine, manifestPath, input.content, 0o600),
	})),
];
