import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {allCases, caseName, type Case} from './cases.js';
import {faultNames} from './faults.js';
import {
	readRecords,
	resultsFile,
	resultsText,
	type CaseRecord,
} from './records.js';
import {renderResults} from './results.js';

const recordOf = (one: Case, outcome: CaseRecord['outcome']): CaseRecord => ({
	case: caseName(one),
	day: '2026-10-01',
	sources: 'abc1234',
	outcome,
});

const held = (one: Case): CaseRecord =>
	recordOf(one, {
		held: true,
		ended: 'told',
		said: [`agt/${one.step}: why`, 'What to try.'],
		endedAfterMs: 2600,
	});

test('a matrix in which all held says so, has a row for each fault, and a sentence of each', () => {
	const text = renderResults(allCases.map((one) => held(one)));
	assert.match(
		text,
		new RegExp(
			String.raw`\*\*${allCases.length} cases, ${allCases.length} survived, 0 lost something\.\*\*`,
		),
	);
	assert.ok(!text.includes('✖'));
	assert.ok(!text.includes('?'));
	assert.equal(text.match(/● 3 s/g)?.length, allCases.length);
	assert.equal(
		text.match(/^ {2}> agt\/[\w-]+: why$/gm)?.length,
		faultNames.length,
	);
	assert.match(
		text,
		/one state of the program \(`source` is the tree abc1234\)/,
	);
});

test('what did not hold, what was lost and what was not played is counted and shown', () => {
	const [first, second, , ...others] = allCases;
	const text = renderResults([
		recordOf(first!, {held: false, lost: false}),
		recordOf(second!, {held: false, lost: true}),
		...others.map((one) => held(one)),
	]);
	assert.match(
		text,
		new RegExp(
			String.raw`\*\*${allCases.length - 1} cases, ${others.length} survived, 1 lost something\.\*\*.* 1 have not been played yet`,
		),
	);
	assert.equal(text.match(/✖/g)?.length, 2);
	assert.equal(text.match(/\| \? /g)?.length, 1);
});

test('RESULTS.md is what was written from the records', async () => {
	assert.equal(
		readFileSync(resultsFile, 'utf8'),
		await resultsText(readRecords()),
	);
});
