import type {NatKind} from '../../checks/conclusions/conclusions.js';
import {thresholds} from '../../checks/thresholds.js';
import type {HostFacts} from '../../facts/host-facts.js';
import type {Outbound} from '../../facts/measurements.js';
import type {Netcheck} from '../../facts/tailnet-measures.js';
import {formatMs} from '../format.js';
import type {ChecksView} from './checks-view.js';
import {worstState, type CellState} from './matrix.js';
import type {EvidenceLine} from './evidence.js';
import {hostText} from './node-rows.js';

/** A row of the Hosts tab, as text, and what stands below it when it is chosen. */
export type HostCheckRow = {
	readonly name: string;
	readonly state: CellState;
	/** The rung of the probe ladder. */
	readonly probe: string;
	readonly system: string;
	readonly firewall: string;
	readonly nat: string;
	readonly clock: string;
	readonly outbound: string;
	readonly mtu: string;
	readonly details: readonly EvidenceLine[];
};

const nothing = '–';

export const natTitles: Readonly<Record<NatKind, string>> = {
	none: 'none',
	'one-to-one': '1:1',
	'port-restricted': 'port-restricted',
	symmetric: 'symmetric',
	'carrier-grade': 'carrier-grade',
	unknown: 'unknown',
};

const needTitles: Readonly<Record<Outbound['need'], string>> = {
	'k3s-download': 'K3s download',
	registry: 'registry',
	'tailscale-control': 'Tailscale',
	'tailscale-relay': 'relay',
	'tailscale-stun': 'relay, UDP',
	dns: 'DNS',
	ntp: 'time',
};

/** A clock's distance from the others, short: `+12ms`, `-4.2s`, `+2h05m`. */
export const skewText = (ms: number): string => {
	const sign = ms < 0 ? '-' : '+';
	const size = Math.abs(ms);
	if (size < 1000) {
		return `${sign}${Math.round(size)}ms`;
	}

	if (size < 100_000) {
		return `${sign}${(size / 1000).toFixed(1)}s`;
	}

	return size < 7_200_000
		? `${sign}${Math.round(size / 60_000)}min`
		: size < 172_800_000
			? `${sign}${Math.round(size / 3_600_000)}h`
			: `${sign}${Math.round(size / 86_400_000)}d`;
};

const skewState = (ms: number | undefined): CellState => {
	const size = Math.abs(ms ?? 0);
	return size >= thresholds.clockSkewMs.error
		? 'bad'
		: size >= thresholds.clockSkewMs.warning
			? 'warning'
			: 'good';
};

const outboundText = ({need, target, result}: Outbound): EvidenceLine => {
	const title = `${needTitles[need].padEnd(12)} ${target}`;
	switch (result.kind) {
		case 'answered': {
			return {
				state: 'good',
				text: `${title}  answered in ${formatMs(result.ms)} ms`,
			};
		}

		case 'refused': {
			return {state: 'warning', text: `${title}  refused (${result.reason})`};
		}

		case 'silent': {
			return {state: 'warning', text: `${title}  no answer`};
		}

		case 'unresolved': {
			return {state: 'warning', text: `${title}  the name has no address`};
		}

		case 'unknown': {
			return {state: 'none', text: `${title}  not known: ${result.reason}`};
		}
	}
};

/** What the node's own Tailscale finds of its ways out. */
const netcheckLine = (netcheck: Netcheck): EvidenceLine => {
	const {udp, mappingVaries, relays, captivePortal} = netcheck;
	return {
		state: udp && relays.length > 0 && !captivePortal ? 'good' : 'warning',
		text: `Tailscale    ${[
			udp ? 'UDP gets out' : 'no UDP gets out',
			...(mappingVaries === undefined
				? []
				: [
						mappingVaries
							? 'a port for each target'
							: 'one port for all targets',
					]),
			...(captivePortal ? ['a captive portal answers'] : []),
			relays.length === 0
				? 'no relay answers'
				: `relay ${relays[0]!.region} in ${formatMs(relays[0]!.ms)} ms`,
		].join(', ')}`,
	};
};

const outboundSummary = (tries: readonly Outbound[]): string => {
	const judged = tries.filter(({result}) => result.kind !== 'unknown');
	const good = judged.filter(({result}) => result.kind === 'answered').length;
	return judged.length === 0 ? nothing : `${good}/${judged.length}`;
};

const firewallText = ({firewall}: HostFacts): string =>
	firewall.kind === 'none'
		? 'none'
		: `${firewall.kind}${firewall.active ? '' : ' off'}`;

const firewallLine = (host: HostFacts): EvidenceLine => {
	const {firewall} = host;
	return {
		state: undefined,
		text:
			firewall.kind === 'none'
				? 'firewall     none on the machine itself'
				: `firewall     ${firewall.kind}, ${
						firewall.active
							? firewall.defaultDeny
								? 'on; what no rule names is dropped or rejected'
								: 'on; what no rule names may pass'
							: 'not on'
					}`,
	};
};

/** The rows of the Hosts tab. */
export const hostCheckRows = (
	view: ChecksView,
	facts: ReadonlyMap<string, HostFacts>,
): readonly HostCheckRow[] =>
	view.names.map((name): HostCheckRow => {
		const host = facts.get(name);
		const station = view.stations.get(name);
		const nat = view.conclusions.nat.get(name);
		const skew = view.conclusions.clockSkewMs.get(name);
		const mtu = view.conclusions.meshMtu.get(name);
		const netcheck = view.measurements.netchecks.find(
			({node}) => node === name,
		);
		const tries = view.measurements.outbound.filter(({from}) => from === name);
		// What is about a path is told on the other tabs.
		const found = view.findings
			.flatMap(({members}) => members)
			.filter(
				({nodes, ignored, severity}) =>
					nodes.length === 1 &&
					nodes[0] === name &&
					!ignored &&
					severity !== 'info',
			);
		const details: EvidenceLine[] = [
			...(station?.problem === undefined
				? []
				: [
						{
							state: 'warning',
							text: `can not be measured from: ${station.problem}`,
						} as const,
					]),
			...found.map(
				({id, severity}) =>
					({
						state: severity === 'error' ? 'bad' : 'warning',
						text: `${id} (see Findings)`,
					}) as const,
			),
			...(station?.interpreter === undefined
				? []
				: [
						{
							state: undefined,
							text: `measures by  ${station.interpreter}`,
						} as const,
					]),
			...(host === undefined
				? []
				: [
						{
							state: undefined,
							text: `system       ${host.os.prettyName}, kernel ${host.kernel}`,
						} as const,
						firewallLine(host),
						{
							state: skewState(skew),
							text: `clock        ${skew === undefined ? 'not compared' : `${skewText(skew)} from the median of all nodes`}${
								host.clock.synchronized === undefined
									? ''
									: host.clock.synchronized
										? ', kept by a time service'
										: ', no time service keeps it'
							}`,
						} as const,
					]),
			...(nat === undefined
				? []
				: [
						{
							state: undefined,
							text: `NAT          ${natTitles[nat.kind]}${nat.publicAddress === undefined ? '' : `, seen as ${nat.publicAddress}`}${nat.layersHint === undefined ? '' : `; ${nat.layersHint}`}`,
						} as const,
						...nat.evidence.map(
							(text) =>
								({state: undefined, text: `             ${text}`}) as const,
						),
					]),
			...(mtu === undefined
				? []
				: [
						{
							state: undefined,
							text: `mesh MTU     ${mtu} bytes`,
						} as const,
					]),
			...(netcheck === undefined ? [] : [netcheckLine(netcheck)]),
			...tries.map((tried) => outboundText(tried)),
		];
		const states: readonly CellState[] = [
			...(host === undefined ? (['waiting'] as const) : (['good'] as const)),
			...(station?.problem === undefined ? [] : (['warning'] as const)),
			...found.map(({severity}) =>
				severity === 'error' ? ('bad' as const) : ('warning' as const),
			),
		];
		return {
			name,
			state: worstState(states),
			probe:
				station === undefined
					? nothing
					: (station.rung ??
						(station.problem === undefined ? nothing : 'none')),
			system: host === undefined ? nothing : hostText(host),
			firewall: host === undefined ? nothing : firewallText(host),
			nat: nat === undefined ? nothing : natTitles[nat.kind],
			clock: skew === undefined ? nothing : skewText(skew),
			outbound: outboundSummary(tries),
			mtu: mtu === undefined ? nothing : String(mtu),
			details,
		};
	});
