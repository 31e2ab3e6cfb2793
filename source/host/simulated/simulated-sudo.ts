import type {ConnectQuestions} from '../host.js';
import type {Redactor} from '../redactor.js';
import {RootRefused, type Refusal} from '../ssh/refusals.js';
import type {SudoAnswers} from '../ssh/sudo-answers.js';
import {findSudoPassword} from '../ssh/sudo-password.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';

/** What sudo on a simulated machine says to a login that is not root: `undefined` when it lets it in. */
export const askSimulatedSudo = async (details: {
	readonly scene: Scene;
	readonly machine: Machine;
	/** The node's name. */
	readonly name: string;
	readonly user: string;
	readonly host: string;
	readonly known: SudoAnswers;
	readonly redactor: Redactor;
	readonly questions: ConnectQuestions;
	readonly signal: AbortSignal;
}): Promise<Refusal | undefined> => {
	const {scene, machine, name, user, host, known, signal} = details;
	const {faults, rttMs, sudoPassword} = machine.spec;
	if (faults?.noSudo) {
		return {kind: 'no-program'};
	}

	if (user === 'root' || sudoPassword === undefined) {
		return undefined;
	}

	return findSudoPassword({
		...details,
		node: name,
		answers: known.machine(`${user}@${host}`),
		async knock(answer) {
			await scene.pace.pass(rttMs, signal);
			const turn = await answer(user);
			if (turn === undefined) {
				throw new RootRefused(name, user, {
					kind: 'no-password',
					program: 'sudo',
					owner: user,
				});
			}

			await scene.pace.pass(300, signal);
			if (sudoPassword === 'any' || turn.answer === sudoPassword) {
				turn.end('right');
				return;
			}

			turn.end('wrong');
			throw new RootRefused(name, user, {
				kind: 'wrong-password',
				program: 'sudo',
				owner: user,
				said: 'Sorry, try again.',
			});
		},
	});
};
