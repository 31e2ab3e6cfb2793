import {defineScript} from './script.js';

/**
 * The first script on every connection, a conversation: it says who we are there and how we become root, and then
 * answers each line at once, which is how the round trip is measured.
 *
 * `sudo TEXT` and `doas TEXT` are what they said when they refused to go on without a question; `terminal` tells that
 * sudo wants one and that it can be had, `doas-terminal` that doas, which asks in none else, can have one.
 */
export const hello = defineScript<Record<string, never>, void>({
	name: 'host.hello',
	purpose:
		'says who is logged in and whether sudo or doas is allowed, and answers to measure the round trip',
	as: 'login',
	// A sudo that looks up names in a DNS that does not answer takes ten seconds, and is asked twice at most.
	timeoutMs: 45_000,
	fields: () => [],
	source: String.raw`
user_id=$(id -u)
printf 'user %s\n' "$(id -un)"
printf 'connection %s\n' "$(printenv SSH_CONNECTION)"

# Does it let us in without a question? The last line that it said stays in $said.
let_in() {
	said=$("$@" 2>&1 </dev/null | tr -d '\r')
	case $said in
		*k3s-mesh-let-in*) return 0 ;;
	esac
	said=$(printf '%s\n' "$said" | grep . | tail -n 1)
	return 1
}

ask_sudo() {
	command -v sudo >/dev/null 2>&1 || return 1
	let_in sudo -n env LC_ALL=C sh -c 'echo k3s-mesh-let-in' && return
	case $said in
		*"have a tty"*)
			if command -v script >/dev/null 2>&1; then
				printf 'terminal\n'
				SHELL=/bin/sh let_in script -q -c \
					'exec sudo -n env LC_ALL=C sh -c "echo k3s-mesh-let-in"' /dev/null && return
			fi
			;;
	esac
	printf 'sudo %s\n' "$said"
	return 1
}

ask_doas() {
	command -v doas >/dev/null 2>&1 || return 1
	let_in doas -n env LC_ALL=C sh -c 'echo k3s-mesh-let-in' && return
	! command -v script >/dev/null 2>&1 || printf 'doas-terminal\n'
	printf 'doas %s\n' "$said"
	return 1
}

if [ "$user_id" -eq 0 ]; then
	printf 'privilege root\n'
elif ask_sudo; then
	printf 'privilege sudo\n'
elif ask_doas; then
	printf 'privilege doas\n'
else
	printf 'privilege none\n'
fi
while read -r line; do
	printf 'pong\n'
done
`,
	decode() {
		return undefined;
	},
});
