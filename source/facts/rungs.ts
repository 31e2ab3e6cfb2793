import type {Protocol} from '../mesh/mesh.js';
import type {HostFacts} from './host-facts.js';
import type {ProbeRung} from './measurements.js';

/** What a node measures with, by what is there on it. */
export type ChosenRung = {
	readonly rung: ProbeRung;
	/** The program that the agent runs on: an absolute path. */
	readonly program: string;
	/** `socat` and `nc`: the program that listens for the agent, which itself runs on bash. */
	readonly listener: string | undefined;
};

/**
 * The best rung that a node has, or `undefined` when it has none. A shell sends by bash's own /dev/tcp and /dev/udp;
 * where socat or nc is there too it also answers, and otherwise the kernel's counters show what arrives.
 */
export const chooseRung = ({
	python,
	probeTools,
}: Pick<HostFacts, 'python' | 'probeTools'>): ChosenRung | undefined => {
	if (python !== undefined) {
		const rung = python.endsWith('/platform-python')
			? 'platform-python'
			: 'python3';
		return {rung, program: python, listener: undefined};
	}

	const {perl, bash, socat, nc} = probeTools;
	if (perl !== undefined) {
		return {rung: 'perl', program: perl, listener: undefined};
	}

	if (bash === undefined) {
		return undefined;
	}

	const listener = socat ?? nc;
	if (listener === undefined) {
		return {rung: 'counters', program: bash, listener};
	}

	return {
		rung: socat === undefined ? 'nc' : 'socat',
		program: bash,
		listener,
	};
};

/** What the agent of a rung can do besides trying paths with the token, which all can. */
export type Capabilities = {
	/** Does it listen and answer who knows the token? Otherwise `count` and bursts show what arrives at it. */
	readonly answers: boolean;
	/** Does it list the tries whose packets arrived (`arrivals`)? */
	readonly arrivals: boolean;
	/** Round trips to it that are worth the name: the answer to a packet may have to wait for a program to start. */
	readonly timed: readonly Protocol[];
	/** Does it search the largest packet, towards others? */
	readonly pathMtu: boolean;
	/** Does it send from a port of our choice, which NAT and port to port need? */
	readonly mapping: boolean;
	/** Does it see which box refused? */
	readonly refusedBy: boolean;
	/** Does it read the public key of a TLS service? Otherwise it only connects. */
	readonly tls: boolean;
	/** Services of the internet that it can ask. */
	readonly services: ReadonlyArray<'connect' | 'names' | 'time' | 'stun'>;
};

const everything: Capabilities = {
	answers: true,
	arrivals: true,
	timed: ['tcp', 'udp'],
	pathMtu: true,
	mapping: true,
	refusedBy: true,
	tls: true,
	services: ['connect', 'names', 'time', 'stun'],
};

const shellWithListener: Capabilities = {
	answers: true,
	arrivals: false,
	timed: ['tcp'],
	pathMtu: false,
	mapping: false,
	refusedBy: false,
	tls: false,
	services: ['connect', 'names', 'time', 'stun'],
};

/** What the agents can do, by rung. */
export const capabilities: Readonly<Record<ProbeRung, Capabilities>> = {
	python3: everything,
	'platform-python': everything,
	perl: {...everything, tls: false},
	socat: shellWithListener,
	nc: shellWithListener,
	counters: {...shellWithListener, answers: false, timed: []},
};

/** For people: what a rung can not tell. Empty for one that measures all that matters. */
export const shortcomings = (rung: ProbeRung): readonly string[] => {
	const {answers, pathMtu, mapping, refusedBy} = capabilities[rung];
	return [
		...(answers
			? []
			: ['more of its own ports than that UDP packets arrive there']),
		...(pathMtu ? [] : ['the largest packet']),
		...(mapping ? [] : ['the kind of NAT']),
		...(refusedBy ? [] : ['which box refuses']),
	];
};
