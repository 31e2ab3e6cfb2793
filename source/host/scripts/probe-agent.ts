import type {ChosenRung} from '../../facts/rungs.js';
import {perlAgentSource} from '../../probe/agent-perl/source.js';
import {shellAgentSource} from '../../probe/agent-shell/source.js';
import {agentSource} from '../../probe/agent/source.js';
import {defineScript} from './script.js';

/** What the agent needs to start: what it runs on, as the node's facts name it, and its limit. */
export type ProbeAgentInput = ChosenRung & {
	/** The agent ends by itself after this time, in s, whatever happens to us. */
	readonly limitSeconds: number;
	/** It ends as well when it has heard nothing from us for this long, in s: a connection may go without an end. */
	readonly silenceSeconds: number;
};

const sources: Readonly<Record<ChosenRung['rung'], string>> = {
	python3: agentSource,
	'platform-python': agentSource,
	perl: perlAgentSource,
	socat: shellAgentSource,
	nc: shellAgentSource,
	counters: shellAgentSource,
};

/**
 * The measuring agent, without root and with nothing written to disk: one process on the node's own Python or Perl, or
 * bash with a process for each thing it does. It talks by lines of JSON (`probe/messages.ts`), ends when its standard
 * input does or says nothing for too long, and by itself after its limit.
 */
export const probeAgent = defineScript<ProbeAgentInput, void>({
	name: 'probe.agent',
	purpose:
		'listens on the free ports that the cluster needs and measures the paths to the other nodes, until told to end',
	as: 'login',
	timeoutMs: 180_000,
	// The source goes by the environment, because standard input belongs to the conversation and argv is public.
	source: `
export probe_source probe_limit probe_silence probe_rung probe_listener
case $probe_rung in
*python*)
	exec "$probe_program" -I -S -c 'import os; exec(compile(os.environ.pop("probe_source"), "k3s-mesh-probe", "exec"))'
	;;
perl)
	# What a login may have set for its own programs is not for ours.
	unset PERL5OPT PERL5LIB PERLLIB PERL5DB PERL_UNICODE
	ulimit -S -n 4096 2>/dev/null || ulimit -S -n "$(ulimit -H -n)" || :
	probe_handles=$(ulimit -n)
	export probe_handles
	exec "$probe_program" -e 'eval delete $ENV{probe_source}; die $@ if $@'
	;;
*)
	# Behind sshd, or on a socket, bash would run the login's own .bashrc.
	unset BASH_ENV
	exec timeout "$probe_limit" "$probe_program" --norc -c 'source=$probe_source; unset probe_source; eval "$source"'
	;;
esac
`,
	fields: ({rung, program, listener, limitSeconds, silenceSeconds}) => [
		{name: 'probe_rung', value: rung},
		{name: 'probe_program', value: program},
		{name: 'probe_listener', value: listener ?? ''},
		{name: 'probe_limit', value: String(limitSeconds)},
		{name: 'probe_silence', value: String(silenceSeconds)},
		{name: 'probe_source', value: sources[rung]},
	],
	decode() {
		// It talks while it runs and has no result.
	},
});
