import {sameAddress} from '../cluster/addresses.js';
import type {HostFacts} from '../facts/host-facts.js';
import {k3sPorts} from '../mesh/k3s-requirements.js';
import type {Listening, Place} from './messages.js';

const ownPorts = new Set<number>(Object.values(k3sPorts));

/**
 * Why K3s may take its ports on a machine at any moment, or `undefined` when it will not. A unit that failed stays down
 * until somebody starts it: systemd calls one that it will start again `activating`.
 */
const claimOf = ({k3s, runningSteps}: HostFacts): string | undefined => {
	if (runningSteps.length > 0) {
		return 'an install is under way there, and the port is left to K3s';
	}

	const state = k3s?.unitState;
	return state === 'active' ||
		state === 'activating' ||
		state === 'deactivating'
		? `the unit of K3s is ${state} there, and the port is left to it`
		: undefined;
};

/** May K3s begin or end at any moment, so that what refuses now may be no more than its absence? */
export const isUnsettled = (facts: HostFacts): boolean =>
	facts.k3s?.unitState !== 'active' && claimOf(facts) !== undefined;

const everywhere = new Set(['0.0.0.0', '::', '*']);

/**
 * Takes the places apart by who may have them. K3s ends with an error when somebody else holds one of its ports, so
 * where it runs, starts or is being installed the probe binds none of them, held or not.
 */
export const leaveToK3s = (
	places: readonly Place[],
	facts: HostFacts,
): {
	readonly free: readonly Place[];
	/** Written as an agent would that could not bind them. */
	readonly left: Listening['refused'];
} => {
	const claim = claimOf(facts);
	if (claim === undefined) {
		return {free: places, left: []};
	}

	const isHeld = (place: Place): boolean =>
		facts.listening.some(
			({protocol, port, address}) =>
				protocol === place.protocol &&
				port === place.port &&
				(everywhere.has(address) || sameAddress(address, place.address)),
		);
	return {
		free: places.filter(({port}) => !ownPorts.has(port)),
		left: places
			.filter(({port}) => ownPorts.has(port))
			.map((place) => ({...place, problem: isHeld(place) ? 'in use' : claim})),
	};
};
