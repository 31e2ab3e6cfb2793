import {answerLines, plainValue} from './answer-lines.js';
import type {ScriptField} from './script.js';

/** What a ping of one address gave. */
export type PingResult = {
	readonly address: string;
	readonly ok: boolean;
	/** Mean round trip in ms, when it answered. */
	readonly rttMs: number | undefined;
	/** Why it could not even be tried: no program to ping with. */
	readonly problem: string | undefined;
};

/** `ping_all WORDS…`: pings every line of `$targets`, all at once, with the words before the command. */
export const pingAll = `
ping_one() {
	target=$1
	shift
	if said=$("$@" ping -n -q -c 3 -i 0.3 -W 2 "$target" 2>&1 </dev/null); then
		rtt=$(printf '%s\\n' "$said" | sed -n 's|^r.*= *[0-9.]*/\\([0-9.]*\\)/.*|\\1|p')
		printf 'ok %s %s\\n' "$target" "\${rtt:-0}"
	else
		printf 'no %s\\n' "$target"
	fi
}
ping_all() {
	command -v ping >/dev/null 2>&1 || echo 'problem ping is not installed'
	while IFS= read -r one; do
		[ -z "$one" ] || ping_one "$one" "$@" &
	done <<END_OF_TARGETS
$targets
END_OF_TARGETS
	wait
}
`;

/** The field that `ping_all` reads. */
export const targetsField = (targets: readonly string[]): ScriptField => ({
	name: 'targets',
	value: targets.map((target) => plainValue('address', target)).join('\n'),
});

/** Reads what `ping_all` printed, in the order of the answers. */
export const readPings = (stdout: string): readonly PingResult[] => {
	const answer = answerLines(stdout);
	const problem = answer.optional('problem');
	return [
		...answer.all('ok').map((text) => {
			const [address = '', rtt = ''] = text.split(' ');
			return {address, ok: true, rttMs: Number(rtt), problem: undefined};
		}),
		...answer
			.all('no')
			.map((address) => ({address, ok: false, rttMs: undefined, problem})),
	];
};
