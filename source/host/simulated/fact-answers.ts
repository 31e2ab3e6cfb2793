import {hostClock} from '../scripts/clock.js';
import {factsGather} from '../scripts/facts-gather.js';
import {answerTo, type Answer} from './answer.js';
import {factsNow} from './machine-state.js';
import {tailnetAddresses, tailscaleNow} from './tailnet.js';

/** What a machine says about itself, to a login on this port of SSH. */
export const makeFactAnswers = (port: number): readonly Answer[] => [
	answerTo(factsGather, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(500 + scene.random() * 600, signal);
		const facts = factsNow(machine, {
			now: scene.now(),
			port,
			dialed: input.dialed ?? machine.spec.externalIp,
			rootRefused: input.rootRefused,
		});
		return {
			...facts,
			tailscale: tailscaleNow(scene, machine),
			addresses: [...facts.addresses, ...tailnetAddresses(machine)],
		};
	}),
	answerTo(hostClock, ({scene, machine}) =>
		Math.floor((scene.now() + machine.facts.clock.offsetMs) / 1000),
	),
];
