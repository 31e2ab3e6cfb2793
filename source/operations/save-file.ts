import {randomBytes} from 'node:crypto';
import {open, readFile, rename, rm} from 'node:fs/promises';
import path from 'node:path';
import {UserError, exitCodes} from '../errors.js';

/** What became of a file that a text was to be saved in; `kept` has another text, and nobody said that it may go. */
export type SaveOutcome = 'saved' | 'same' | 'kept';

const codeOf = (error: unknown): string | undefined =>
	(error as NodeJS.ErrnoException).code;

const writeNew = async (file: string, text: string): Promise<void> => {
	const handle = await open(file, 'wx');
	try {
		await handle.writeFile(text);
	} finally {
		await handle.close();
	}
};

const reasons: Readonly<Record<string, string>> = {
	ENOENT: 'its folder is not there',
	ENOTDIR: 'its folder is not there',
	EACCES: 'this user may not write there',
	EPERM: 'this user may not write there',
	EROFS: 'that file system is read-only',
	ENOSPC: 'no space is left on that disk',
	EISDIR: 'it is a folder',
};

/**
 * Saves a text in a file of the person. One that is there with another text is replaced only when `mayReplace` says so,
 * and whole. Throws a `UserError` when it can not be written.
 */
export const saveFile = async (
	file: string,
	text: string,
	mayReplace: () => Promise<boolean>,
): Promise<SaveOutcome> => {
	try {
		try {
			await writeNew(file, text);
			return 'saved';
		} catch (error) {
			if (codeOf(error) !== 'EEXIST') {
				throw error;
			}
		}

		if ((await readFile(file, 'utf8')) === text) {
			return 'same';
		}

		if (!(await mayReplace())) {
			return 'kept';
		}

		const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
		try {
			await writeNew(temporary, text);
			await rename(temporary, file);
		} catch (error) {
			await rm(temporary, {force: true});
			throw error;
		}

		return 'saved';
	} catch (error) {
		const code = codeOf(error);
		if (code === undefined) {
			throw error;
		}

		throw new UserError(
			`${file} can not be written: ${reasons[code] ?? code}.`,
			{
				exitCode: exitCodes.usage,
				tryNext: [`Name another file than ${path.resolve(file)}.`],
				cause: error,
			},
		);
	}
};
