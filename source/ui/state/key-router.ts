/** A key that is not text. */
export type KeyName =
	| 'enter'
	| 'escape'
	| 'tab'
	| 'backspace'
	| 'delete'
	| 'up'
	| 'down'
	| 'left'
	| 'right'
	| 'pageUp'
	| 'pageDown'
	| 'home'
	| 'end'
	/** Empties the line: Ctrl-U. */
	| 'clear';

/** Who gets the keys. The highest layer wins; among equals, who came last. */
export type KeyHandler = {
	readonly layer: number;
	/** In input mode keys are text; in list mode each character is a key of its own. */
	readonly mode: 'list' | 'input';
	readonly onKey: (key: KeyName) => void;
	/** Characters: one in list mode, any number in input mode. */
	readonly onText: (text: string) => void;
	/** Pasted text, whole. Without a taker it is dropped: it is never a command. */
	readonly onPaste?: ((text: string) => void) | undefined;
};

export const layers = {screen: 0, field: 1, question: 2, help: 3} as const;

export type KeyRouter = {
	/** Adds a handler; returns how to take it away. */
	register(handler: () => KeyHandler): () => void;
	/** One key, or a run of characters as the terminal delivered them. */
	push(input: KeyName | {readonly text: string}): void;
	paste(text: string): void;
};

type Input =
	| {readonly kind: 'key'; readonly key: KeyName}
	/** As the terminal delivered it, perhaps several keys in one piece. */
	| {readonly kind: 'chunk'; readonly text: string}
	/** Characters without keys among them. */
	| {readonly kind: 'text'; readonly text: string}
	| {readonly kind: 'paste'; readonly text: string};

/** Longer runs of different characters in list mode are a paste from a terminal that does not mark pastes. */
const typedAtOnce = 4;

const isTyped = (text: string): boolean =>
	text.length <= typedAtOnce || new Set(text).size === 1;

/** Control characters that are keys, by their code; the others are none. */
const controlKeys: ReadonlyMap<number, KeyName> = new Map([
	[0x01, 'home'],
	[0x05, 'end'],
	[0x08, 'backspace'],
	[0x09, 'tab'],
	[0x0a, 'enter'],
	[0x0d, 'enter'],
	[0x15, 'clear'],
]);

const takeApart = (chunk: string): Input[] => {
	const inputs: Input[] = [];
	let text = '';
	const endText = () => {
		if (text !== '') {
			inputs.push({kind: 'text', text});
			text = '';
		}
	};

	for (const character of chunk.replaceAll('\r\n', '\r')) {
		const code = character.codePointAt(0)!;
		if (code >= 0x20) {
			text += character;
			continue;
		}

		endText();
		const key = controlKeys.get(code);
		if (key !== undefined) {
			inputs.push({kind: 'key', key});
		}
	}

	endText();
	return inputs;
};

/**
 * Sends keys to the one who should have them. Terminals deliver fast keys in one piece; they are taken apart here, and
 * each goes to whoever is in front when its turn comes, after the screen has followed the key before it.
 */
export const makeKeyRouter = (): KeyRouter => {
	const handlers: Array<() => KeyHandler> = [];
	const queue: Input[] = [];
	let isBusy = false;

	const front = (): KeyHandler | undefined => {
		let best: KeyHandler | undefined;
		for (const handler of handlers) {
			const candidate = handler();
			if (best === undefined || candidate.layer >= best.layer) {
				best = candidate;
			}
		}

		return best;
	};

	const deliver = (input: Input, handler: KeyHandler): void => {
		switch (input.kind) {
			case 'key': {
				handler.onKey(input.key);
				break;
			}

			case 'paste': {
				handler.onPaste?.(input.text);
				break;
			}

			case 'chunk': {
				if (handler.mode === 'list' && !isTyped(input.text)) {
					handler.onPaste?.(input.text);
				} else {
					const [first, ...rest] = takeApart(input.text);
					queue.unshift(...rest);
					if (first !== undefined) {
						deliver(first, handler);
					}
				}

				break;
			}

			case 'text': {
				if (handler.mode === 'input') {
					handler.onText(input.text);
				} else {
					const [first, ...rest] = input.text;
					if (rest.length > 0) {
						queue.unshift({kind: 'text', text: rest.join('')});
					}

					handler.onText(first!);
				}

				break;
			}
		}
	};

	const next = (): void => {
		const input = queue.shift();
		if (input === undefined) {
			isBusy = false;
			return;
		}

		isBusy = true;
		const handler = front();
		if (handler !== undefined) {
			deliver(input, handler);
		}

		// The screen follows before the next key, so that its handlers know what this one did: React draws in the
		// turn of the event loop after this one.
		setImmediate(() => {
			setImmediate(next);
		});
	};

	const enqueue = (input: Input): void => {
		queue.push(input);
		if (!isBusy) {
			next();
		}
	};

	return {
		register(handler) {
			handlers.push(handler);
			return () => {
				handlers.splice(handlers.indexOf(handler), 1);
			};
		},
		push(input) {
			enqueue(
				typeof input === 'string'
					? {kind: 'key', key: input}
					: {kind: 'chunk', text: input.text},
			);
		},
		paste(text) {
			enqueue({kind: 'paste', text});
		},
	};
};
