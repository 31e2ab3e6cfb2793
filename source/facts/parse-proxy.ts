import type {ProxyFacts} from './host-facts.js';

/** Reads what the machine says of proxies; `undefined` when it has none and got none from us. */
export const parseProxy = (
	lines: readonly string[],
): ProxyFacts | undefined => {
	const ofKind = (kind: string): readonly string[] =>
		lines.flatMap((line) =>
			line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : [],
		);
	const ofMachine = lines.includes('through');
	const isWritten = lines.includes('written');
	return ofMachine || isWritten
		? {
				ofMachine,
				noProxy: ofKind('except')
					.flatMap((text) => text.split(','))
					.map((entry) => entry.trim())
					.filter((entry) => /^[\w.*:/[\]-]+$/.test(entry)),
				...(isWritten && {written: ofKind('line')}),
			}
		: undefined;
};
