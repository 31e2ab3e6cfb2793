import {bracketed, isAddress} from '../cluster/addresses.js';
import type {Cluster} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import type {Outbound, OutboundNeed} from '../facts/measurements.js';
import {tailscaleAddress} from './further-addresses.js';
import type {Report, Try} from './messages.js';
import {stationOf, tryAll, type Run} from './run.js';
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
	const tailscale =
		cluster.mesh.kind.startsWith('tailscale') ||
		[...facts.values()].some((one) => tailscaleAddress(one) !== undefined);
	const connect = (need: OutboundNeed, host: string, port = 443): Service => ({
		need,
		speaks: 'connect',
		host,
		port,
	});
	const places = new Map(
		downloads.map(({hostname, port, protocol}) => {
			const host = hostname.replace(/^\[(.*)]$/, '$1');
			return [
				`${host} ${port}`,
				connect('k3s-download', host, webPort({port, protocol})),
			];
		}),
	);
	const names = [...places.values()].map(({host}) => host);
	return [
		...places.values(),
		connect('registry', registry),
		...(tailscale
			? [connect('tailscale-control', 'controlplane.tailscale.com')]
			: []),
		{
			need: 'dns',
			speaks: 'names',
			host: names.find((name) => !isAddress(name)) ?? registry,
			port: 53,
		},
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

/** Asks from every node for what it needs of the internet. Takes no longer than silence does. */
export const measureOutbound = async (
	run: Run,
	onOutbound: (outbound: Outbound) => void,
): Promise<void> => {
	const {cluster, facts} = run.input;
	const services = servicesNeeded(cluster, facts);
	const stations = [...run.starts].flatMap(([node, {station}]) =>
		station === undefined ? [] : [[node, station] as const],
	);
	const wanted = stations.flatMap(([from, {can}]) =>
		services
			.filter(({speaks}) => can.services.includes(speaks))
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
	await tryAll(run, wanted, ({from, service}, report) => {
		onOutbound({
			from,
			need: service.need,
			target: targetOf(service, stationOf(run, from)!, report.host),
			result: resultOf(report),
		});
	});
};
