import process from 'node:process';

/** May text on this stream hold colours? Not without a terminal, and not under `NO_COLOR` (no-color.org). */
export const colorsFor = (stream: {readonly isTTY?: boolean}): boolean =>
	stream.isTTY === true &&
	(process.env.NO_COLOR === undefined || process.env.NO_COLOR === '');
