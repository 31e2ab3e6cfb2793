#!/usr/bin/env node
import process from 'node:process';
import {helpText} from './commands/usage.js';
import {programVersion} from './version.js';

// React's development build costs half as much again; it is chosen when React is imported.
process.env.NODE_ENV ??= 'production';

const words = process.argv.slice(2);
if (words.includes('--version')) {
	process.stdout.write(`${programVersion()}\n`);
} else if (words.includes('--help') || words.includes('-h')) {
	process.stdout.write(helpText());
} else {
	// Everything heavy is loaded only now.
	const {main} = await import('./commands/main.js');
	await main(words);
}
