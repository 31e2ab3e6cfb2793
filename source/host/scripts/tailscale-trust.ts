import {answerLines, plainValue} from './answer-lines.js';
import {defineScript} from './script.js';

/**
 * Asks a control server for anything, and looks only at whether this machine trusts its certificate: what curl or wget
 * says when it does not, `undefined` when it does or that can not be told. curl ends with 60 then, wget with 5.
 */
export const tailscaleTrust = defineScript<
	{readonly url: string},
	string | undefined
>({
	name: 'tailscale.trust',
	purpose:
		"looks whether the machine trusts the certificate of the tailnet's control server",
	as: 'login',
	timeoutMs: 30_000,
	fields: ({url}) => [{name: 'url', value: plainValue('URL', url)}],
	source: String.raw`
code=0
if command -v curl >/dev/null 2>&1; then
	said=$(curl -sS -o /dev/null --max-time 10 "$url" 2>&1) || code=$?
	[ "$code" -eq 60 ] || exit 0
elif command -v wget >/dev/null 2>&1; then
	said=$(wget -nv -O /dev/null --timeout=10 --tries=1 "$url" 2>&1) || code=$?
	[ "$code" -eq 5 ] || exit 0
else
	exit 0
fi
printf 'distrust %s\n' "$(printf '%s\n' "$said" | head -n 1)"
`,
	decode: ({stdout}) => answerLines(stdout).optional('distrust'),
});
