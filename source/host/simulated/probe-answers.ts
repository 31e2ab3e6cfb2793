import {probeHandshakes} from '../scripts/probe-handshakes.js';
import {answerTo, type Answer} from './answer.js';
import {meets} from './verify-answers.js';

/** What a measurement asks of simulated machines besides their agents. */
export const probeAnswers: readonly Answer[] = [
	answerTo(probeHandshakes, ({scene, machine, input}) =>
		[...(machine.k3s.cluster?.nodes.values() ?? [])]
			.filter((node) => node.machine !== machine)
			.map((node) => ({
				endpoint: `${node.machine.spec.externalIp}:${input.port}`,
				ageSeconds: meets(scene, machine, node)
					? 5 + Math.floor(scene.random() * 60)
					: undefined,
			})),
	),
];
