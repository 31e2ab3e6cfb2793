import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ScriptFailed} from '../../source/host/errors.js';
import {failureText} from '../../source/install/failure.js';

const tryNextOf = (lastLine: string): string =>
	failureText(
		new ScriptFailed('nuc', 'k3s.download', {code: 1, lastLines: [lastLine]}),
		'nuc',
	).tryNext.join(' ');

test('what helps depends on what broke off: only a download has a mirror', () => {
	const url = 'https://mirror.example/k3s';
	for (const [line, expected] of [
		[
			`${url} cannot be downloaded: transfer closed with 6291456 bytes remaining to read.`,
			/name a mirror .* nearer/,
		],
		[
			`${url} cannot be downloaded: Recv failure: Connection reset by peer.`,
			/name a mirror .* nearer/,
		],
		[
			`${url} cannot be downloaded: Connection timed out after 10001 milliseconds.`,
			/reach the internet, or name mirrors/,
		],
		[
			'read tcp 127.0.0.1:6443: read: connection reset by peer',
			/^The log of this node says more\.$/,
		],
		['cp: No space left on device', /^Free some space/],
	] as const) {
		assert.match(tryNextOf(line), expected, line);
	}
});
