import type {Step} from '../plan/plan.js';
import type {InstallEvent, Proof} from './events.js';
import type {StepContext} from './steps/step.js';

/** What a step tells, as events of its node, without secrets. */
export const makeTell = (
	{node, id}: Step,
	to: {
		readonly emit: (event: InstallEvent) => void;
		/** ms since 1970. */
		readonly now: () => number;
		readonly redact: (text: string) => string;
		/** Called with each proof before it is told. */
		readonly onProof: (proof: Proof) => void;
	},
): StepContext['tell'] => {
	const {emit, now, redact, onProof} = to;
	return {
		now(text) {
			emit({type: 'now', at: now(), node, text: redact(text), waiting: false});
		},
		waiting(text, deadlineAt) {
			emit({
				type: 'now',
				at: now(),
				node,
				text: redact(text),
				waiting: true,
				deadlineAt,
			});
		},
		progress(doneBytes, totalBytes) {
			emit({
				type: 'progress',
				at: now(),
				node,
				step: id,
				doneBytes,
				totalBytes,
			});
		},
		log(line) {
			emit({type: 'log', at: now(), node, line: redact(line)});
		},
		proof(proof) {
			const told = {...proof, detail: redact(proof.detail)};
			onProof(told);
			emit({type: 'proof', at: now(), proof: told});
		},
	};
};
