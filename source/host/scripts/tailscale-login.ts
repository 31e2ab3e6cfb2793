import {answerLines, plainValue, wholeNumber} from './answer-lines.js';
import {failFunction, k3sPath} from './files-shell.js';
import {defineScript} from './script.js';

/** Starts tailscaled anew, and from now on at each boot. For machines that are in no tailnet: it cuts what goes through it. */
export const tailscaleStart = defineScript<Record<string, never>, void>({
	name: 'tailscale.start',
	purpose: 'starts tailscaled anew, and from then on at each boot',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: String.raw`${failFunction}
said=$(systemctl enable tailscaled.service 2>&1 && systemctl restart tailscaled.service 2>&1) ||
	fail "tailscaled does not start: $(printf '%s\n' "$said" | tail -n 1)"
`,
	decode: () => undefined,
});

/** How a machine is to be in the tailnet. */
export type TailscaleLogin = {
	/**
	 * `new` logs in with a key; `known` brings a machine back that is logged in and was only told to stay off, and leaves
	 * its name and its name service as they are.
	 */
	readonly login:
		| {
				readonly kind: 'new';
				readonly key: string;
				readonly hostname: string;
				/** URL. */
				readonly controlServer: string;
				/** What it asks to be called; `of-key` asks for nothing and takes what the key gives. */
				readonly tags: readonly string[] | 'of-key';
		  }
		| {readonly kind: 'known'};
	/** Takes routes of others; when not, what is set stays. */
	readonly acceptRoutes: boolean;
	/** How long Tailscale itself waits. */
	readonly seconds: number;
};

/** How it went, in Tailscale's own words. */
export type TailscaleLoginAnswer = {
	/** Exit code of `tailscale up`. */
	readonly code: number;
	/** The last of what it said. */
	readonly said: readonly string[];
	/** Options of its owner that were said again so that they stay, such as `--ssh`. */
	readonly kept: readonly string[];
};

/** Where the key lies while it is read: in memory, for root only. */
export const keyFile = '/run/k3s-mesh/tailnet-key';

/**
 * Logs a machine in to its tailnet. The key goes from standard input into a file of root in memory, which is gone when
 * this ends, however it ends; it is never in argv. `tailscale up` refuses to drop preferences that somebody has set
 * and names them all: they are said again, so that they stay (`checkForAccidentalSettingReverts` in cmd/tailscale/cli/up.go).
 */
export const tailscaleLogin = defineScript<
	TailscaleLogin,
	TailscaleLoginAnswer
>({
	name: 'tailscale.login',
	purpose: 'logs the machine in to its tailnet, and keeps what its owner set',
	as: 'root',
	timeoutMs: 150_000,
	fields: ({login, acceptRoutes, seconds}) => [
		{name: 'login', value: login.kind},
		{
			name: 'key',
			value: login.kind === 'new' ? plainValue('key', login.key) : '',
			secret: true,
		},
		{
			name: 'hostname',
			value: login.kind === 'new' ? plainValue('name', login.hostname) : '',
		},
		{
			name: 'control_server',
			value:
				login.kind === 'new'
					? plainValue('control server', login.controlServer)
					: '',
		},
		{
			name: 'tags',
			value:
				login.kind === 'new' && login.tags !== 'of-key'
					? plainValue('tags', login.tags.join(','))
					: '',
		},
		{
			name: 'asks_tags',
			value:
				login.kind === 'new' &&
				(login.tags === 'of-key' || login.tags.length > 0)
					? 'yes'
					: 'no',
		},
		{name: 'accept_routes', value: acceptRoutes ? 'yes' : 'no'},
		{name: 'seconds', value: String(seconds)},
	],
	source: String.raw`${failFunction}${k3sPath}
umask 077
trap 'rm -f ${keyFile}' EXIT
trap 'exit 143' TERM INT HUP
set -- "--timeout=${'$'}{seconds}s"
[ "$accept_routes" = no ] || set -- "$@" --accept-routes
if [ "$login" = new ]; then
	mkdir -p ${keyFile.slice(0, keyFile.lastIndexOf('/'))}
	rm -f ${keyFile}
	printf %s "$key" >${keyFile}
	set -- "$@" "--auth-key=file:${keyFile}" "--login-server=$control_server" "--hostname=$hostname" --accept-dns=false
	[ "$asks_tags" = no ] || set -- "$@" "--advertise-tags=$tags"
fi
code=0
said=$(tailscale up "$@" 2>&1 </dev/null) || code=$?
case "$said" in
*'requires mentioning all'*)
	given=' '
	for word in "$@"; do
		given="$given${'$'}{word%%=*} "
	done
	set -f
	for word in $(printf '%s\n' "$said" | sed -n 's/^[[:space:]]*tailscale up //p' | tail -n 1); do
		case "$given" in
			*" ${'$'}{word%%=*} "*) continue ;;
		esac
		case "$word" in
			--*[!A-Za-z0-9=.,:/_@-]* | [!-]*) fail "Tailscale on this machine has a preference that can not be said again from here: $word. Log it in by hand, with \"tailscale up\"." ;;
		esac
		set -- "$@" "$word"
		printf 'kept %s\n' "$word"
	done
	set +f
	code=0
	said=$(tailscale up "$@" 2>&1 </dev/null) || code=$?
	;;
esac
printf 'code %s\n' "$code"
printf '%s\n' "$said" | tail -n 12 | sed 's/^/said /'
`,
	decode({stdout}) {
		const answer = answerLines(stdout);
		return {
			code: wholeNumber(answer.one('code')),
			said: answer.all('said'),
			kept: answer.all('kept'),
		};
	},
});

/** Logs a machine out of its tailnet again. */
export const tailscaleLogout = defineScript<Record<string, never>, void>({
	name: 'tailscale.logout',
	purpose: 'logs the machine out of its tailnet',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: String.raw`${failFunction}${k3sPath}
said=$(tailscale logout 2>&1) || fail "Tailscale does not log out: $(printf '%s\n' "$said" | tail -n 1)"
`,
	decode: () => undefined,
});

/** Has a machine that is in its tailnet take the routes of others; all else stays as it is. */
export const tailscaleAcceptRoutes = defineScript<Record<string, never>, void>({
	name: 'tailscale.accept-routes',
	purpose: 'has Tailscale take the routes of other machines',
	as: 'root',
	timeoutMs: 30_000,
	fields: () => [],
	source: String.raw`${failFunction}${k3sPath}
said=$(tailscale set --accept-routes 2>&1) || fail "Tailscale does not take routes: $(printf '%s\n' "$said" | tail -n 1)"
`,
	decode: () => undefined,
});
