import process from 'node:process';
import {createInterface} from 'node:readline/promises';

/**
 * Asks a yes-or-no question on the terminal; without a terminal, and when its input ends (Ctrl-D), the answer is no.
 * Ctrl-C stops the program as anywhere else.
 */
export const confirm = async (
	question: string,
	signal: AbortSignal,
): Promise<boolean> => {
	if (!process.stdin.isTTY || !process.stderr.isTTY) {
		return false;
	}

	const lines = createInterface({input: process.stdin, output: process.stderr});
	const closed = new Promise<string>((resolve) => {
		lines.once('close', () => {
			resolve('');
		});
	});
	// While a line is read the terminal sends Ctrl-C as a key.
	lines.on('SIGINT', () => {
		process.kill(process.pid, 'SIGINT');
	});
	try {
		const answer = await Promise.race([
			lines.question(`${question} [y/N] `, {signal}),
			closed,
		]);
		return /^y(?:es)?$/i.test(answer.trim());
	} finally {
		lines.close();
	}
};
