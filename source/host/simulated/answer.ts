import type {Script} from '../scripts/script.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';

/** A call of a script, as a simulated machine sees it. */
export type Call<Input> = {
	readonly scene: Scene;
	readonly machine: Machine;
	/** The node's name, for errors. */
	readonly node: string;
	readonly input: Input;
	readonly signal: AbortSignal;
	/** Takes a line of output, when somebody listens. */
	readonly onLine: (line: string) => void;
};

/** What simulated machines do when a script is run on them. */
export type Answer = {
	readonly script: string;
	readonly reply: (call: Call<never>) => unknown;
};

/** An answer with the types of its script: what the real one takes and gives. */
export const answerTo = <Input, Output>(
	script: Script<Input, Output>,
	reply: (call: Call<Input>) => Output | Promise<Output>,
): Answer => ({
	script: script.name,
	reply,
});
