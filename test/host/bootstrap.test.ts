import assert from 'node:assert/strict';
import {Buffer} from 'node:buffer';
import {after, describe, test} from 'node:test';
import fc from 'fast-check';
import {
	bootstrap,
	incompleteCode,
} from '../../source/host/scripts/bootstrap.js';
import {encodeRequest} from '../../source/host/scripts/prelude.js';
import {
	loginShells,
	makeRunner,
	requestLength,
	systemShells,
} from './shells.js';

/** Values that shells are known to stumble over. */
const nasty = [
	'',
	'\n',
	'\n\n\n',
	'a\n\n',
	' \t lead and trail \t ',
	"it's",
	'$(touch /tmp/never)',
	'`id`',
	'"; exit 3; "',
	String.raw`\n\t\0\\`,
	'-n',
	'-e x',
	'*',
	'~',
	'%s %d',
	'Ёжик, Бус и Прст: Ã â\u0081\u0082\u0088',
	'\u0001\u0002\u007F',
	'\u0080\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088',
	'日本語 🎉',
	'END\n12\nexit 1\n',
];
const long = 'x'.repeat(100_000);

const value = fc
	.oneof(
		fc.constantFrom(...nasty),
		fc
			.string({unit: 'binary', maxLength: 60})
			.map((text) => text.toWellFormed()),
		fc.string({unit: fc.constantFrom(...'$`"\'\\\n !*?#;&|<>(){}[]~%=-0ax')}),
	)
	.filter((text) => !text.includes('\0'));

/** Prints each field with its length in front, so that nothing can be mistaken. */
const echoSource = `
printf '%s:%s' "\${#one}" "$one"
printf '%s:%s' "\${#two}" "$two"
printf '%s:%s' "\${#three}" "$three"
`;
const names = ['one', 'two', 'three'] as const;
const lengthOf = (text: string): number => Buffer.byteLength(text);

test('the bootstrap is one line that means the same in every shell’s single quotes', () => {
	assert.doesNotMatch(bootstrap, /['\\!\n]/);
});

for (const shell of systemShells) {
	describe(`${shell.name} as sh`, {skip: shell.skip}, () => {
		const runner = shell.skip === false ? makeRunner(shell) : undefined;
		after(() => {
			runner?.close();
		});

		test('fields arrive byte by byte as they were sent', async () => {
			await fc.assert(
				fc.asyncProperty(
					fc.array(value, {minLength: 200, maxLength: 200}),
					async (values) => {
						// Two hundred values in one process: starting one is what takes time.
						const fields = values.map((text, index) => ({
							name: `f${index}`,
							value: text,
						}));
						const source = fields
							.map(({name}) => `printf '%s:%s' "\${#${name}}" "$${name}"`)
							.join('\n');
						const outcome = await runner!.run({source, fields});
						assert.equal(outcome.code, 0, outcome.errorOutput);
						assert.equal(
							outcome.output,
							values.map((text) => `${lengthOf(text)}:${text}`).join(''),
						);
					},
				),
				// 3400 values a shell, more than 10,000 with all three.
				{numRuns: 17},
			);
		});

		test('every login shell hands over', async (t) => {
			for (const loginShell of loginShells) {
				await t.test(loginShell.name, {skip: loginShell.skip}, async () => {
					const fields = names.map((name, index) => ({
						name,
						value: [long, ...nasty][index * 5]!,
					}));
					const outcome = await runner!.run({
						source: echoSource,
						fields,
						loginShell,
					});
					assert.equal(outcome.code, 0, outcome.errorOutput);
					assert.equal(
						outcome.output,
						fields
							.map((field) => `${lengthOf(field.value)}:${field.value}`)
							.join(''),
					);
				});
			}
		});

		test('a request that is cut anywhere never starts the body', async () => {
			const fields = [{name: 'one', value: 'exit 0\n'.repeat(20)}];
			const source = 'echo RAN >&2; echo RAN';
			const length = requestLength(source, fields);
			const cuts = [
				0,
				1,
				3,
				4,
				100,
				600,
				length - 141,
				length - 140,
				length - 1,
			];
			for (const cutAt of cuts) {
				const outcome = await runner!.run({source, fields, cutAt});
				assert.equal(outcome.began, false, `cut at ${cutAt}`);
				assert.equal(outcome.code, undefined);
				assert.equal(outcome.exitCode, incompleteCode);
				assert.doesNotMatch(outcome.errorOutput, /RAN/);
			}

			const whole = await runner!.run({source, fields});
			assert.equal(whole.output, 'RAN\n');
		});

		test('the exit code and standard error are those of the body', async () => {
			const outcome = await runner!.run({
				source: 'echo first; echo problem >&2; false; echo never',
			});
			assert.equal(outcome.code, 1);
			assert.equal(outcome.output, 'first\n');
			assert.equal(outcome.errorOutput.trim(), 'problem');
			const other = await runner!.run({source: 'exit 42'});
			assert.equal(other.code, 42);
			const unset = await runner!.run({source: 'echo "$nothing_here"'});
			assert.notEqual(unset.code, 0);
		});

		test('a body finds the address of the connection', async () => {
			const {output} = await runner!.run({
				source: 'printf %s "$ssh_connection"',
			});
			assert.equal(output, '198.51.100.1 50000 198.51.100.2 22');
		});

		test('in a conversation what follows the fields belongs to the body', async () => {
			const outcome = await runner!.run({
				source: 'read -r word; printf "%s|%s|" "$one" "$word"; cat',
				fields: [{name: 'one', value: 'x\n'}],
				kind: 'converse',
				input: 'hello\nrest\nof it',
			});
			assert.equal(outcome.output, 'x\n|hello|rest\nof it');
			assert.equal(outcome.code, 0);
		});

		test('what lingers has said everything, and ends with its input', async () => {
			for (const kind of ['run', 'converse'] as const) {
				const outcome = await runner!.run({
					source: 'echo all',
					kind,
					lingers: true,
					onEnd(child) {
						assert.equal(child.exitCode, null);
						child.stdin!.end();
					},
				});
				assert.equal(outcome.output, 'all\n');
				assert.equal(outcome.exitCode, 0);
			}
		});

		test('the end of standard input ends what a body runs', async () => {
			const outcome = await runner!.run({
				source: 'echo started; tail -f /dev/null',
				onOutput(text, child) {
					if (text.includes('started')) {
						child.stdin!.end();
					}
				},
			});
			assert.equal(outcome.began, true);
			assert.equal(outcome.code, undefined);
		});
	});
}

test('a value with a NUL byte is refused before anything is sent', () => {
	const context = {marker: 'm', sshConnection: ''};
	assert.throws(
		() => encodeRequest('', [{name: 'one', value: 'a\0b'}], 'run', context),
		/NUL/,
	);
	for (const name of ['One', '1', 'a b', 'a;b', '', 'marker', 'field']) {
		assert.throws(
			() => encodeRequest('', [{name, value: ''}], 'run', context),
			/can not be the name/,
		);
	}
});
