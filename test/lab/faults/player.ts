/** Plays cells of the matrix, one after the other, and says what came of each. */
import {Lost} from './belongings.js';
import type {Case} from './cases.js';
import {faults, type Fault} from './faults.js';
import {openGround, type Ground} from './ground.js';
import {play, type Played} from './play.js';

/** What came of a cell. */
export type CaseResult = Case &
	(
		| ({readonly held: true} & Played)
		| {
				readonly held: false;
				readonly why: string;
				/** Was something of the owner's lost, or a file left half-written? */
				readonly lost: boolean;
		  }
	);

/** Plays cells one after the other. */
export type Player = {
	/** Whatever does not hold is a result, a lab that does not come up too: the next cell gets new hosts. */
	readonly play: (one: Case) => Promise<CaseResult>;
	readonly close: () => Promise<void>;
};

/** Makes a player, which keeps its hosts from one cell to the next while all holds on them. */
export const makePlayer = (): Player => {
	let ground: Ground | undefined;
	const close = async (): Promise<void> => {
		const {stage} = ground ?? {};
		ground = undefined;
		await stage?.down();
	};

	return {
		close,
		async play(one) {
			const fault: Fault = faults[one.fault];
			const onMachines = fault.onMachines ?? false;
			try {
				if (
					ground?.onMachines !== onMachines ||
					!(await ground.reset(one.role))
				) {
					await close();
					ground = await openGround(onMachines);
				}

				return {...one, held: true, ...(await play(ground, one))};
			} catch (error) {
				await close();
				return {
					...one,
					held: false,
					why: error instanceof Error ? error.message : String(error),
					lost: error instanceof Lost,
				};
			}
		},
	};
};
