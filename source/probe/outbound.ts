import {bracketed, isAddress} from '../cluster/addresses.js';
import {goesDirect, proxyFor} from '../cluster/proxy.js';
import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Outbound, OutboundNeed} from '../facts/measurements.js';
import {tailscaleControlServer} from '../facts/control-servers.js';
import type {Relay} from '../facts/tailnet-measures.js';
import {isLoggedIn, tailnetOf} from '../mesh/tailnet.js';
import {tailscaleAddress} from './further-addresses.js';
import type {Report, Try} from './messages.js';
import {stationOf, tryAll, type Run, type Wanted} from './run.js';
import type {Station} from './station.js';

/** A service of the internet that the nodes need. */
export type Service = {
	readonly need: OutboundNeed;
	readonly speaks: Extract<Try, {what: 'service'}>['speaks'];
	/** Empty for the host's own time server. */
	readonly host: string;
	readonly port: number;
};

const registry = 'registry-1.docker.io';

const webPort = ({port, protocol}: Pick<URL, 'port' | 'protocol'>): number =>
	port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);

const hostOf = ({hostname}: URL): string => hostname.replace(/^\[(.*)]$/, '$1');

/** Is it reached without the cluster's proxy? */
const isDirect = ({proxy}: Cluster, host: string): boolean =>
	proxy === undefined || goesDirect(proxy.noProxy, host);

/**
 * What a node connects to for a URL: the place itself, or the proxy on the way there; it finds names of places then.
 * `undefined` for a proxy that the file does not hold.
 */
const connectedTo = (cluster: Cluster, url: URL): URL | undefined => {
	if (isDirect(cluster, hostOf(url))) {
		return url;
	}

	const source = proxyFor(cluster, url.protocol === 'http:' ? 'http' : 'https');
	return source !== undefined && 'url' in source
		? new URL(source.url)
		: undefined;
};

const controlUrl = (cluster: Cluster): URL =>
	new URL(tailnetOf(cluster).controlServer ?? tailscaleControlServer);

/** Where the nodes of a cluster must get out to. Tailscale counts when a node is in a tailnet already, or is to be. */
export const servicesNeeded = (
	cluster: Cluster,
	facts: ReadonlyMap<string, HostFacts>,
): readonly Service[] => {
	const {installScript, releases} = cluster.mirrors ?? {};
	const downloads = [
		new URL(installScript ?? 'https://get.k3s.io'),
		new URL(releases ?? 'https://github.com/k3s-io/k3s/releases'),
	];
	const controlServer =
		cluster.mesh.kind !== 'wireguard-native' ||
		[...facts.values()].some((one) => tailscaleAddress(one) !== undefined)
			? controlUrl(cluster)
			: undefined;
	const connect = (need: OutboundNeed, host: string, port = 443): Service => ({
		need,
		speaks: 'connect',
		host,
		port,
	});
	const web = (need: OutboundNeed, url: URL): readonly Service[] => {
		const place = connectedTo(cluster, url);
		return place === undefined
			? []
			: [connect(need, hostOf(place), webPort(place))];
	};

	const places = new Map(
		downloads
			.flatMap((url) => web('k3s-download', url))
			.map((service) => [`${service.host} ${service.port}`, service]),
	);
	const name = [...downloads.map((url) => hostOf(url)), registry].find(
		(host) => !isAddress(host) && isDirect(cluster, host),
	);
	// Nodes that get everything from here need nobody's downloads, nor the names of those who offer them.
	const isSent = cluster.airgap !== undefined;
	return [
		...(isSent
			? []
			: [
					...places.values(),
					...web('registry', new URL(`https://${registry}`)),
				]),
		...(controlServer === undefined
			? []
			: web('tailscale-control', controlServer)),
		...(isSent || name === undefined
			? []
			: [{need: 'dns', speaks: 'names', host: name, port: 53} as const]),
		{need: 'ntp', speaks: 'time', host: '', port: 123},
	];
};

const targetOf = (
	{need, host, port}: Service,
	{facts}: Station,
	asked: string | undefined,
): string => {
	switch (need) {
		case 'dns': {
			const [server] = facts.dnsServers;
			return server === undefined
				? `the name ${host}`
				: `the name ${host}, by ${server}`;
		}

		case 'ntp': {
			return `${asked ?? 'a time server'}:${port}`;
		}

		case 'tailscale-stun': {
			return `${bracketed(host)}:${port}, UDP`;
		}

		default: {
			const shown = bracketed(host);
			return port === 443 ? `https://${shown}` : `${shown}:${port}`;
		}
	}
};

const resultOf = (report: Report): Outbound['result'] => {
	switch (report.result) {
		case 'served': {
			return {kind: 'answered', ms: report.rtt};
		}

		case 'refused': {
			return {
				kind: 'refused',
				reason:
					report.by === null
						? report.reason
						: `${report.reason}, said ${report.by}`,
			};
		}

		case 'silent': {
			return {kind: 'silent'};
		}

		case 'unresolved': {
			return {kind: 'unresolved'};
		}

		default: {
			return {
				kind: 'unknown',
				reason:
					report.result === 'failed'
						? report.reason
						: 'the probe gave an answer to something else',
			};
		}
	}
};

/** Needs that a proxy serves. */
const viaProxy: ReadonlySet<OutboundNeed> = new Set([
	'k3s-download',
	'registry',
	'tailscale-control',
	'tailscale-relay',
	'dns',
]);

/** What nodes that are not in the tailnet yet need of its relays. */
const relayServices = (
	cluster: Cluster,
	relays: readonly Relay[],
): readonly Service[] => {
	const control = controlUrl(cluster);
	return relays.flatMap(({host, port, stunPort}) => [
		// A headscale's own relay is where it is itself, which is asked anyway; so is the proxy.
		...((host === hostOf(control) && port === webPort(control)) ||
		!isDirect(cluster, host)
			? []
			: [
					{
						need: 'tailscale-relay',
						speaks: 'connect',
						host,
						port,
					} as const,
				]),
		...(stunPort === undefined
			? []
			: [
					{
						need: 'tailscale-stun',
						speaks: 'stun',
						host,
						port: stunPort,
					} as const,
				]),
	]);
};

type Asked = {readonly from: string; readonly service: Service};

/** Asks from every node for what it needs of the internet. Takes no longer than silence does. */
export const measureOutbound = async (
	run: Run,
	onOutbound: (outbound: Outbound) => void,
): Promise<void> => {
	const {cluster, facts, relays} = run.input;
	const stations = [...run.starts].flatMap(([node, {station}]) =>
		station === undefined ? [] : [[node, station] as const],
	);
	const wantedOf = (services: readonly Service[]): Array<Wanted<Asked>> =>
		stations.flatMap(([from, {can, facts: host}]) =>
			services
				.filter(({speaks}) => can.services.includes(speaks))
				// A machine with a proxy of its own gets out by that, to where the probe cannot follow.
				.filter(
					({need}) =>
						cluster.proxy !== undefined ||
						host.proxy?.ofMachine !== true ||
						!viaProxy.has(need),
				)
				.map((service) => ({
					from,
					subject: {from, service},
					makeTry: (id: number): Try => ({
						id,
						what: 'service',
						speaks: service.speaks,
						protocol: service.speaks === 'connect' ? 'tcp' : 'udp',
						address: service.host,
						port: service.port,
					}),
				})),
		);
	const ask = async (wanted: ReadonlyArray<Wanted<Asked>>): Promise<void> => {
		await tryAll(run, wanted, ({from, service}, report) => {
			onOutbound({
				from,
				need: service.need,
				target: targetOf(service, stationOf(run, from)!, report.host),
				result: resultOf(report),
			});
		});
	};

	const askRelays = async (): Promise<void> => {
		const known = (await relays) ?? [];
		// Who is in the tailnet has all its relays tried by Tailscale itself.
		await ask(
			wantedOf(relayServices(cluster, known)).filter(
				({from}) => !isLoggedIn(facts.get(from)),
			),
		);
	};

	await Promise.all([
		ask(wantedOf(servicesNeeded(cluster, facts))),
		askRelays(),
	]);
};
