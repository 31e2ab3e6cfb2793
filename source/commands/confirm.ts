import process from 'node:process';
import {createInterface} from 'node:readline/promises';

/** Asks a yes-or-no question on the terminal; without a terminal the answer is no. */
export const confirm = async (
	question: string,
	signal: AbortSignal,
): Promise<boolean> => {
	if (!process.stdin.isTTY || !process.stderr.isTTY) {
		return false;
	}

	const lines = createInterface({input: process.stdin, output: process.stderr});
	try {
		const answer = await lines.question(`${question} [y/N] `, {signal});
		return /^y(?:es)?$/i.test(answer.trim());
	} finally {
		lines.close();
	}
};
