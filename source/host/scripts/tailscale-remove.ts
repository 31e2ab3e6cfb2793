import {answerLines} from './answer-lines.js';
import {failFunction} from './files-shell.js';
import {defineScript} from './script.js';

/**
 * Removes a Tailscale that `tailscale.install` put there from its archive: the files that it places, and the state of a
 * machine that is logged out. One that a package manager knows is left alone.
 */
export const tailscaleUninstall = defineScript<
	Record<string, never>,
	{readonly changed: boolean}
>({
	name: 'tailscale.uninstall',
	purpose: 'removes a Tailscale that was installed from its static archive',
	as: 'root',
	timeoutMs: 120_000,
	fields: () => [],
	source: String.raw`${failFunction}
unit=/etc/systemd/system/tailscaled.service
if [ ! -f $unit ]; then
	echo 'changed no'
	exit 0
fi
systemctl disable --quiet --now tailscaled.service || fail 'tailscaled does not stop.'
for folder in /usr/sbin /usr/bin /usr/local/bin /opt/bin; do
	rm -f "$folder/tailscaled" "$folder/tailscale"
done
rm -rf /var/lib/tailscale /var/cache/tailscale
rm -f /etc/default/tailscaled
# The unit last: by it the next run knows that there is something to do.
rm -f $unit
systemctl daemon-reload
echo 'changed yes'
`,
	decode: ({stdout}) => ({
		changed: answerLines(stdout).one('changed') === 'yes',
	}),
});
