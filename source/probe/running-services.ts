import type {Path} from '../facts/measurements.js';
import {
	probeHandshakes,
	type WireguardPeer,
} from '../host/scripts/probe-handshakes.js';
import {serviceKey, speaksTls} from './live.js';
import {placeOf, stationOf, tryAll, type Run} from './run.js';
import {obstacleAt} from './verdicts.js';

/** The path of a port that another program holds on its target. */
export type HeldPath = {
	readonly path: Path;
	readonly process: string | undefined;
};

/** The path when its port is held on its target. */
export const heldPath = (run: Run, path: Path): HeldPath | undefined => {
	const to = stationOf(run, path.to);
	const obstacle = to && obstacleAt(path, to.listening, to.facts);
	return obstacle?.kind === 'in-use'
		? {path, process: obstacle.process}
		: undefined;
};

/** Is the port of a held path asked by TLS? */
export const isTls = (run: Run, {path, process}: HeldPath): boolean =>
	speaksTls(path, process, stationOf(run, path.to)!.facts);

/** Where a program that listens on a port is reached on its own machine. */
const localAddress = (run: Run, {path}: HeldPath): string => {
	const addresses = stationOf(run, path.to)!
		.facts.listening.filter(
			({protocol, port}) => protocol === 'tcp' && port === path.port,
		)
		.map(({address}) => address);
	return addresses.length === 0 ||
		addresses.some((one) => one === '0.0.0.0' || one === '::' || one === '*')
		? '127.0.0.1'
		: addresses[0]!;
};

/** Asks the agents of the targets for the public keys that their own services show. One that can not tell is left out. */
export const readOwnKeys = async (
	run: Run,
	held: readonly HeldPath[],
): Promise<ReadonlyMap<string, string>> => {
	const asked = new Map(
		held
			.filter((one) => stationOf(run, one.path.to)!.can.tls && isTls(run, one))
			.map((one) => [serviceKey(one.path.to, one.path.port), one]),
	);
	const keys = new Map<string, string>();
	await tryAll(
		run,
		[...asked].map(([subject, one]) => ({
			from: one.path.to,
			subject,
			makeTry: (id) => ({
				id,
				what: 'tls',
				...placeOf({...one.path, address: localAddress(run, one)}),
			}),
		})),
		(subject, report) => {
			if (report.result === 'tls') {
				keys.set(subject, report.key);
			}
		},
	);
	return keys;
};

/** Asks the targets of held UDP ports with whom WireGuard shook hands. A host that can not say is left out. */
export const readHandshakes = async (
	run: Run,
	held: readonly HeldPath[],
): Promise<ReadonlyMap<string, readonly WireguardPeer[]>> => {
	const asked = new Map(
		held
			.filter(({path}) => path.protocol === 'udp')
			.map(({path}) => [serviceKey(path.to, path.port), path]),
	);
	const peers = new Map<string, readonly WireguardPeer[]>();
	await Promise.allSettled(
		[...asked].map(async ([key, {to, port}]) => {
			const told = await stationOf(run, to)!.host.run(
				probeHandshakes,
				{port},
				{signal: run.limit},
			);
			if (told !== undefined) {
				peers.set(key, told);
			}
		}),
	);
	return peers;
};
