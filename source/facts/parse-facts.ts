import {cloudOf} from './cloud.js';
import {
	probeToolNames,
	toolNames,
	type HostFacts,
	type ProbeToolName,
	type ToolName,
	type WireguardSupport,
} from './host-facts.js';
import {parseFirewall, parseForwarding} from './parse-firewall.js';
import {parseK3s, parseManifestFacts} from './parse-k3s.js';
import {
	parseAddresses,
	parseDnsServers,
	parseListening,
	parseRoutes,
	parseSockets,
} from './parse-network.js';
import {parseProxy} from './parse-proxy.js';
import {
	architectureOf,
	parseCgroup,
	parseClock,
	parseDisks,
	parseOsRelease,
	parseSshConnection,
} from './parse-system.js';
import {parseTailscaleFacts} from './parse-tailscale.js';
import {parseSections, wholeNumberOf} from './sections.js';

const keyValues = (lines: readonly string[]): ReadonlyMap<string, string> =>
	new Map(
		lines.map((line) => {
			const [key = '', ...rest] = line.split(' ');
			return [key, rest.join(' ')];
		}),
	);

const isInit = (name: string): name is 'systemd' | 'openrc' =>
	name === 'systemd' || name === 'openrc';

const isWireguard = (word: string): word is WireguardSupport =>
	word === 'available' || word === 'missing' || word === 'unknown';

const isProbeTool = (name: string): name is ProbeToolName =>
	(probeToolNames as readonly string[]).includes(name);

const selinuxOf = (enforce: string): HostFacts['selinux'] => {
	if (enforce === '') {
		return 'disabled';
	}

	return enforce === '1' ? 'enforcing' : 'permissive';
};

/**
 * Reads what the facts script printed. What a machine could not tell has the value that stands for that; the text
 * itself must be one that the script printed, or this throws.
 */
export const parseHostFacts = (text: string): HostFacts => {
	const sections = parseSections(text);
	const call = keyValues(sections.lines('call'));
	const [hostname = '', machine = '', kernel = ''] = sections.lines('identity');
	if (!call.has('clock') || hostname === '') {
		throw new Error('The machine answered nothing that can be read as facts.');
	}

	const init = sections.first('init');
	const wireguard = sections.first('wireguard');
	const memory = /(?<kilobytes>\d+) kB/.exec(sections.first('memory'));
	const tools = new Set(sections.lines('tools'));
	const python = sections.first('python');
	const privilege = sections.first('privilege');
	const refused = call.get('refused');
	const proxy = parseProxy(sections.lines('proxy'));
	return {
		hostname,
		machineId: sections.first('machine_id'),
		os: parseOsRelease(sections.lines('os_release')),
		machine,
		architecture: architectureOf(machine),
		kernel,
		init: isInit(init) ? init : 'other',
		cpuCount: wholeNumberOf(sections.first('cpu')) ?? 1,
		memoryBytes: Number(memory?.groups!.kilobytes ?? 0) * 1024,
		disks: parseDisks(sections.lines('disks'), sections.lines('mounts')),
		addresses: parseAddresses(
			sections.lines('addresses'),
			sections.lines('mtus'),
		),
		routes: parseRoutes(sections.lines('routes')),
		dnsServers: parseDnsServers(
			sections.lines('resolv'),
			sections.lines('resolved'),
		),
		clock: parseClock(call, sections.first('synchronized')),
		cgroup: parseCgroup(sections.first('cgroup')),
		wireguard: isWireguard(wireguard) ? wireguard : 'unknown',
		listening: [
			...parseListening(sections.lines('listening')),
			...parseSockets(sections.lines('sockets')),
		],
		firewall: parseFirewall(sections),
		forwarding: parseForwarding(sections),
		selinux: selinuxOf(sections.first('selinux')),
		k3s: parseK3s(sections),
		tailscale: parseTailscaleFacts(sections),
		cloud: cloudOf(sections.lines('dmi')),
		sshConnection: parseSshConnection(
			call.get('connection') ?? '',
			call.get('dialed') ?? '',
		),
		tools: Object.fromEntries(
			toolNames.map((name) => [name, tools.has(name)]),
		) as Record<ToolName, boolean>,
		python: python.startsWith('/') ? python : undefined,
		probeTools: Object.fromEntries(
			[...keyValues(sections.lines('probe_tools'))].filter(
				([name, path]) => isProbeTool(name) && path.startsWith('/'),
			),
		),
		privilege:
			privilege === 'root' || privilege === 'sudo' ? privilege : 'none',
		rootRefused: refused === '' ? undefined : refused,
		runningSteps: sections
			.lines('steps')
			.map((line) => line.trim().split(/\s+/)[0]!)
			// The unit that adds firewall rules after a boot stays active for good.
			.filter((name) => /^k3s-mesh-(?!firewall\.).+\.service$/.test(name)),
		manifest: parseManifestFacts(sections.lines('manifest')),
		...(proxy !== undefined && {proxy}),
	};
};
