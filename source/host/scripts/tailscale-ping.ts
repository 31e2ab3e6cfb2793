import type {TailnetWay} from '../../facts/tailnet-measures.js';
import {k3sPath} from './files-shell.js';
import {answerLines} from './answer-lines.js';
import {targetsField} from './verify-ping.js';
import {defineScript} from './script.js';

/** The way that packets take to another machine of the tailnet. */
export type TailnetPing = {
	/** Its Tailscale address. */
	readonly address: string;
	readonly way: TailnetWay;
};

const milliseconds = (duration: string): number => {
	const parts = /^(?:(\d+)m)?([\d.]+)(ms|µs|us|s)$/.exec(duration);
	if (!parts) {
		return 0;
	}

	const factor = parts[3] === 's' ? 1000 : parts[3] === 'ms' ? 1 : 0.001;
	return Number(parts[1] ?? 0) * 60_000 + Number(parts[2]) * factor;
};

/** Reads one answer: `ADDRESS pong from nuc (100.64.0.2) via DERP(fra) in 32ms`. */
const readPath = (text: string): TailnetPing => {
	const space = text.indexOf(' ');
	const address = space === -1 ? text : text.slice(0, space);
	const said = space === -1 ? '' : text.slice(space + 1);
	const pong = / via (?<via>\S+) in (?<time>\S+)$/.exec(said)?.groups;
	if (!pong) {
		return {address, way: {kind: 'silent', reason: said || 'no answer'}};
	}

	const via = pong.via!;
	const rttMs = milliseconds(pong.time!);
	return {
		address,
		way: via.includes('(')
			? {kind: 'relayed', relay: via, rttMs}
			: {kind: 'direct', endpoint: via, rttMs},
	};
};

/** Asks Tailscale which way it reaches other machines: it tries some times for a direct one. */
export const tailscalePing = defineScript<
	{readonly targets: readonly string[]},
	readonly TailnetPing[]
>({
	name: 'tailscale.ping',
	purpose:
		'asks Tailscale whether it reaches the other nodes directly or by a relay',
	as: 'root',
	timeoutMs: 120_000,
	fields: ({targets}) => [targetsField(targets)],
	source: `${k3sPath}
ping_one() {
	said=$(tailscale ping --c 4 --timeout 2s "$1" 2>&1 </dev/null) || :
	pong=$(printf '%s\\n' "$said" | grep '^pong ' | tail -n 1) || :
	printf 'path %s %s\\n' "$1" "\${pong:-$(printf '%s\\n' "$said" | tail -n 1)}"
}
# Each is a program of its own: a small machine has no room for many.
at_once=8
left=$at_once
while IFS= read -r one; do
	[ -n "$one" ] || continue
	ping_one "$one" &
	left=$((left - 1))
	if [ "$left" -eq 0 ]; then
		wait
		left=$at_once
	fi
done <<END_OF_TARGETS
$targets
END_OF_TARGETS
wait
`,
	decode: ({stdout}) =>
		answerLines(stdout)
			.all('path')
			.map((text) => readPath(text)),
});
