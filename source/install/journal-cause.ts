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

/** What a line meant, and which life of K3s said so: how often it had been started again by then. */
type Heard = {readonly cause: Cause; readonly life: number};

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
	/** Takes the next line in. */
	hear(line: string): void;
	/** What the newest line that means something means; when there is none, that K3s ends again and again. */
	cause(): Cause | undefined;
	/** What no waiting cures, when the newest life of K3s or the one before it has said so. */
	final(): Cause | undefined;
	/** Was K3s started again, and again, and has each of these lives said what no waiting cures? */
	isHopeless(): boolean;
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
	let known: Heard | undefined;
	/** `lives` that said something of the kind, one after the other. */
	let final: (Heard & {readonly lives: number}) | undefined;
	let unit = '';
	let starts = 0;
	let last: string | undefined;
	const newest: string[] = [];

	/** One whole life of K3s that ended without these words says that they are not why it ends. */
	const stillTrue = <Words extends Heard>(
		heard: Words | undefined,
	): Words | undefined =>
		heard === undefined || starts - heard.life > 1 ? undefined : heard;

	const loop = (): Cause | undefined =>
		starts < startsOfLoop
			? undefined
			: (stillTrue(known)?.cause ?? {
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
				unit = started;
				starts += 1;
			} else if (!ofSystemd.test(line)) {
				last = line;
			}

			const signature = classify(line, node);
			if (signature === undefined || signature.ofOther) {
				return;
			}

			const cause = {
				text: throughBalancer(signature, target),
				tryNext: signature.tryNext,
			};
			known = {cause, life: starts};
			if (signature.final) {
				const before = stillTrue(final);
				const isNext = before?.life !== starts;
				final = {...known, lives: (before?.lives ?? 0) + (isNext ? 1 : 0)};
			}
		},
		cause: () => stillTrue(known)?.cause ?? loop(),
		final: () => stillTrue(final)?.cause,
		isHopeless: () => (stillTrue(final)?.lives ?? 0) > startsOfLoop,
		loop,
		ending: () =>
			newest.length === 0
				? []
				: ['Its journal ends with:', ...newest.map((line) => shortened(line))],
	};
};
