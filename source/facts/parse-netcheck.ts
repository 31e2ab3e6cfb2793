import {z} from 'zod';
import {lenient} from './lenient.js';
import type {Netcheck} from './tailnet-measures.js';

const flag = lenient(z.boolean());
const endpoint = lenient(z.string().regex(/^[\d.:[\]a-f]+$/i));

/** `Report` of net/netcheck, as `tailscale netcheck` prints it; its authors call the format not yet stable. */
const reportSchema = z.object({
	UDP: flag,
	IPv6: flag,
	MappingVariesByDestIP: flag,
	PreferredDERP: lenient(z.number()),
	/** Go's durations: nanoseconds, by number of the region. */
	RegionLatency: lenient(z.record(z.string(), lenient(z.number().min(0)))),
	GlobalV4: endpoint,
	GlobalV6: endpoint,
	CaptivePortal: flag,
});

const nanosecondsInMs = 1_000_000;

/** The address of an `address:port`; Go writes an empty text where there is none. */
const withoutPort = (text = ''): string | undefined =>
	text === ''
		? undefined
		: text.replace(/:\d+$/, '').replace(/^\[(.*)]$/, '$1');

/**
 * Reads what `tailscale netcheck --format=json-line` prints; `undefined` when that is no report. `regionCodes` has the
 * short names of the relays' regions by their numbers; one without a name goes by its number.
 */
export const parseNetcheck = (
	json: string,
	regionCodes: ReadonlyMap<string, string>,
): Netcheck | undefined => {
	let data: unknown;
	try {
		data = JSON.parse(json);
	} catch {
		return undefined;
	}

	const report = reportSchema.safeParse(data).data;
	if (report?.UDP === undefined) {
		return undefined;
	}

	const regionOf = (number: string): string =>
		regionCodes.get(number) ?? number;
	const {PreferredDERP: preferred = 0} = report;
	return {
		udp: report.UDP,
		ipv6: report.IPv6 === true,
		mappingVaries: report.MappingVariesByDestIP,
		seenAs: withoutPort(report.GlobalV4) ?? withoutPort(report.GlobalV6),
		relays: Object.entries(report.RegionLatency ?? {})
			.flatMap(([number, latency]) =>
				latency === undefined
					? []
					: [{region: regionOf(number), ms: latency / nanosecondsInMs}],
			)
			.toSorted((one, other) => one.ms - other.ms),
		preferred: preferred === 0 ? undefined : regionOf(String(preferred)),
		captivePortal: report.CaptivePortal,
	};
};
