import type {StepAction} from '../../plan/plan.js';
import {awaitJoin} from './await-join.js';
import {awaitReady} from './await-ready.js';
import {download} from './download.js';
import {firewall} from './firewall.js';
import {install} from './install.js';
import {start} from './start.js';
import type {ActionOf, StepContext, StepHandler, StepOutcome} from './step.js';
import {verify} from './verify.js';
import {writeFile} from './write-file.js';

const handlers: {
	readonly [Kind in StepAction['kind']]: StepHandler<ActionOf<Kind>>;
} = {
	'write-file': writeFile,
	firewall,
	download,
	install,
	start,
	'await-join': awaitJoin,
	'await-ready': awaitReady,
	verify,
};

const perform = async <Action extends StepAction>(
	handler: StepHandler<Action>,
	action: Action,
	context: StepContext,
): Promise<StepOutcome> => {
	if (await handler.check(action, context)) {
		return 'unchanged';
	}

	const outcome = await handler.act(action, context);
	if (outcome === 'changed') {
		await handler.verify(action, context);
	}

	return outcome;
};

/** Does a step: looks whether there is anything to do, does it, looks whether it is so now. */
export const performStep = async (
	action: StepAction,
	context: StepContext,
): Promise<StepOutcome> =>
	perform(handlers[action.kind] as StepHandler<StepAction>, action, context);
