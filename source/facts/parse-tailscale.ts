import {z} from 'zod';
import {tailscaleControlServer} from './control-servers.js';
import {tailscaleStates, type TailscaleFacts} from './host-facts.js';
import {lenient} from './lenient.js';
import type {Sections} from './sections.js';

/** Names come from other machines of the tailnet: what could move a cursor does not come along. */
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u001F\u007F-\u009F]/g;

const text = lenient(
	z.string().transform((value) => value.replaceAll(controls, '') || undefined),
);
const texts = lenient(
	z
		.array(text)
		.transform((values) => values.filter((value) => value !== undefined)),
);
const flag = lenient(z.boolean());

/** `PeerStatus` of ipn/ipnstate: the machine itself and each other one. Fields differ between versions: none is required. */
const machine = z.object({
	ID: text,
	HostName: text,
	DNSName: text,
	TailscaleIPs: texts,
	AllowedIPs: texts,
	Tags: texts,
	PrimaryRoutes: texts,
	CurAddr: text,
	PeerRelay: text,
	Relay: text,
	Online: flag,
	KeyExpiry: text,
});

type Machine = z.output<typeof machine>;

/** `Status` of ipn/ipnstate, as `tailscale status --json` prints it. */
const statusSchema = z.object({
	Version: text,
	TUN: flag,
	BackendState: text,
	TailscaleIPs: texts,
	Self: lenient(machine),
	ExitNodeStatus: lenient(z.object({})),
	Health: texts,
	MagicDNSSuffix: text,
	CurrentTailnet: lenient(z.object({Name: text})),
	Peer: lenient(z.record(z.string(), lenient(machine))),
});

/** `Prefs` of ipn, as `tailscale debug prefs` prints them. */
const prefsSchema = z.object({
	ControlURL: text,
	RouteAll: flag,
	CorpDNS: flag,
	ExitNodeID: text,
	ExitNodeIP: text,
	ExitNodeAllowLANAccess: flag,
	RunSSH: flag,
	RunWebClient: flag,
	ShieldsUp: flag,
	AdvertiseRoutes: texts,
	NoSNAT: flag,
	NetfilterMode: lenient(z.number()),
	OperatorUser: text,
	PostureChecking: flag,
	AppConnector: lenient(z.object({Advertise: flag})),
});

type Prefs = z.output<typeof prefsSchema>;

/** Tailscale's number for "all rules of the firewall are mine", the default. */
const netfilterOn = 2;

const readAs = <Value>(
	schema: z.ZodType<Value>,
	json: string,
): Value | undefined => {
	try {
		return schema.safeParse(JSON.parse(json)).data;
	} catch {
		return undefined;
	}
};

const isState = (value: string): value is TailscaleFacts['state'] =>
	(tailscaleStates as readonly string[]).includes(value);

const isEverything = (route: string): boolean => route.endsWith('/0');

const usesExitNode = (prefs: Prefs | undefined): boolean =>
	(prefs?.ExitNodeID ?? prefs?.ExitNodeIP) !== undefined;

/** What somebody set that `tailscale up --reset` would take away, by the names of its options. */
const ownPreferences = (prefs: Prefs): readonly string[] =>
	Object.entries({
		ssh: prefs.RunSSH,
		'exit-node': usesExitNode(prefs),
		'exit-node-allow-lan-access': prefs.ExitNodeAllowLANAccess,
		'advertise-exit-node': prefs.AdvertiseRoutes?.some((route) =>
			isEverything(route),
		),
		'advertise-connector': prefs.AppConnector?.Advertise,
		'shields-up': prefs.ShieldsUp,
		'snat-subnet-routes': prefs.NoSNAT,
		'netfilter-mode':
			prefs.NetfilterMode !== undefined && prefs.NetfilterMode !== netfilterOn,
		operator: prefs.OperatorUser !== undefined,
		webclient: prefs.RunWebClient,
		'report-posture': prefs.PostureChecking,
	})
		.filter(([, isSet]) => isSet === true)
		.map(([name]) => name);

const withoutDot = (name: string | undefined): string | undefined =>
	name?.replace(/\.$/, '');

/** Go's zero time stands for none. */
const expiryOf = (keyExpiry: string | undefined): number | undefined => {
	const time = Date.parse(keyExpiry ?? '');
	return time > 0 ? time : undefined;
};

/** What the control server lets a machine route: its own addresses are no routes. */
const approvedRoutes = ({
	PrimaryRoutes,
	AllowedIPs,
	TailscaleIPs,
}: Machine): readonly string[] => {
	const own = new Set(
		TailscaleIPs?.flatMap((address) => [`${address}/32`, `${address}/128`]),
	);
	return [
		...new Set([
			...(PrimaryRoutes ?? []),
			...(AllowedIPs ?? []).filter((route) => !own.has(route)),
		]),
	];
};

/**
 * Reads what Tailscale says about itself: `tailscale status --json`, `tailscale debug prefs` and, for a tailscaled that
 * does not answer, `tailscale version`. All three are lenient: what is missing, broken or of another version is unknown,
 * and a status that cannot be read at all is that of a tailscaled that does not answer.
 */
export const parseTailscale = (
	statusJson: string,
	prefsJson: string,
	version: string,
): TailscaleFacts => {
	const status = readAs(statusSchema, statusJson);
	const prefs = readAs(prefsSchema, prefsJson);
	const self = status?.Self;
	const state = status?.BackendState ?? '';
	return {
		version: /\d+\.\d+\.\d+/.exec(status?.Version ?? version)?.[0],
		state: isState(state) ? state : 'unreachable',
		tun: status?.TUN ?? true,
		id: self?.ID,
		addresses: self?.TailscaleIPs ?? status?.TailscaleIPs ?? [],
		tailnet: status?.CurrentTailnet?.Name ?? status?.MagicDNSSuffix,
		controlServer:
			prefs === undefined
				? undefined
				: (prefs.ControlURL ?? tailscaleControlServer),
		dnsName: withoutDot(self?.DNSName),
		tags: self?.Tags ?? [],
		keyExpiresAt: expiryOf(self?.KeyExpiry),
		advertisedRoutes: prefs?.AdvertiseRoutes ?? [],
		approvedRoutes: self === undefined ? [] : approvedRoutes(self),
		acceptsRoutes: prefs?.RouteAll === true,
		acceptsDns: prefs?.CorpDNS === true,
		usesExitNode: status?.ExitNodeStatus !== undefined || usesExitNode(prefs),
		ownPreferences: prefs === undefined ? [] : ownPreferences(prefs),
		peers: Object.values(status?.Peer ?? {})
			.filter((peer) => peer !== undefined)
			.map((peer) => ({
				name: withoutDot(peer.DNSName) ?? peer.HostName ?? '',
				addresses: peer.TailscaleIPs ?? [],
				allowedIps: peer.AllowedIPs ?? [],
				online: peer.Online === true,
				directAddress: peer.CurAddr,
				peerRelay: peer.PeerRelay,
				relay: peer.Relay,
			})),
		health: status?.Health ?? [],
	};
};

/** What the facts script found of Tailscale; `undefined` when it is not installed. */
export const parseTailscaleFacts = (
	sections: Sections,
): TailscaleFacts | undefined => {
	const [program = '', ...status] = sections.lines('tailscale_status');
	return program === ''
		? undefined
		: parseTailscale(
				status.join('\n'),
				sections.lines('tailscale_prefs').join('\n'),
				sections.first('tailscale_version'),
			);
};
