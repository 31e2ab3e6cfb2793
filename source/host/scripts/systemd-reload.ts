import {failFunction} from './files-shell.js';
import {defineScript} from './script.js';

/** Has systemd read its units again, after one was written. Nothing is restarted. */
export const systemdReload = defineScript<Record<string, never>, void>({
	name: 'systemd.reload',
	purpose: 'has systemd read its units again; restarts nothing',
	as: 'root',
	timeoutMs: 60_000,
	fields: () => [],
	source: String.raw`${failFunction}
said=$(systemctl daemon-reload 2>&1) || fail "systemd does not read its units again: $(printf '%s\n' "$said" | tail -n 1)"
`,
	decode: () => undefined,
});
