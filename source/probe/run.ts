import type {Path} from '../facts/measurements.js';
import type {Knock} from './knock.js';
import type {Report, Try} from './messages.js';
import type {ProbeInput} from './probe.js';
import type {Start, Station} from './station.js';

/** What all parts of one measurement share. */
export type Run = {
	readonly input: ProbeInput;
	/** Who does not know it gets no answer. */
	readonly token: string;
	/** Ends with the whole measurement. */
	readonly limit: AbortSignal;
	/** By node name: every node that takes part in some path. */
	readonly starts: ReadonlyMap<string, Start>;
	/** The number of the next try: unique in the run, so that listeners know which arrived. */
	readonly nextId: () => number;
	readonly knock: Knock | undefined;
};

/** The station of a node, when it takes part. */
export const stationOf = (
	{starts}: Pick<Run, 'starts'>,
	node: string,
): Station | undefined => starts.get(node)?.station;

/** One thing to try, and what it is about. */
export type Wanted<Subject> = {
	readonly from: string;
	readonly subject: Subject;
	/** Makes the try with its number, and its share (0 to 1) of the way through the tries of its node. */
	readonly makeTry: (id: number, share: number) => Try;
};

/**
 * Lets all agents try at once, each its own, and hands over every report with its subject. Returns the subjects that
 * were not reported, because their agent ended. Never throws.
 */
export const tryAll = async <Subject>(
	run: Run,
	wanted: ReadonlyArray<Wanted<Subject>>,
	onReport: (subject: Subject, report: Report) => void,
): Promise<readonly Subject[]> => {
	const bySender = new Map<string, Array<Wanted<Subject>>>();
	for (const one of wanted) {
		const known = bySender.get(one.from);
		if (known === undefined) {
			bySender.set(one.from, [one]);
		} else {
			known.push(one);
		}
	}

	const left = await Promise.all(
		[...bySender].map(async ([sender, own]) => {
			const subjects = new Map<number, Subject>();
			const tries = own.map(({subject, makeTry}, index) => {
				const id = run.nextId();
				subjects.set(id, subject);
				return makeTry(id, index / own.length);
			});
			await stationOf(run, sender)?.agent.try(tries, (report) => {
				const subject = subjects.get(report.tried)!;
				subjects.delete(report.tried);
				onReport(subject, report);
			});
			return [...subjects.values()];
		}),
	);
	return left.flat();
};

/** Where a try goes. */
export const placeOf = ({
	protocol,
	address,
	port,
}: Path): Pick<Try, 'protocol' | 'address' | 'port'> => ({
	protocol,
	address,
	port,
});
