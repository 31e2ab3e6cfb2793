import {z} from 'zod';
import {
	tailscaleControlServer,
	isSameControlServer,
} from '../facts/control-servers.js';
import type {Relay} from '../facts/tailnet-measures.js';
import type {CallOptions} from './control-plane.js';
import {makeSend, type Send} from './http.js';

/** How long the question may take, in ms: nodes wait for the answer before they try the relays. */
const limitMs = 5000;

/** So many relays are asked: two, so that one that is down is not taken for a firewall. */
const asked = 2;

/** The port of STUN (RFC 5389, 9), where a relay says no other. */
const stunPort = 3478;

/** `DERPMap` of tailcfg, as far as it is read. */
const derpMap = z.object({
	Regions: z.record(
		z.string(),
		z.object({
			Avoid: z.boolean().optional(),
			NoMeasureNoHome: z.boolean().optional(),
			Nodes: z
				.array(
					z.object({
						HostName: z.string(),
						DERPPort: z.number().optional(),
						STUNPort: z.number().optional(),
						STUNOnly: z.boolean().optional(),
					}),
				)
				.nullish(),
		}),
	),
});

/** A port of the map: Go leaves out what has its usual value, or writes zero. */
const portOf = (value: number | undefined, usual: number): number =>
	value === undefined || value === 0 ? usual : value;

/** One relay of each of the first regions that are for everybody; a port of -1 stands for none. */
export const relaysIn = (text: string): readonly Relay[] =>
	Object.entries(derpMap.parse(JSON.parse(text)).Regions)
		.toSorted(([one], [other]) => Number(one) - Number(other))
		.flatMap(([, {Avoid, NoMeasureNoHome, Nodes}]) => {
			const node = Nodes?.find(({STUNOnly}) => STUNOnly !== true);
			return node === undefined || Avoid === true || NoMeasureNoHome === true
				? []
				: [
						{
							host: node.HostName,
							port: portOf(node.DERPPort, 443),
							stunPort:
								node.STUNPort === -1
									? undefined
									: portOf(node.STUNPort, stunPort),
						},
					];
		})
		.slice(0, asked);

/** Which server's relays are looked for, and the certificate of an authority that signed its own, in PEM form. */
export type RelaySource = {
	readonly controlServer: string | undefined;
	readonly authority: string | undefined;
};

const ask = async (url: URL, send: Send, {signal}: CallOptions) =>
	send({method: 'GET', url, headers: {}}, {signal, timeoutMs: limitMs});

/**
 * The relays of a tailnet that its nodes must reach, as far as they are known to somebody who is not logged in: some of
 * Tailscale's own, which publishes them; of a headscale the one that is built into it, which answers like any relay
 * (`/derp/probe`). Others are known to its nodes alone. Throws a `ControlError` when nobody answers.
 */
export const findRelays = async (
	{controlServer, authority}: RelaySource,
	options: CallOptions,
): Promise<readonly Relay[]> => {
	const send = makeSend(authority);
	if (isSameControlServer(controlServer, undefined)) {
		const {status, text} = await ask(
			new URL('/derpmap/default', tailscaleControlServer),
			send,
			options,
		);
		return status === 200 ? relaysIn(text) : [];
	}

	const base = new URL(controlServer!);
	const {status} = await ask(new URL('/derp/probe', base), send, options);
	return status === 200
		? [
				{
					host: base.hostname.replace(/^\[(.*)]$/, '$1'),
					port: base.port === '' ? 443 : Number(base.port),
					stunPort,
				},
			]
		: [];
};
