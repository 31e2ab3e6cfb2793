/**
 * `npm run faults`: plays the whole matrix of faults and steps. `npm run faults -- WORD...` plays the cells whose name
 * has one of the words, such as `reboot` or `/start`; with `--open`, of these only the cells of which it is not known
 * that they hold. What came of each cell is kept in results.json beside this file, in place of what came of it before,
 * and RESULTS.md is written from all of them. Needs root on Linux, as the lab does.
 */
import process from 'node:process';
import {parseArgs} from 'node:util';
import {LabError} from '../index.js';
import {allCases, caseName} from './cases.js';
import {groundOf} from './ground.js';
import {makePlayer} from './player.js';
import {keepResult, readRecords} from './records.js';

const {positionals: words, values} = parseArgs({
	allowPositionals: true,
	options: {open: {type: 'boolean', default: false}},
});
const named = allCases.filter(
	(one) =>
		words.length === 0 || words.some((word) => caseName(one).includes(word)),
);
if (named.length === 0) {
	throw new LabError(`No case has ${words.join(' or ')} in its name.`);
}

const holding = new Set(
	values.open
		? readRecords()
				.filter(({outcome}) => outcome.held)
				.map((record) => record.case)
		: [],
);
// Those of one ground after each other: to bring hosts up takes longest.
const cases = named
	.filter((one) => !holding.has(caseName(one)))
	.toSorted((one, other) => groundOf(one).localeCompare(groundOf(other)));

const player = makePlayer();
let survived = 0;
for (const one of cases) {
	const result = await player.play(one);
	await keepResult(result);
	survived += result.held ? 1 : 0;
	console.log(
		result.held
			? `● ${caseName(one)}: ${[result.ended, ...result.said].join('\n    ')}`
			: `✖ ${caseName(one)}: ${result.why}`,
	);
}

await player.close();
console.log(`${cases.length} cases, ${survived} survived.`);
process.exitCode = survived === cases.length ? 0 : 1;
