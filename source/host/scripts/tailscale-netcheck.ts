import {parseNetcheck} from '../../facts/parse-netcheck.js';
import type {Netcheck} from '../../facts/tailnet-measures.js';
import {k3sPath} from './files-shell.js';
import {answerLines} from './answer-lines.js';
import {defineScript} from './script.js';

/** Prints `region NUMBER CODE` for each region of a map of relays: its number stands right before its short name. */
const regionsProgram = String.raw`
/"RegionID": / { number = $2; sub(/,$/, "", number) }
/"RegionCode": "[A-Za-z0-9_-]+"/ { split($0, parts, "\""); print "region " number " " parts[4] }
`;

/**
 * Has Tailscale look at its ways out: whether UDP gets out, what kind of NAT it sees, which relays answer. It takes a
 * second, and five where no UDP gets out. `undefined` when it can not tell. Only for a machine that is logged in: any
 * other would ask Tailscale's own servers which relays there are, whatever its control server is.
 */
export const tailscaleNetcheck = defineScript<
	Record<string, never>,
	Netcheck | undefined
>({
	name: 'tailscale.netcheck',
	purpose: 'has Tailscale look at its ways out: UDP, NAT and relays',
	as: 'root',
	timeoutMs: 25_000,
	fields: () => [],
	source: String.raw`${k3sPath}
if command -v timeout >/dev/null 2>&1; then
	limited() { timeout 10 "$@"; }
else
	limited() { "$@"; }
fi
exec 2>/dev/null
limited tailscale debug derp-map | awk '${regionsProgram}' || :
printf 'report %s\n' "$(limited tailscale netcheck --format=json-line)"
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return parseNetcheck(
			answer.optional('report') ?? '',
			new Map(
				answer.all('region').map((text) => {
					const [number = '', code = ''] = text.split(' ');
					return [number, code];
				}),
			),
		);
	},
});
