import {chmod, mkdir, open} from 'node:fs/promises';
import path from 'node:path';
import {UserError, describeError} from '../errors.js';
import type {InstallEvent} from './events.js';

/** The file that remembers a run, for people: never what the next run goes by. */
export type RunLog = {
	readonly path: string;
	/** Appends an event as one line of JSON, secrets taken out. Lines keep their order; never throws. */
	write(event: InstallEvent): void;
	/** Waits until all is written. Throws when something could not be. */
	close(): Promise<void>;
};

/** Opens a run log for appending: 0600 in a folder of 0700. Throws when it cannot be made. */
export const openRunLog = async (options: {
	readonly path: string;
	/** Does its folder hold nothing but our logs? Then it is closed to others also when it was there already. */
	readonly isOwnFolder: boolean;
	/** Takes secrets out of a text. */
	readonly redact: (text: string) => string;
}): Promise<RunLog> => {
	const folder = path.dirname(options.path);
	const made = await mkdir(folder, {recursive: true, mode: 0o700});
	if (made !== undefined || options.isOwnFolder) {
		await chmod(folder, 0o700);
	}

	const file = await open(options.path, 'a', 0o600);
	await file.chmod(0o600);
	let failure: unknown;
	let waiting: string[] = [];
	let writing = Promise.resolve();

	const flush = async () => {
		const text = waiting.join('');
		waiting = [];
		if (text === '') {
			return;
		}

		try {
			await file.write(text);
		} catch (error) {
			failure ??= error;
		}
	};

	return {
		path: options.path,
		write(event) {
			const line = JSON.stringify(event, (_key, value: unknown) =>
				typeof value === 'string' ? options.redact(value) : value,
			);
			waiting.push(`${line}\n`);
			writing = writing.then(flush);
		},
		async close() {
			await writing;
			await file.close();
			if (failure !== undefined) {
				throw new UserError(
					`The log ${options.path} is not complete: ${describeError(failure)}`,
					{cause: failure},
				);
			}
		},
	};
};
