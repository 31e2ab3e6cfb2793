import {readFileSync} from 'node:fs';

/** Set by the build. */
declare const PROGRAM_VERSION: string | undefined;

/** The version of this program. Run from source, it is read from package.json. */
export const programVersion = (): string =>
	typeof PROGRAM_VERSION === 'string'
		? PROGRAM_VERSION
		: (
				JSON.parse(
					readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
				) as {readonly version: string}
			).version;
