import assert from 'node:assert/strict';
import test from 'node:test';
import {parseArguments} from '../../source/commands/arguments.js';
import {helpText, optionHelp} from '../../source/commands/usage.js';
import {UserError} from '../../source/errors.js';

test('no word at all is the wizard', () => {
	assert.equal(parseArguments([]).command, 'wizard');
});

test('a command takes a cluster and its options', () => {
	const invocation = parseArguments([
		'apply',
		'home.yaml',
		'--yes',
		'--ignore',
		'time.ntp',
		'--ignore',
		'path.blocked',
		'--wait-limit',
		'30',
	]);
	assert.equal(invocation.command, 'apply');
	assert.equal(invocation.cluster, 'home.yaml');
	assert.equal(invocation.yes, true);
	assert.deepEqual(invocation.ignore, ['time.ntp', 'path.blocked']);
	assert.equal(invocation.waitLimitMs, 30_000);
	assert.equal(invocation.progress, 'plain');
});

test('--json on apply means JSON lines', () => {
	assert.equal(parseArguments(['apply', 'x.yaml', '--json']).progress, 'json');
});

test('remove takes a node, then a cluster', () => {
	const removal = parseArguments(['remove', 'nuc', 'home.yaml', '--force']);
	assert.deepEqual(
		[removal.node, removal.cluster, removal.force, removal.logOut],
		['nuc', 'home.yaml', true, false],
	);
	const all = parseArguments(['uninstall', 'home.yaml', '--log-out']);
	assert.deepEqual(
		[all.node, all.cluster, all.force, all.logOut],
		[undefined, 'home.yaml', false, true],
	);
	assert.equal(parseArguments(['remove', 'nuc']).cluster, undefined);
});

test('check is repeated or fixes when it is told to', () => {
	const once = parseArguments(['check']);
	assert.deepEqual(
		[once.fix, once.watch, once.intervalMs],
		[false, false, 10_000],
	);
	const watched = parseArguments(['check', '--watch', '--interval', '3']);
	assert.deepEqual([watched.watch, watched.intervalMs], [true, 3000]);
	const fixed = parseArguments(['check', '--fix', '--yes']);
	assert.deepEqual([fixed.fix, fixed.yes], [true, true]);
});

const wrong: ReadonlyArray<readonly [string, readonly string[], RegExp]> = [
	['an unknown command', ['aply'], /no command "aply"/],
	['an unknown option', ['check', '--fast'], /--fast/],
	['a word too many', ['check', 'a', 'b'], /"b" is one word too many/],
	[
		'an option of another command',
		['plan', '--yes'],
		/plan does not take --yes/,
	],
	['an option without a command', ['--json'], /--json needs a command/],
	[
		'a number out of range',
		['check', '--concurrency', '0'],
		/--concurrency 0: must be a whole number from 1 to 200/,
	],
	[
		'a check that does not exist',
		['apply', '--ignore', 'path.bloked'],
		/--ignore path\.bloked: there is no such check/,
	],
	[
		'watching and fixing at once',
		['check', '--watch', '--fix'],
		/--fix and --watch do not go together/,
	],
	[
		'a pause without watching',
		['check', '--interval', '5'],
		/--interval needs --watch/,
	],
	['a removal of nothing', ['remove'], /remove needs the name of a node/],
	[
		'a word too many for a removal',
		['remove', 'nuc', 'a', 'b'],
		/"b" is one word too many for remove/,
	],
	[
		'forcing what asks for no force',
		['apply', '--force'],
		/apply does not take --force/,
	],
	['a yes to nothing', ['check', '--yes'], /leave --yes out/],
	['no number', ['apply', '--wait-limit', 'soon'], /--wait-limit soon/],
	[
		'a progress that is none',
		['apply', '--progress', 'loud'],
		/must be plain or json/,
	],
];

for (const [name, words, message] of wrong) {
	test(`${name} is a usage error that names it`, () => {
		assert.throws(
			() => parseArguments(words),
			(error) =>
				error instanceof UserError &&
				error.exitCode === 2 &&
				message.test(error.message),
		);
	});
}

test('the help names every option', () => {
	const help = helpText();
	for (const name of Object.keys(optionHelp)) {
		assert.ok(help.includes(`--${name}`), name);
	}
});
