/** Lines that are waited for one by one, by one reader. */
export type LineQueue = {
	push(lines: readonly string[]): void;
	/** No more lines come; those that are there are still read. */
	end(): void;
	/** No more lines come; the reader gets the error after those that are there. */
	fail(error: unknown): void;
	readonly lines: AsyncIterable<string>;
};

/** An empty queue. */
export const makeLineQueue = (): LineQueue => {
	const held: string[] = [];
	let outcome: {readonly error?: unknown} | undefined;
	let wake: () => void = () => undefined;

	const nextChange = async (): Promise<void> =>
		new Promise((resolve) => {
			wake = resolve;
		});

	const read = async function* (): AsyncGenerator<string> {
		for (;;) {
			while (held.length > 0) {
				yield held.shift()!;
			}

			if (outcome) {
				if ('error' in outcome) {
					throw outcome.error;
				}

				return;
			}

			await nextChange();
		}
	};

	return {
		push(lines) {
			held.push(...lines);
			wake();
		},
		end() {
			outcome ??= {};
			wake();
		},
		fail(error) {
			outcome ??= {error};
			wake();
		},
		lines: {[Symbol.asyncIterator]: () => read()},
	};
};
