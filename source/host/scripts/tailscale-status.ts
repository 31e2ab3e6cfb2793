import type {TailscaleFacts} from '../../facts/host-facts.js';
import {parseTailscale} from '../../facts/parse-tailscale.js';
import {tailscaleSections} from './facts/tailscale.js';
import {defineScript} from './script.js';

/** The parts of the answer; no line of Tailscale's begins like these. */
const marks = ['@status', '@prefs', '@version'] as const;

/** The lines that stand below each mark. */
const partsOf = (
	stdout: string,
): ReadonlyMap<string | undefined, readonly string[]> => {
	const parts = new Map<string | undefined, string[]>();
	let current: string[] = [];
	for (const line of stdout.split('\n')) {
		const mark = marks.find((one) => one === line);
		if (mark === undefined) {
			current.push(line);
		} else {
			current = [];
			parts.set(mark, current);
		}
	}

	return parts;
};

/** Reads what Tailscale says about itself now, as the facts do; `undefined` when it is not installed. */
export const tailscaleStatus = defineScript<
	Record<string, never>,
	TailscaleFacts | undefined
>({
	name: 'tailscale.status',
	purpose: 'reads what Tailscale says about itself',
	as: 'root',
	timeoutMs: 45_000,
	fields: () => [],
	source: `
if command -v timeout >/dev/null 2>&1; then
	limited() { timeout 10 "$@"; }
else
	limited() { "$@"; }
fi
tailscale=
tailscale_status=
${tailscaleSections}
exec 2>/dev/null
echo @status
show_tailscale_status
echo @prefs
show_tailscale_prefs || :
echo @version
show_tailscale_version || :
`,
	decode({stdout}) {
		const parts = partsOf(stdout);
		const [program = '', ...status] = parts.get('@status') ?? [];
		return program === ''
			? undefined
			: parseTailscale(
					status.join('\n'),
					(parts.get('@prefs') ?? []).join('\n'),
					(parts.get('@version') ?? []).join('\n'),
				);
	},
});
