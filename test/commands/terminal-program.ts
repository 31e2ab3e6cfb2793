/** Asks for a password on its terminal, and says what it got and how it left the terminal. */
import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {openSync} from 'node:fs';
import process from 'node:process';
import {stopSignal} from '../../source/commands/stop-signal.js';
import {askOnTerminal} from '../../source/commands/terminal-answer.js';

const stop = stopSignal();
const answer = await askOnTerminal(
	{
		kind: 'login-password',
		user: 'me',
		host: 'nuc.lan',
		port: 22,
		attempt: 2,
	},
	stop.signal,
);
const modes = execFileSync('stty', ['-a'], {
	stdio: [openSync('/dev/tty', 'r'), 'pipe', 'inherit'],
}).toString();
process.stdout.write(
	`got ${answer === undefined ? 'nothing' : Buffer.from(answer).toString('hex')}, ${/(?<!-)\becho\b/.test(modes) && /(?<!-)\bicanon\b/.test(modes) ? 'as before' : 'changed'}\n`,
);
stop.dispose();
