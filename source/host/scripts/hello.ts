import {defineScript} from './script.js';

/**
 * The first script on every connection, a conversation: it says who we are there and whether sudo lets us, and then
 * answers each line at once, which is how the round trip is measured.
 */
export const hello = defineScript<Record<string, never>, void>({
	name: 'host.hello',
	purpose:
		'says who is logged in and whether sudo is allowed, and answers to measure the round trip',
	as: 'login',
	timeoutMs: 20_000,
	fields: () => [],
	source: `
user_id=$(id -u)
printf 'user %s\\n' "$(id -un)"
printf 'connection %s\\n' "\${SSH_CONNECTION:-}"
if [ "$user_id" -eq 0 ]; then
	printf 'privilege root\\n'
elif ! command -v sudo >/dev/null 2>&1; then
	printf 'refused there is no sudo\\n'
	printf 'privilege none\\n'
elif answer=$(sudo -n env LC_ALL=C sh -c : 2>&1 </dev/null); then
	printf 'privilege sudo\\n'
else
	printf 'refused %s\\n' "$(printf '%s\\n' "$answer" | tail -n 1)"
	printf 'privilege none\\n'
fi
while read -r line; do
	printf 'pong\\n'
done
`,
	decode() {
		return undefined;
	},
});
