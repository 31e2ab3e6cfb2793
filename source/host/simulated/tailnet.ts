import {addressFamily} from '../../cluster/addresses.js';
import type {
	InterfaceAddress,
	TailscaleFacts,
	TailscalePeer,
} from '../../facts/host-facts.js';
import {tailnetInterface, tailnetMtu} from '../../mesh/tailnet.js';
import type {Netcheck} from '../../facts/tailnet-measures.js';
import {isSameControlServer} from '../../facts/control-servers.js';
import type {Machine, RegisteredNode} from './machine.js';
import type {Scene} from './scene.js';

/** Tailscale as it is when it has just been installed. */
export const freshTailscale: TailscaleFacts = {
	version: '1.92.3',
	state: 'NeedsLogin',
	tun: true,
	id: undefined,
	addresses: [],
	tailnet: undefined,
	controlServer: undefined,
	dnsName: undefined,
	tags: [],
	keyExpiresAt: undefined,
	advertisedRoutes: [],
	approvedRoutes: [],
	acceptsRoutes: false,
	acceptsDns: true,
	usesExitNode: false,
	ownPreferences: [],
	peers: [],
	health: [],
};

/** The address that the tailnet gives a machine. */
export const tailnetAddressOf = (scene: Scene, machine: Machine): string =>
	`100.64.0.${scene.machines.indexOf(machine) + 1}`;

const isIn = ({tailscale}: Machine): boolean => tailscale?.state === 'Running';

/** Are two machines in one tailnet? Then they reach each other, by a relay when not directly. */
export const shareTailnet = (one: Machine, other: Machine): boolean =>
	isIn(one) &&
	isIn(other) &&
	isSameControlServer(
		one.tailscale?.controlServer,
		other.tailscale?.controlServer,
	);

/** Do Tailscale's packets between two machines need a relay? Two routers that have a port for every target never meet. */
export const isRelayed = (one: Machine, other: Machine): boolean =>
	one.spec.nat === 'symmetric' &&
	other.spec.nat !== undefined &&
	other.spec.nat !== 'one-to-one';

/** The machine that has this address in the tailnet of another one. */
export const machineInTailnet = (
	scene: Scene,
	from: Machine,
	address: string,
): Machine | undefined =>
	scene.machines.find(
		(machine) =>
			(machine === from || shareTailnet(from, machine)) &&
			machine.tailscale?.addresses.includes(address) === true,
	);

/** Does a node of a cluster talk to others by its address in the tailnet? */
export const usesTailnet = ({machine, internalIp}: RegisteredNode): boolean =>
	isIn(machine) && machine.tailscale!.addresses.includes(internalIp);

const peerOf = (from: Machine, machine: Machine): TailscalePeer => {
	const {addresses, approvedRoutes, dnsName} = machine.tailscale!;
	const relayed = isRelayed(from, machine) || isRelayed(machine, from);
	return {
		name: dnsName ?? machine.spec.hostname,
		addresses,
		allowedIps: [
			...addresses.map((address) => `${address}/32`),
			...approvedRoutes,
		],
		online: true,
		directAddress: relayed ? undefined : `${machine.spec.externalIp}:41641`,
		relay: 'fra',
	};
};

/** The addresses on the interface of the tailnet, once the machine is in one. */
export const tailnetAddresses = (
	machine: Machine,
): readonly InterfaceAddress[] =>
	isIn(machine)
		? machine.tailscale!.addresses.map((address) => {
				const family = addressFamily(address);
				return {
					device: tailnetInterface,
					address,
					prefix: family === 4 ? 32 : 128,
					family,
					mtu: tailnetMtu,
				};
			})
		: [];

/** What a machine's Tailscale finds of its ways out; the one relay is as far from it as we are. */
export const netcheckOf = ({spec}: Machine): Netcheck => {
	const isOut = spec.offline !== true;
	return {
		udp: isOut,
		ipv6: false,
		mappingVaries: isOut ? spec.nat === 'symmetric' : undefined,
		seenAs: isOut ? spec.externalIp : undefined,
		relays: isOut ? [{region: 'fra', ms: spec.rttMs}] : [],
		preferred: isOut ? 'fra' : undefined,
		captivePortal: isOut ? undefined : false,
	};
};

/** What a machine's Tailscale says now. */
export const tailscaleNow = (
	scene: Scene,
	machine: Machine,
): TailscaleFacts | undefined =>
	machine.tailscale && {
		...machine.tailscale,
		peers: scene.machines
			.filter((other) => other !== machine && shareTailnet(machine, other))
			.map((other) => peerOf(machine, other)),
	};
