import {HostLost} from '../host/errors.js';
import type {NodeObject} from '../host/scripts/k3s-read.js';
import type {StepContext} from './steps/step.js';
import {mayPass} from './wait.js';

/** The cluster's Node objects; none while the API is not there, or away for a moment. */
export const nodesIfKnown = async ({
	nodes,
}: StepContext): Promise<readonly NodeObject[]> => {
	try {
		return await nodes.read();
	} catch (error) {
		if (mayPass(error) || error instanceof HostLost) {
			return [];
		}

		throw error;
	}
};
