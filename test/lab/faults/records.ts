/** What came of each cell when it was played last: kept as JSON, so that the matrix can be played in pieces. */
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {format, resolveConfig} from 'prettier';
import {z} from 'zod';
import {beside} from '../launch.js';
import {runOrFail} from '../run.js';
import {allCases, caseName} from './cases.js';
import type {CaseResult} from './player.js';
import {renderResults} from './results.js';

const recordSchema = z.object({
	case: z.string(),
	/** The day on which it was played. */
	day: z.iso.date(),
	/** Git's name for the state of `source/` that was played, with `+` when files there were not committed. */
	sources: z.string(),
	outcome: z.discriminatedUnion('held', [
		z.object({
			held: z.literal(true),
			ended: z.enum(['killed', 'went-on', 'told']),
			said: z.array(z.string()),
			endedAfterMs: z.number(),
		}),
		z.object({
			held: z.literal(false),
			/** Was something of the owner's lost, or a file left half-written? */
			lost: z.boolean(),
		}),
	]),
});

/** What came of a cell, when, and with which state of the program. */
export type CaseRecord = z.output<typeof recordSchema>;

const recordsFile = beside(path.join('faults', 'results.json'));
export const resultsFile = beside(path.join('faults', 'RESULTS.md'));

/** The records of the cells that there are, in the order of the matrix. */
const inOrder = (records: readonly CaseRecord[]): readonly CaseRecord[] =>
	allCases.flatMap((one) =>
		records.filter((record) => record.case === caseName(one)),
	);

/** The records of the cells that there are, in the order of the matrix. Throws when the file is not one of ours. */
export const readRecords = (): readonly CaseRecord[] =>
	inOrder(
		z.array(recordSchema).parse(JSON.parse(readFileSync(recordsFile, 'utf8'))),
	);

const formatted = async (text: string, file: string): Promise<string> =>
	format(text, {...(await resolveConfig(file)), filepath: file});

/** RESULTS.md as it is to be. */
export const resultsText = async (
	records: readonly CaseRecord[],
): Promise<string> => formatted(renderResults(records), resultsFile);

const git = async (...words: readonly string[]): Promise<string> => {
	const text = await runOrFail(['git', '-C', beside('.'), ...words]);
	return text.trim();
};

const sourcesNow = async (): Promise<string> => {
	const tree = await git('rev-parse', '--short', 'HEAD:source');
	return `${tree}${(await git('status', '--porcelain', ':/source')) === '' ? '' : '+'}`;
};

/** Puts what came of a cell in place of what came of it before, and writes RESULTS.md anew. */
export const keepResult = async (result: CaseResult): Promise<void> => {
	const {fault, step, role, ...outcome} = result;
	const record = recordSchema.parse({
		case: caseName({fault, step, role}),
		day: new Date().toISOString().slice(0, 10),
		sources: await sourcesNow(),
		outcome,
	});
	// Read now: another piece of the matrix may be played beside this one.
	const others = readRecords().filter((one) => one.case !== record.case);
	const records = inOrder([...others, record]);
	writeFileSync(
		recordsFile,
		await formatted(JSON.stringify(records), recordsFile),
	);
	writeFileSync(resultsFile, await resultsText(records));
};
