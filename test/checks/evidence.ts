import {
	type Cell,
	type Latency,
	type Measurements,
	type NatObservation,
	type PortToPort,
	type Verdict,
	noMeasurements,
} from '../../source/facts/measurements.js';
import type {AddressKind} from '../../source/mesh/mesh.js';

export const open: Verdict = {kind: 'open', rttMs: 2};
export const filtered: Verdict = {kind: 'filtered'};

/** A cell of one direction; WireGuard on external addresses unless said otherwise. */
export const cell = (
	from: string,
	to: string,
	verdict: Verdict,
	rest: Partial<Cell['path']> & Pick<Partial<Cell>, 'observedSource'> = {},
): Cell => {
	const {observedSource, ...path} = rest;
	return {
		path: {
			from,
			to,
			addressKind: 'external',
			address: `address of ${to}`,
			protocol: 'udp',
			port: 51_820,
			...path,
		},
		verdict,
		sent: 5,
		answered: verdict.kind === 'open' ? 5 : 0,
		observedSource,
	};
};

/** A cell of the kubelet's port on internal addresses. */
export const internal = (
	from: string,
	to: string,
	verdict: Verdict,
	observedSource?: string,
): Cell =>
	cell(from, to, verdict, {
		addressKind: 'internal',
		protocol: 'tcp',
		port: 10_250,
		observedSource,
	});

/** How `to` saw what `from` sent from its port 51820: `ADDRESS:PORT`. */
export const seenAs = (
	from: string,
	to: string,
	source: string,
	localPort = 51_820,
): NatObservation => {
	const at = source.lastIndexOf(':');
	return {
		from,
		to,
		address: `address of ${to}`,
		localPort,
		observedAddress: source.slice(0, at),
		observedPort: Number(source.slice(at + 1)),
	};
};

/** A try from mesh port to mesh port, with what the far side saw. */
export const punched = (
	from: string,
	to: string,
	observedSource?: string,
): PortToPort => ({
	from,
	to,
	address: `address of ${to}`,
	port: 51_820,
	answered: observedSource !== undefined,
	observedSource,
});

export const roundTrip = (
	from: string,
	to: string,
	medianMs: number,
	rest: Partial<Latency> & {readonly addressKind?: AddressKind} = {},
): Latency => ({
	from,
	to,
	addressKind: 'internal',
	address: `address of ${to}`,
	minMs: medianMs,
	medianMs,
	p95Ms: medianMs,
	jitterMs: 0,
	loss: 0,
	samples: 20,
	...rest,
});

export const evidence = (parts: Partial<Measurements>): Measurements => ({
	...noMeasurements,
	...parts,
});
