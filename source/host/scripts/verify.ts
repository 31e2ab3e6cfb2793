import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {
	pingAll,
	readPings,
	targetsField,
	type PingResult,
} from './verify-ping.js';
import {defineScript} from './script.js';

/** What `wg` says about the handshakes with a node's peers. */
export type Handshakes =
	| {
			/** `wg` is not installed, or the interface is none that it knows. */
			readonly available: false;
			readonly reason: string;
	  }
	| {
			readonly available: true;
			readonly peers: ReadonlyArray<{
				readonly publicKey: string;
				/** Seconds since the last handshake; `undefined` when there was none. */
				readonly ageSeconds: number | undefined;
			}>;
	  };

/** Reads the last WireGuard handshakes of an interface. */
export const verifyHandshakes = defineScript<
	{readonly interface: string},
	Handshakes
>({
	name: 'verify.handshakes',
	purpose: 'reads when each WireGuard peer last shook hands',
	as: 'root',
	timeoutMs: 30_000,
	fields: (input) => [
		{name: 'interface', value: plainValue('interface', input.interface)},
	],
	source: String.raw`
if ! command -v wg >/dev/null 2>&1; then
	echo 'unavailable wg is not installed'
	exit 0
fi
if ! shakes=$(wg show "$interface" latest-handshakes 2>&1); then
	printf 'unavailable wg cannot read %s\n' "$interface"
	exit 0
fi
printf 'now %s\n' "$(date +%s)"
printf '%s\n' "$shakes" | while read -r key time; do
	[ -z "$key" ] || printf 'peer %s %s\n' "$key" "$time"
done
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		const reason = answer.optional('unavailable');
		if (reason !== undefined) {
			return {available: false, reason};
		}

		const now = wholeNumber(answer.one('now'));
		return {
			available: true,
			peers: answer.all('peer').map((text) => {
				const [publicKey = '', time = ''] = text.split(' ');
				const seconds = wholeNumber(time);
				return {
					publicKey,
					ageSeconds: seconds === 0 ? undefined : Math.max(0, now - seconds),
				};
			}),
		};
	},
});

/** Pings the mesh addresses of other nodes from this node. */
export const verifyPing = defineScript<
	{readonly targets: readonly string[]},
	readonly PingResult[]
>({
	name: 'verify.ping',
	purpose: 'pings the mesh addresses of the other nodes',
	as: 'root',
	timeoutMs: 60_000,
	fields: ({targets}) => [targetsField(targets)],
	source: `${pingAll}
ping_all
`,
	decode: ({stdout}) => readPings(stdout),
});
