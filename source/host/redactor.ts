import {Buffer} from 'node:buffer';

/** Takes secrets out of text by their value, wherever they turn up. */
export type Redactor = {
	/**
	 * Learns a secret, before it is first sent or shown. Its long lines and their base64 forms are learnt too. Of one with
	 * 3 to 5 characters only words of their own are found, of a shorter one nothing.
	 */
	add(secret: string): void;
	/** The text, of whole lines, with every known secret replaced, each of its characters plain or encoded. */
	redact(text: string): string;
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

/** A secret's long lines are secrets, too. */
const partsOf = (secret: string): readonly string[] => [
	secret,
	...secret
		.split(/[\r\n]+/)
		.map((line) => line.trim())
		.filter((line) => line.length >= longLine && !/\s/.test(line)),
];

const quoted = (text: string): string =>
	text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);

/** A hexadecimal number, of which nobody says whether its letters are small. */
const eitherCase = (hex: string): string =>
	hex.replaceAll(
		/[a-f]/gi,
		(letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`,
	);

/** The short escapes of JSON, RFC 8259, section 7. */
const jsonEscapes: Readonly<Record<string, string>> = {
	'"': '"',
	'\\': '\\',
	'/': '/',
	'\b': 'b',
	'\f': 'f',
	'\n': 'n',
	'\r': 'r',
	'\t': 't',
};

/**
 * How one character may stand in a text: plain, percent-encoded, a plus sign for a space, or with an escape of JSON.
 * Which characters are encoded differs from one program to the next, and so any may be.
 */
const encodings = (character: string): string => {
	const percent = [...Buffer.from(character, 'utf8')]
		.map((byte) => `%${eitherCase(byte.toString(16).padStart(2, '0'))}`)
		.join('');
	const unicode = Buffer.from(character, 'utf16le')
		.swap16()
		.toString('hex')
		.replaceAll(/.{4}/g, (unit) => String.raw`\\u` + eitherCase(unit));
	const escape = jsonEscapes[character];
	return `(?:${[
		percent,
		unicode,
		...(escape === undefined ? [] : [quoted(`\\${escape}`)]),
		...(character === ' ' ? [String.raw`\+`] : []),
		quoted(character),
	].join('|')})`;
};

const wordCharacter = String.raw`[\p{L}\p{N}_]`;
const isWord = new RegExp(wordCharacter, 'u');

/**
 * Finds a secret in all its encodings; a short one as a word of its own: no letter, digit or underscore goes on where it
 * begins or ends with one.
 */
const finder = (secret: string): RegExp => {
	const characters = [...secret];
	const isShort = secret.length < shortestAnywhere;
	return new RegExp(
		(isShort && isWord.test(characters[0]!) ? `(?<!${wordCharacter})` : '') +
			characters.map((character) => encodings(character)).join('') +
			(isShort && isWord.test(characters.at(-1)!)
				? `(?!${wordCharacter})`
				: ''),
		'gu',
	);
};

/** A redactor that knows nothing yet. */
export const makeRedactor = (): Redactor => {
	/** What is looked for, and how, by its plain or base64 form. */
	const known = new Map<string, string | RegExp>();
	/** Longest first, so that a secret that holds another is taken out whole. */
	let finders: ReadonlyArray<string | RegExp> = [];

	return {
		add(secret) {
			if (secret.trim().length < shortestSecret || known.has(secret)) {
				return;
			}

			for (const part of partsOf(secret)) {
				known.set(part, finder(part));
				for (const form of base64Forms(part)) {
					if (form.length >= shortestAnywhere && !known.has(form)) {
						known.set(form, form);
					}
				}
			}

			finders = [...known]
				.toSorted(([one], [other]) => other.length - one.length)
				.map(([, find]) => find);
		},
		redact(text) {
			let result = text;
			for (const find of finders) {
				result = result.replaceAll(find, redactedMark);
			}

			return result;
		},
	};
};
