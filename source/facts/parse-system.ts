import type {
	Architecture,
	ClockFacts,
	DiskFacts,
	HostFacts,
	SshConnectionFacts,
} from './host-facts.js';
import {wholeNumberOf} from './sections.js';

/** Reads os-release: shell assignments, quoted or not. */
export const parseOsRelease = (lines: readonly string[]): HostFacts['os'] => {
	const values = new Map<string, string>();
	for (const line of lines) {
		const match = /^(?<key>[A-Z_]+)=(?<value>.*)$/.exec(line.trim());
		if (match) {
			const {key, value} = match.groups as {key: string; value: string};
			values.set(
				key,
				value
					.replace(/^(?<quote>["'])(?<inner>.*)\k<quote>$/, '$<inner>')
					.replaceAll(/\\(?<character>["$'\\`])/g, '$<character>'),
			);
		}
	}

	const id = values.get('ID') ?? 'linux';
	const versionId = values.get('VERSION_ID') ?? '';
	return {
		id,
		versionId,
		prettyName: values.get('PRETTY_NAME') ?? `${id} ${versionId}`.trim(),
	};
};

/** `uname -m` in K3s's names; 32-bit ARM needs version 7. */
export const architectureOf = (machine: string): Architecture | undefined => {
	switch (machine) {
		case 'x86_64':
		case 'amd64': {
			return 'amd64';
		}

		case 'aarch64':
		case 'arm64': {
			return 'arm64';
		}

		case 's390x':
		case 'riscv64': {
			return machine;
		}

		default: {
			return /^armv[78]/.test(machine) ? 'arm' : undefined;
		}
	}
};

/** `\040` and the like, as /proc/mounts writes blanks. */
const unescapeMount = (text: string): string =>
	text.replaceAll(/\\(?<octal>[0-7]{3})/g, (_, octal: string) =>
		String.fromCodePoint(Number.parseInt(octal, 8)),
	);

/** Reads lines of a wanted folder and `df -Pk` of it, with /proc/mounts for what is read-only. */
export const parseDisks = (
	lines: readonly string[],
	mountLines: readonly string[],
): DiskFacts[] => {
	const readOnly = new Map<string, boolean>();
	for (const line of mountLines) {
		const [, mountPoint = '', , options = ''] = line.split(' ');
		// The last mount on a folder is the one that is seen.
		readOnly.set(unescapeMount(mountPoint), options.split(',').includes('ro'));
	}

	const disks: DiskFacts[] = [];
	for (const line of lines) {
		const match =
			/^(?<path>\/\S*) .*?\s\d+\s+-?\d+\s+(?<free>-?\d+)\s+(?:\d+%|-)\s+(?<mount>\/.*)$/.exec(
				line,
			);
		if (match) {
			const {path, free, mount} = match.groups as {
				path: string;
				free: string;
				mount: string;
			};
			disks.push({
				path,
				freeBytes: Math.max(0, Number(free)) * 1024,
				readOnly: readOnly.get(mount) ?? false,
			});
		}
	}

	return disks;
};

/** Reads the controllers of cgroup v2, or the memory line of /proc/cgroups. */
export const parseCgroup = (line: string): HostFacts['cgroup'] => {
	const words = line.split(/\s+/);
	return words[0] === 'v2'
		? {version: 2, memory: words.includes('memory')}
		: {version: 1, memory: words[0] === 'memory' && words.at(-1) === '1'};
};

/** Puts the clocks side by side. Times are ms, the host's clock came as seconds with a fraction, or without one. */
export const parseClock = (
	values: ReadonlyMap<string, string>,
	synchronized: string,
): ClockFacts => {
	const match = /^(?<seconds>\d+)(?:\.(?<fraction>\d{1,9}))?/.exec(
		values.get('clock') ?? '',
	);
	const sent = Number(values.get('sent') ?? Number.NaN);
	const rtt = Number(values.get('rtt') ?? Number.NaN);
	// Without a fraction the middle of the second is the best guess.
	const fraction = match?.groups?.fraction;
	const unixMs =
		match === null
			? Number.NaN
			: Number(match.groups!.seconds) * 1000 +
				(fraction === undefined
					? 500
					: Math.floor(Number(`0.${fraction}`) * 1000));
	const offset = unixMs - sent - rtt / 2;
	const said = /^(?:yes|no)$/i.exec(synchronized)?.[0].toLowerCase();
	return {
		unixMs: Number.isFinite(unixMs) ? unixMs : 0,
		offsetMs: Number.isFinite(offset) ? Math.round(offset) : 0,
		synchronized: said === undefined ? undefined : said === 'yes',
	};
};

/** Reads `SSH_CONNECTION`. */
export const parseSshConnection = (
	text: string,
	dialed: string,
): SshConnectionFacts | undefined => {
	const [clientAddress = '', clientPort, serverAddress = '', serverPort] = text
		.trim()
		.split(' ');
	const [from, to] = [wholeNumberOf(clientPort), wholeNumberOf(serverPort)];
	return from === undefined || to === undefined
		? undefined
		: {
				clientAddress,
				clientPort: from,
				serverAddress,
				serverPort: to,
				...(dialed === '' ? {} : {dialedAddress: dialed}),
			};
};
