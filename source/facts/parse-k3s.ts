import type {K3sConfigFile, K3sFacts, ManifestFacts} from './host-facts.js';
import type {Sections} from './sections.js';

type Unit = {readonly loaded: boolean; readonly state: K3sFacts['unitState']};

const unitStates: ReadonlySet<string> = new Set([
	'active',
	'activating',
	'deactivating',
	'inactive',
	'failed',
]);

/** Reads `systemctl show` of several units: blocks of `Key=value`, by the unit's name. */
const readUnits = (lines: readonly string[]): ReadonlyMap<string, Unit> => {
	const units = new Map<string, Unit>();
	const add = (values: ReadonlyMap<string, string>): void => {
		const state = values.get('ActiveState') ?? '';
		units.set(values.get('Id') ?? '', {
			loaded: values.get('LoadState') === 'loaded',
			state: unitStates.has(state)
				? (state as K3sFacts['unitState'])
				: 'inactive',
		});
	};

	let values = new Map<string, string>();
	for (const line of [...lines, '']) {
		const at = line.indexOf('=');
		if (at > 0) {
			values.set(line.slice(0, at), line.slice(at + 1));
		} else if (values.size > 0) {
			add(values);
			values = new Map();
		}
	}

	return units;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

const parseJson = (lines: readonly string[]): unknown => {
	try {
		return JSON.parse(lines.join('\n'));
	} catch {
		return undefined;
	}
};

/** The MTU in a net-conf of flannel; `undefined` when there is none that can be read. */
const parseFlannelMtu = (lines: readonly string[]): number | undefined => {
	const conf = parseJson(lines);
	const backend = isRecord(conf) ? conf.Backend : undefined;
	const mtu = isRecord(backend) ? backend.MTU : undefined;
	return typeof mtu === 'number' && Number.isInteger(mtu) && mtu > 0
		? mtu
		: undefined;
};

/** What there is of K3s: a program, a unit, or config files that it would read. */
export const parseK3s = (sections: Sections): K3sFacts | undefined => {
	const units = readUnits(sections.lines('k3s_units'));
	const server = units.get('k3s.service');
	const agent = units.get('k3s-agent.service');
	const [program = '', ...versionLines] = sections.lines('k3s_version');
	const configFiles = sections
		.all('k3s_config')
		.map(([path = '', ...lines]): K3sConfigFile => ({
			path,
			text: lines.length === 0 ? '' : `${lines.join('\n')}\n`,
		}));
	// One machine has one role; should both units be there, the one that runs says which.
	const asAgent =
		agent?.loaded === true &&
		(server?.loaded !== true ||
			(server.state === 'inactive' && agent.state !== 'inactive'));
	const unit = asAgent ? agent : server;
	const installed = unit?.loaded === true;
	if (program === '' && !installed && configFiles.length === 0) {
		return undefined;
	}

	const role = asAgent ? 'agent' : 'server';
	const flannelMtu = parseFlannelMtu(sections.lines('k3s_flannel'));
	const hash = /^(?<hash>[\da-f]{64})\b/.exec(sections.first('k3s_ca'));
	return {
		role: installed ? role : undefined,
		version: versionLines
			.map((line) => /^k3s version (?<version>v\S+)/.exec(line))
			.find((match) => match !== null)?.groups!.version,
		unitState: installed ? unit.state : 'absent',
		configFiles,
		caHash: hash?.groups!.hash,
		...(flannelMtu !== undefined && {flannelMtu}),
	};
};

/** Reads our manifest on the host. `undefined` when there is none, or when it is not ours to understand. */
export const parseManifestFacts = (
	lines: readonly string[],
): ManifestFacts | undefined => {
	const value = parseJson(lines);
	if (!isRecord(value) || typeof value.cluster !== 'string') {
		return undefined;
	}

	const {cluster, files, appliedHash} = value;
	return {
		cluster,
		files: Object.fromEntries(
			Object.entries(isRecord(files) ? files : {}).filter(
				(entry): entry is [string, string] => typeof entry[1] === 'string',
			),
		),
		appliedHash: typeof appliedHash === 'string' ? appliedHash : undefined,
	};
};
