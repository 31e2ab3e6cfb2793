import {Buffer} from 'node:buffer';

/** Takes secrets out of text by their value, wherever they turn up. */
export type Redactor = {
	/**
	 * Learns a secret, before it is first sent or shown. Its long lines, base64 and URL-encoded forms are learnt too. Of
	 * one with 3 to 5 characters only words of their own are found, of a shorter one nothing.
	 */
	add(secret: string): void;
	/** The text with every known secret replaced. */
	redact(text: string): string;
	/** For text that arrives in pieces, so that a secret that is cut in two is still found. */
	pieces(): PieceRedactor;
};

export type PieceRedactor = {
	/** Takes the next piece and returns what can be shown already. */
	push(piece: string): string;
	/** Returns the rest. */
	end(): string;
};

/** What stands in place of a secret. */
export const redactedMark = '‹secret›';

/** Shorter texts turn up by chance inside of others: they are replaced where they stand by themselves. */
const shortestAnywhere = 6;

/**
 * Still shorter ones stand by themselves by chance, too: the mark would point at every such word, destroy the log, and
 * so tell what it hides. Whoever tries finds them at once anyway.
 */
const shortestSecret = 3;

/** Lines of a secret with several lines (such as a key in PEM form) that are secrets by themselves: long words. */
const longLine = 24;

/**
 * The base64 forms of a secret inside of a longer encoded text, where it may start at any of three offsets. The
 * characters at the borders depend on the neighbours and are left out.
 */
const base64Forms = (secret: string): string[] => {
	const bytes = Buffer.from(secret, 'utf8');
	return [0, 1, 2].flatMap((offset) => {
		const encoded = Buffer.concat([Buffer.alloc(offset), bytes]);
		const first = offset === 0 ? 0 : offset + 1;
		const last = Math.floor((encoded.length * 8) / 6);
		const standard = encoded.toString('base64').slice(first, last);
		return [standard, standard.replaceAll('+', '-').replaceAll('/', '_')];
	});
};

/** All the texts that give a secret away. */
const formsOf = (secret: string): string[] => {
	const lines = secret
		.split(/[\r\n]+/)
		.map((line) => line.trim())
		.filter((line) => line.length >= longLine && !/\s/.test(line));
	return [secret, ...lines].flatMap((part) => [
		part,
		encodeURIComponent(part),
		encodeURIComponent(part).toLowerCase(),
		JSON.stringify(part).slice(1, -1),
		...base64Forms(part),
	]);
};

const wordCharacter = String.raw`[\p{L}\p{N}_]`;

/** Finds a short secret as a word of its own: no letter, digit or underscore goes on where it begins or ends with one. */
const asWord = (secret: string): RegExp => {
	const isWord = new RegExp(wordCharacter, 'u');
	const characters = [...secret];
	return new RegExp(
		(isWord.test(characters[0]!) ? `(?<!${wordCharacter})` : '') +
			secret.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`) +
			(isWord.test(characters.at(-1)!) ? `(?!${wordCharacter})` : ''),
		'gu',
	);
};

/** A redactor that knows nothing yet. */
export const makeRedactor = (): Redactor => {
	const known = new Set<string>();
	/** Longest first, so that a secret that holds another is taken out whole. */
	let forms: readonly string[] = [];
	/** How each short form is found. */
	const words = new Map<string, RegExp>();

	const redact = (text: string): string => {
		let result = text;
		for (const form of forms) {
			if (result.includes(form)) {
				result = result.replaceAll(words.get(form) ?? form, redactedMark);
			}
		}

		return result;
	};

	/** Where a form could begin that the next piece may complete; everything before can go. */
	const safeEnd = (text: string): number => {
		const longest = forms[0]?.length ?? 0;
		for (
			let start = Math.max(0, text.length - longest + 1);
			start < text.length;
			start += 1
		) {
			const tail = text.slice(start);
			if (forms.some((form) => form.startsWith(tail))) {
				return start;
			}
		}

		return text.length;
	};

	return {
		add(secret) {
			if (secret.trim().length < shortestSecret) {
				return;
			}

			for (const form of formsOf(secret)) {
				if (form.length >= shortestAnywhere) {
					known.add(form);
				} else if (form === secret || form === encodeURIComponent(secret)) {
					known.add(form);
					words.set(form, asWord(form));
				}
			}

			forms = [...known].toSorted((one, other) => other.length - one.length);
		},
		redact,
		pieces() {
			let held = '';
			return {
				push(piece) {
					const text = redact(held + piece);
					const end = safeEnd(text);
					held = text.slice(end);
					return text.slice(0, end);
				},
				end() {
					const rest = redact(held);
					held = '';
					return rest;
				},
			};
		},
	};
};
