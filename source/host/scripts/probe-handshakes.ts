import {answerLines, wholeNumber} from './answer-lines.js';
import {defineScript} from './script.js';

/** A peer of a WireGuard interface that runs already. */
export type WireguardPeer = {
	/** The `address:port` to which the machine sends now, IPv6 in brackets. */
	readonly endpoint: string;
	/** Seconds since the last handshake; `undefined` when there was none. */
	readonly ageSeconds: number | undefined;
};

/** Reads with whom the WireGuard interface on a port shook hands, and when; `undefined` when there is no `wg` to ask. */
export const probeHandshakes = defineScript<
	{readonly port: number},
	readonly WireguardPeer[] | undefined
>({
	name: 'probe.handshakes',
	purpose:
		'reads when the peers of a WireGuard interface that runs already last shook hands; keys stay on the machine',
	as: 'root',
	timeoutMs: 10_000,
	fields: ({port}) => [{name: 'port', value: String(port)}],
	source: String.raw`
if ! command -v wg >/dev/null 2>&1; then
	echo unavailable
	exit 0
fi
printf 'now %s\n' "$(date +%s)"
for interface in $(wg show interfaces); do
	[ "$(wg show "$interface" listen-port)" = "$port" ] || continue
	wg show "$interface" latest-handshakes | sed 's/^/handshake /'
	wg show "$interface" endpoints | sed 's/^/endpoint /'
done
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		if (answer.optional('unavailable') !== undefined) {
			return undefined;
		}

		const now = wholeNumber(answer.one('now'));
		const times = new Map(
			answer.all('handshake').map((text) => {
				const [key = '', time = ''] = text.split(/\s+/);
				return [key, wholeNumber(time)];
			}),
		);
		return answer.all('endpoint').flatMap((text) => {
			const [key = '', endpoint = ''] = text.split(/\s+/);
			const seconds = times.get(key) ?? 0;
			return endpoint === '(none)'
				? []
				: [
						{
							endpoint,
							ageSeconds:
								seconds === 0 ? undefined : Math.max(0, now - seconds),
						},
					];
		});
	},
});
