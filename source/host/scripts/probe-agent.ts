import {agentSource} from '../../probe/agent/source.js';
import {defineScript} from './script.js';

/** What the agent needs to start. */
export type ProbeAgentInput = {
	/** The node's Python 3, as its facts name it: an absolute path. */
	readonly python: string;
	/** The agent ends by itself after this time, in s, whatever happens to us. */
	readonly limitSeconds: number;
};

/**
 * The measuring agent: one process on the node's own Python, without root, with nothing written to disk. It talks by
 * lines of JSON (`probe/messages.ts`), ends when its standard input does, and by itself after its limit.
 */
export const probeAgent = defineScript<ProbeAgentInput, void>({
	name: 'probe.agent',
	purpose:
		'listens on the free ports that the cluster needs and measures the paths to the other nodes, until told to end',
	as: 'login',
	timeoutMs: 180_000,
	// The source goes by the environment, because standard input belongs to the conversation and argv is public.
	source: `
export probe_source probe_limit
exec "$probe_python" -I -S -c 'import os; exec(compile(os.environ.pop("probe_source"), "k3s-mesh-probe", "exec"))'
`,
	fields: ({python, limitSeconds}) => [
		{name: 'probe_python', value: python},
		{name: 'probe_limit', value: String(limitSeconds)},
		{name: 'probe_source', value: agentSource},
	],
	decode() {
		// It talks while it runs and has no result.
	},
});
