import type {Script} from '../../host/scripts/script.js';
import {parseStepLine} from '../../host/scripts/steps.js';
import type {StepContext, StepOutcome} from './step.js';

/** Runs a long step on the host, or goes on with the one that runs there already, and tells what it tells. */
export const runLongStep = async <Input>(
	script: Script<Input, {readonly changed: boolean}>,
	input: Input,
	{host, signal, tell}: StepContext,
): Promise<StepOutcome> => {
	const {changed} = await host.stream(script, input, {
		signal,
		onLine(text) {
			const line = parseStepLine(text);
			switch (line.kind) {
				case 'progress': {
					tell.progress(line.doneBytes, line.totalBytes);
					break;
				}

				case 'now': {
					tell.now(line.text);
					break;
				}

				case 'log': {
					tell.log(line.text);
					break;
				}

				case 'result': {
					break;
				}
			}
		},
	});
	return changed ? 'changed' : 'unchanged';
};
