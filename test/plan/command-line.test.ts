import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {test} from 'node:test';
import fc from 'fast-check';
import {commandLine} from '../../source/plan/firewall/node-firewall.js';
import {systemShells} from '../host/shells.js';

/** Words as a host, a file or a person may bring them; a pasted line has no line ends and no NUL. */
const word = fc
	.oneof(
		fc.constantFrom(
			'',
			"it's",
			"';reboot;'",
			'$(reboot)',
			'`reboot`',
			'"; reboot; "',
			'--zone=public; reboot',
			'~root',
			'*',
			'{a,b}',
			'!!',
			'#',
			'a=b',
			'\\',
			'-n',
			'10.0.0.0/8',
			'Ёжик',
		),
		fc.string({unit: fc.constantFrom(...'$`"\'\\ !*?#;&|<>(){}[]~%=-0ax')}),
		fc.string({unit: 'grapheme', maxLength: 20}),
	)
	.filter((text) => !/[\0\n\r]/.test(text));

for (const shell of systemShells) {
	test(
		`a line to paste means its words and nothing else in ${shell.name}`,
		{skip: shell.skip},
		() => {
			fc.assert(
				fc.property(
					fc.array(fc.array(word, {minLength: 1, maxLength: 8}), {
						minLength: 200,
						maxLength: 200,
					}),
					(lines) => {
						// Each line's program is printf, so that what the shell made of the words can be read.
						const input = lines
							.map((words) =>
								commandLine(['printf', String.raw`%s\0`, ...words]),
							)
							.join('\n');
						const {stdout, stderr, status} = spawnSync(
							shell.path!,
							shell.name === 'busybox ash' ? ['ash', '-s'] : ['-s'],
							{input, encoding: 'utf8', cwd: '/proc/self/ns'},
						);
						assert.equal(status, 0, stderr);
						assert.deepEqual(stdout.split('\0').slice(0, -1), lines.flat());
					},
				),
				{numRuns: 5},
			);
		},
	);
}
