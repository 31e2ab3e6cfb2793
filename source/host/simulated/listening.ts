import type {Arrivals} from '../../probe/messages.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';

/** An agent that runs on a machine: what a token and listening ports are to real ones. */
export type Listening = {
	readonly node: string;
	readonly token: string;
	/** Tries that arrived here. */
	readonly arrived: Arrivals['arrivals'];
};

const listeners = new WeakMap<Scene, Map<Machine, Listening>>();

/** The agents that run now, by machine. */
export const listenersOf = (scene: Scene): Map<Machine, Listening> => {
	const known = listeners.get(scene) ?? new Map<Machine, Listening>();
	listeners.set(scene, known);
	return known;
};

/** The public key that a service of a machine shows: 64 hexadecimal digits. */
export const tlsKeyOf = ({spec}: Machine, port: number): string =>
	[...`${spec.hostname}:${port}`]
		.map((letter) => letter.codePointAt(0)!.toString(16).padStart(2, '0'))
		.join('')
		.padEnd(64, '0')
		.slice(0, 64);
