/** Plays cells of the matrix, one after the other, and says what came of each. */
import {Lost} from './belongings.js';
import type {Case} from './cases.js';
import {groundOf, openGround, type Ground} from './ground.js';
import {play, resetRoleOf} from './play.js';
import type {Played} from './strike.js';

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
			const kind = groundOf(one);
			try {
				if (ground?.kind !== kind || !(await ground.reset(resetRoleOf(one)))) {
					await close();
					ground = await openGround(kind);
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
