import {beside, launch} from '../launch.js';
import {inNamespace, namespaceOf, runIn} from '../network.js';
import {waitFor} from '../run.js';
import type {Topology} from '../topology.js';
import {relaySeed} from './link-spec.js';
import {relayDevice} from './links.js';

/** Starts the relay of an instance, when hosts of it are apart, and waits until it carries. */
export const startRelay = async (
	instance: string,
	id: string,
	topology: Topology,
	signal?: AbortSignal,
): Promise<void> => {
	if (topology.distances === undefined) {
		return;
	}

	const addressOf = (name: string): string =>
		topology.hosts.find((host) => host.name === name)!.externalIp;
	const ways = topology.distances.flatMap(
		({between: [one, other], rttMs, loss}) =>
			[
				[one, other],
				[other, one],
			].map(([from, to]) => ({
				from: addressOf(from!),
				to: addressOf(to!),
				delayMs: rttMs / 2,
				loss,
			})),
	);
	const wan = namespaceOf(id, 'wan');
	launch(
		instance,
		'relay',
		inNamespace(wan, [
			'python3',
			beside('relay/relay.py'),
			relayDevice,
			JSON.stringify({seed: relaySeed, ways}),
		]),
	);
	await waitFor(
		'the relay does not start; see relay.log of the instance',
		async () => {
			const {stdout} = await runIn(wan, [
				'ip',
				'-o',
				'link',
				'show',
				relayDevice,
			]);
			return stdout.includes('LOWER_UP') ? true : undefined;
		},
		{timeoutMs: 20_000, signal},
	);
};
