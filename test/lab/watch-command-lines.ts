import type {Stage} from './support.js';

/** Where a node keeps them. */
export const commandLines = '/root/every-command-line';

const watcher = String.raw`
import glob, time
seen = set()
out = open("${commandLines}", "w", buffering=1)
while True:
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(name, "rb").read()
        except OSError:
            continue
        if words not in seen:
            seen.add(words)
            out.write(words.replace(b"\0", b" ").decode("utf-8", "replace") + "\n")
    time.sleep(0.02)
`;

/** Keeps the arguments of every process that any node has from now on, until the unit `watch-command-lines` is stopped. */
export const watchCommandLines = async ({lab}: Stage): Promise<void> => {
	for (const node of lab.nodes) {
		await node.exec([
			'systemd-run',
			'--unit=watch-command-lines',
			'python3',
			'-c',
			watcher,
		]);
	}
};
