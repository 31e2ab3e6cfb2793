import {classify, type JournalSignature} from './journal-signatures.js';

/** Why a node does not come up, as far as is known. */
export type Cause = {
	readonly text: string;
	readonly tryNext: readonly string[];
};

/** How many lines of a journal that nobody can read are shown, and how many characters of each. */
const linesOfUnknown = 3;
const charactersOfLine = 200;

/** A line of a journal, short enough for a sentence. */
const shortened = (line: string): string =>
	line.length > charactersOfLine
		? `${line.slice(0, charactersOfLine - 1)}…`
		: line;

/** What systemd says about a unit, between the lines that K3s itself wrote. */
const ofSystemd =
	/^(?:k3s(?:-agent)?\.service: |(?:Started|Starting|Stopped|Stopping|Failed to start) )/;

/** The line with which systemd starts a unit again that has ended. */
const startsAgain = /^(k3s(?:-agent)?)\.service: Scheduled restart job\b/;

/** After so many starts again K3s does not get over what ends it. */
const startsOfLoop = 2;

/** An agent dials its server through a balancer of its own on loopback; people need the address behind it. */
const throughBalancer = (
	{cause, waitsFor}: JournalSignature,
	target: string | undefined,
): string =>
	target !== undefined && waitsFor?.startsWith('127.0.0.1:')
		? cause.replace(waitsFor, target)
		: cause;

/** What the journal of K3s on one node tells, line by line. */
export type JournalCause = {
	/** Takes the next line in. Returns what it means when it means something. */
	hear(line: string): (Cause & {readonly final: boolean}) | undefined;
	/** What the newest line that means something means; when there is none, that K3s ends again and again. */
	cause(): Cause | undefined;
	/** Why K3s ends again and again; `undefined` when it does not. */
	loop(): Cause | undefined;
	/** What to show of a journal of which no line is understood: its newest lines, with a heading. */
	ending(): readonly string[];
};

/** Reads the journal of K3s on a node. `target` is what the node joins, as host and port. */
export const makeJournalCause = (
	node: string,
	target?: string,
): JournalCause => {
	let known: Cause | undefined;
	/** Was it heard since K3s was started last? */
	let isFresh = false;
	let unit = '';
	let starts = 0;
	let last: string | undefined;
	const newest: string[] = [];

	/** One whole life of K3s that ended without these words says that they are not why it ends. */
	const hearOfStart = (name: string): void => {
		unit = name;
		starts += 1;
		known = isFresh ? known : undefined;
		isFresh = false;
	};

	const loop = (): Cause | undefined =>
		starts < startsOfLoop
			? undefined
			: (known ?? {
					text: `K3s ends right after each start${last === undefined ? '' : `, and says last: ${shortened(last)}`}`,
					tryNext: [
						`Look with journalctl -u ${unit} on that machine why it ends, mend that, then run the same command again.`,
					],
				});
	return {
		hear(line) {
			newest.push(line);
			newest.splice(0, newest.length - linesOfUnknown);
			const [, started] = startsAgain.exec(line) ?? [];
			if (started !== undefined) {
				hearOfStart(started);
			} else if (!ofSystemd.test(line)) {
				last = line;
			}

			const signature = classify(line, node);
			if (signature === undefined) {
				return undefined;
			}

			const cause = {
				text: throughBalancer(signature, target),
				tryNext: signature.tryNext,
			};
			known = cause;
			isFresh = true;
			return {...cause, final: signature.final};
		},
		cause: () => known ?? loop(),
		loop,
		ending: () =>
			newest.length === 0
				? []
				: ['Its journal ends with:', ...newest.map((line) => shortened(line))],
	};
};
