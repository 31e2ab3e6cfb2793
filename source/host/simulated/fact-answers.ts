import type {Answer, Call} from './answer.js';
import {factsNow} from './machine-state.js';

/** What a machine says about itself. */
export const makeFactAnswers = (port: number): readonly Answer[] => [
	{
		script: 'facts.gather',
		async reply({scene, machine, signal}: Call<never>) {
			await scene.pace.pass(500 + scene.random() * 600, signal);
			return factsNow(machine, {now: scene.now(), dialed: port});
		},
	},
];
