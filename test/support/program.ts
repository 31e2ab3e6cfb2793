/** The program as it is published, for tests that start it. */
import {execFileSync} from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';

const root = path.dirname(
	path.dirname(path.dirname(fileURLToPath(import.meta.url))),
);

/** Path of the built program. */
export const program = path.join(root, 'dist', 'cli.js');

/** Makes the program. */
export const buildCommand = [
	process.execPath,
	'--import',
	'tsx',
	'scripts/build.ts',
] as const;

/** Set by the test command, which builds once: its test files run side by side and share the folder. */
export const builtMark = 'K3S_MESH_TEST_BUILT';

let built = process.env[builtMark] !== undefined;

/** Builds the program, unless the test command or this process has done so. */
export const buildProgram = (): void => {
	if (!built) {
		const [node, ...words] = buildCommand;
		execFileSync(node, words, {cwd: root, stdio: 'inherit'});
		built = true;
	}
};
