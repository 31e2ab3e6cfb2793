import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import fc from 'fast-check';
import {emptyCluster} from '../../source/cluster/schema.js';
import {fitColumns} from '../../source/ui/fit-columns.js';
import {
	formatAge,
	formatDuration,
	formatMs,
	wrapWords,
} from '../../source/ui/format.js';
import {
	nameFromHostname,
	nameFromTarget,
	parseNodeLines,
} from '../../source/ui/state/node-input.js';
import {makeCell} from '../../source/ui/state/observable.js';
import {
	hostKeyQuestion,
	makeQuestions,
} from '../../source/ui/state/questions.js';
import {
	editKey,
	editText,
	insertText,
} from '../../source/ui/state/text-edit.js';
import {shownPath} from '../../source/ui/shown-path.js';
import {visibleWindow} from '../../source/ui/visible-window.js';

describe('times', () => {
	for (const [ms, text] of [
		[0, '0.0s'],
		[4200, '4.2s'],
		[9960, '10s'],
		[41_000, '41s'],
		[59_700, '1m00s'],
		[72_000, '1m12s'],
		[7_500_000, '2h05m'],
	] as const) {
		it(`${ms} ms are ${text}`, () => {
			assert.equal(formatDuration(ms), text);
		});
	}

	it('round trips have at most three digits', () => {
		assert.deepEqual(
			[0.42, 1.2, 160.6].map((ms) => formatMs(ms)),
			['0.4', '1', '161'],
		);
	});

	it('ages are rough', () => {
		assert.deepEqual(
			[5000, 300_000, 3_600_000, 86_400_000 * 3].map((ms) => formatAge(ms)),
			['just now', '5 min ago', '1 hour ago', '3 days ago'],
		);
	});
});

describe('a path for people', () => {
	for (const [file, shown] of [
		['/home/me/.kube/config', '~/.kube/config'],
		['/home/meme/config', '/home/meme/config'],
		['/home/me', '/home/me'],
		['/etc/config', '/etc/config'],
	] as const) {
		it(`${file} is ${shown}`, () => {
			assert.equal(shownPath(file, '/home/me'), shown);
		});
	}
});

describe('wrapped words', () => {
	it('keep every character but spaces, and every line fits', () => {
		fc.assert(
			fc.property(fc.string(), fc.integer({min: 1, max: 40}), (text, width) => {
				const lines = wrapWords(text, width);
				assert.ok(lines.length > 0);
				assert.ok(lines.every((line) => line.length <= width));
				assert.equal(
					lines.join('').replaceAll(/\s/g, ''),
					text.replaceAll(/\s/g, ''),
				);
			}),
		);
	});
});

describe('the visible part of a list', () => {
	it('holds the selected item, never takes more rows than there are, and counts the rest', () => {
		fc.assert(
			fc.property(
				fc.array(fc.integer({min: 1, max: 4}), {minLength: 1, maxLength: 60}),
				fc.nat(59),
				fc.integer({min: 6, max: 40}),
				(heights, wanted, rows) => {
					const selected = wanted % heights.length;
					const {start, end, above, below} = visibleWindow(
						heights,
						selected,
						rows,
					);
					assert.ok(start <= selected && selected < end);
					assert.equal(above, start);
					assert.equal(below, heights.length - end);
					const used = heights
						.slice(start, end)
						.reduce((sum, height) => sum + height, 0);
					assert.ok(used + (above > 0 ? 1 : 0) + (below > 0 ? 1 : 0) <= rows);
				},
			),
		);
	});
});

describe('columns', () => {
	it('stay as they are when there is room, and give up width from the widest otherwise', () => {
		const needs = [
			{natural: 4, minimum: 4},
			{natural: 30, minimum: 10},
			{natural: 20, minimum: 8},
		];
		assert.deepEqual(fitColumns(needs, 60), [4, 30, 20]);
		assert.deepEqual(fitColumns(needs, 34), [4, 15, 15]);
		assert.deepEqual(fitColumns(needs, 5), [4, 10, 8]);
	});

	it('give up width in their order', () => {
		const needs = [
			{natural: 20, minimum: 10, order: 2},
			{natural: 12, minimum: 9, order: 0},
			{natural: 16, minimum: 8, order: 1},
		];
		assert.deepEqual(fitColumns(needs, 46), [20, 10, 16]);
		assert.deepEqual(fitColumns(needs, 40), [20, 9, 11]);
		assert.deepEqual(fitColumns(needs, 30), [13, 9, 8]);
	});
});

describe('a value that is watched', () => {
	it('with an interval tells its watchers once about many changes', async () => {
		const cell = makeCell(0, 5);
		let told = 0;
		const changed = new Promise<void>((resolve) => {
			cell.subscribe(() => {
				told += 1;
				resolve();
			});
		});
		const keepAlive = setInterval(() => undefined, 1000);
		for (let value = 1; value <= 100; value += 1) {
			cell.set(value);
		}

		assert.equal(cell.get(), 0);
		assert.equal(cell.latest(), 100);
		await changed;
		clearInterval(keepAlive);
		assert.equal(cell.get(), 100);
		assert.equal(told, 1);
	});
});

describe('a line of text', () => {
	it('is edited at its cursor', () => {
		let edit = editText('rot@host');
		edit = editKey(edit, 'home')!;
		edit = editKey(edit, 'right')!;
		edit = insertText(edit, 'o\u001B[31m');
		assert.deepEqual(edit, {text: 'root@host', cursor: 2});
		edit = editKey(editKey(edit, 'end')!, 'backspace')!;
		assert.equal(edit.text, 'root@hos');
		assert.equal(editKey(edit, 'clear')!.text, '');
		assert.equal(editKey(edit, 'enter'), undefined);
	});
});

describe('lines that name nodes', () => {
	const cluster = emptyCluster('home');

	it('are logins with comments, list marks, roles and ssh command lines', () => {
		const {nodes, problems} = parseNodeLines(
			[
				'# my machines',
				'root@198.51.100.11',
				'',
				'- me@nuc.lan   # at home',
				'ssh pi@192.0.2.20 -p 2222 server,',
				'nyc1 agent',
			].join('\r\n'),
			cluster,
		);
		assert.deepEqual(problems, []);
		assert.deepEqual(
			nodes.map(({name, role, ssh}) => [name, role, ssh.host, ssh.port]),
			[
				['node1', 'server', '198.51.100.11', undefined],
				['nuc', 'agent', 'nuc.lan', undefined],
				['node2', 'server', '192.0.2.20', 2222],
				['nyc1', 'agent', 'nyc1', undefined],
			],
		);
	});

	it('that name none are told one by one, the others are taken', () => {
		const {nodes, problems} = parseNodeLines(
			'root@a\nroot@a\nwhat is this\nroot@b:99999',
			cluster,
		);
		assert.deepEqual(
			nodes.map(({name}) => name),
			['a'],
		);
		assert.equal(problems.length, 3);
		assert.match(problems[0]!, /in the list already, as a/);
		assert.match(problems[1]!, /"what is this" is not an SSH address/);
		assert.match(problems[2]!, /port 99999 is out of range/);
	});

	it('get names that nobody has', () => {
		assert.equal(nameFromTarget('nuc.lan', new Set(['nuc'])), 'nuc-2');
		assert.equal(nameFromTarget('2001:db8::1', new Set(['node1'])), 'node2');
		assert.equal(nameFromTarget('My_Box.lan', new Set()), 'my-box');
		assert.equal(nameFromHostname('FRA1.example.org', new Set()), 'fra1');
		assert.equal(nameFromHostname('localhost', new Set()), undefined);
	});
});

describe('questions', () => {
	const key = {
		host: 'nuc.lan',
		port: 22,
		algorithm: 'ssh-ed25519',
		fingerprint: 'SHA256:abc',
	};

	it('are answered in their order, and with no when nobody will', async () => {
		const questions = makeQuestions(0);
		const first = questions.ask(hostKeyQuestion(key));
		const second = questions.ask(hostKeyQuestion({...key, host: 'pi.lan'}));
		const third = questions.ask(hostKeyQuestion({...key, host: 'x.lan'}));
		assert.match(questions.current.get()!.title, /nuc\.lan/);
		assert.equal(questions.current.get()!.waiting, 2);
		questions.answer(true);
		assert.match(questions.current.get()!.title, /pi\.lan/);
		questions.answer(false);
		questions.close();
		assert.deepEqual(await Promise.all([first, second, third]), [
			true,
			false,
			false,
		]);
		assert.equal(questions.current.get(), undefined);
	});

	it('about a host key say that an authority is known for the host, which counts for nothing here', () => {
		assert.doesNotMatch(hostKeyQuestion(key).lines.join('\n'), /authority/);
		assert.match(
			hostKeyQuestion({
				...key,
				authority: '~/.ssh/known_hosts:3',
			}).lines.join('\n'),
			/^~\/\.ssh\/known_hosts:3 trusts it by a certificate of an authority, which can not be checked here\.$/m,
		);
	});

	it('for a secret take a text, or nothing, and no yes', async () => {
		const questions = makeQuestions(0);
		const file = '/home/me/.ssh/id_ed25519';
		const given = questions.askSecret({kind: 'passphrase', file, attempt: 1});
		const none = questions.askSecret({kind: 'passphrase', file, attempt: 2});
		const late = questions.askSecret({kind: 'passphrase', file, attempt: 3});
		questions.answer(true);
		assert.match(questions.current.get()!.title, /Passphrase of .*id_ed25519/);
		questions.answerSecret('open sesame');
		assert.deepEqual(questions.current.get()!.lines, [
			'That passphrase was wrong.',
		]);
		questions.answerSecret(undefined);
		questions.close();
		assert.deepEqual(await Promise.all([given, none, late]), [
			'open sesame',
			undefined,
			undefined,
		]);
	});

	it('for a secret take no text from who goes on typing something else', async () => {
		const questions = makeQuestions(60_000);
		const given = questions.askSecret({
			kind: 'passphrase',
			file: '/home/me/.ssh/id_ed25519',
			attempt: 1,
		});
		assert.equal(questions.takesKey(), false);
		questions.answerSecret('root@pi.lan');
		assert.notEqual(questions.current.get(), undefined);
		questions.close();
		assert.equal(await given, undefined);
	});

	it('that come up by themselves are not answered by a key that was already on its way', async () => {
		const questions = makeQuestions(60_000);
		const trusted = questions.ask(hostKeyQuestion(key));
		questions.answer(true);
		assert.notEqual(questions.current.get(), undefined);
		questions.close();
		assert.equal(await trusted, false);
		const confirmed = questions.ask({
			title: 'Stop?',
			lines: [],
			yes: 'stop',
			no: 'go on',
		});
		questions.answer(true);
		assert.equal(await confirmed, true);
	});
});
