import {z} from 'zod';
import {mesh, role, severity} from './words.js';

const path = {
	from: z
		.string()
		.describe('the node that sends; "this machine" is where the command ran'),
	to: z.string().describe('the node that should answer'),
	addressKind: mesh.addressKind,
	address: z.string(),
	protocol: mesh.protocol,
	port: z.number().int(),
};

const verdict = z.discriminatedUnion('kind', [
	z.object({
		kind: z.literal('open').describe("an answer carried the run's token"),
		rttMs: z.number(),
	}),
	z.object({
		kind: z.literal('reached').describe('arrival was shown without an answer'),
	}),
	z.object({
		kind: z.literal('refused'),
		by: z.string().optional().describe('the address of the box that refused'),
		reason: z
			.string()
			.describe('connection refused, or the ICMP type such as host-prohibited'),
	}),
	z.object({kind: z.literal('filtered').describe('silence')}),
	z.object({
		kind: z.literal('wrong-host').describe('another machine answered'),
		answeredBy: z.string().optional(),
	}),
	z.object({
		kind: z.literal('in-use').describe('another program holds the port'),
		process: z.string().optional(),
		live: z
			.object({
				arrives: z.boolean(),
				evidence: z.string().describe('for people'),
			})
			.optional()
			.describe('what the running service showed on this very path'),
	}),
	z.object({
		kind: z.literal('unknown').describe('could not be tried'),
		reason: z.string(),
	}),
]);

const cell = z.object({
	...path,
	need: z
		.enum(['required', 'recommended', 'none'])
		.describe('none: nothing needs this path, whatever became of it'),
	verdict,
	sent: z.number().int().describe('packets or connections'),
	answered: z.number().int(),
	observedSource: z
		.string()
		.optional()
		.describe('the source address:port that the far side saw'),
});

const latency = z.object({
	from: path.from,
	to: path.to,
	addressKind: path.addressKind,
	address: path.address,
	minMs: z.number(),
	medianMs: z.number(),
	p95Ms: z.number(),
	jitterMs: z
		.number()
		.describe('mean difference between one round trip and the next'),
	loss: z.number().min(0).max(1),
	samples: z.number().int(),
	grade: z.enum(['good', 'fair', 'poor']),
	reason: z.string().describe('why this grade, for people'),
});

const outboundResult = z.discriminatedUnion('kind', [
	z.object({kind: z.literal('answered'), ms: z.number()}),
	z.object({kind: z.literal('refused'), reason: z.string()}),
	z.object({kind: z.literal('silent')}),
	z.object({
		kind: z.literal('unresolved').describe('the name has no address there'),
	}),
	z.object({kind: z.literal('unknown'), reason: z.string()}),
]);

const netcheck = z.object({
	udp: z.boolean().describe('UDP gets out and an answer comes back'),
	ipv6: z.boolean().describe('the same by IPv6'),
	mappingVaries: z
		.boolean()
		.optional()
		.describe('a NAT gives it another port for each target'),
	seenAs: z.string().optional().describe('its address as the relays see it'),
	relays: z
		.array(z.object({region: z.string(), ms: z.number()}))
		.readonly()
		.describe('the relays that answer, the nearest first'),
	preferred: z.string().optional().describe('the region that it would choose'),
	captivePortal: z
		.boolean()
		.optional()
		.describe('somebody answers in the place of web servers'),
});

const tailnetPath = z.object({
	from: path.from,
	to: path.to,
	address: path.address,
	way: z.discriminatedUnion('kind', [
		z.object({
			kind: z.literal('direct'),
			endpoint: z.string().describe('where the other node is reached'),
			rttMs: z.number().optional(),
		}),
		z.object({
			kind: z.literal('relayed'),
			relay: z.string().describe('such as DERP(fra)'),
			rttMs: z.number().optional(),
		}),
		z.object({
			kind: z.literal('silent'),
			reason: z.string().describe("Tailscale's own words"),
		}),
	]),
});

const node = z.object({
	name: z.string(),
	role,
	externalIp: z.string().optional(),
	internalIp: z.string().optional(),
	reached: z.boolean(),
	problem: z.string().optional().describe('why it was not reached'),
	tryNext: z.array(z.string()).readonly().optional(),
	os: z.string().optional(),
	architecture: z.string().optional(),
	kernel: z.string().optional(),
	k3s: z.string().optional().describe('version of the K3s that is there'),
	firewall: z
		.string()
		.optional()
		.describe('ufw, firewalld, nftables, iptables; none when none is on'),
	clockOffsetMs: z
		.number()
		.optional()
		.describe('its clock minus that of this machine'),
	clockSkewMs: z
		.number()
		.optional()
		.describe('its clock minus the median of all nodes'),
	probe: z
		.object({
			rung: z
				.string()
				.optional()
				.describe('python3, platform-python, perl, socat, nc or counters'),
			interpreter: z.string().optional(),
			problem: z.string().optional(),
		})
		.optional()
		.describe('what measured on it, or why nothing could'),
	nat: z
		.object({
			kind: z.enum([
				'none',
				'one-to-one',
				'port-restricted',
				'symmetric',
				'carrier-grade',
				'unknown',
			]),
			publicAddress: z.string().optional(),
			evidence: z.array(z.string()).readonly(),
			layersHint: z.string().optional(),
		})
		.optional(),
	netcheck: netcheck
		.optional()
		.describe('what its own Tailscale finds, where it is in a tailnet'),
	meshMtu: z
		.number()
		.int()
		.optional()
		.describe('MTU for its mesh interface, in bytes'),
});

const finding = z.object({
	id: z.string(),
	severity,
	message: z.string(),
	nodes: z.array(z.string()).readonly(),
	fixes: z.array(z.string()).readonly(),
	source: z.string(),
	ignored: z.boolean().describe('overridden by --ignore or by the file'),
});

const fix = z.object({
	node: z.string(),
	firewall: z.enum(['ufw', 'firewalld', 'nftables', 'iptables']),
	lines: z
		.array(z.string())
		.readonly()
		.describe('what --fix runs there, as a person would type it'),
	paths: z.array(z.object(path)).readonly(),
	outcome: z
		.discriminatedUnion('kind', [
			z.object({
				kind: z.literal('opened'),
				earlier: z
					.string()
					.optional()
					.describe('what the host told of an earlier change'),
			}),
			z.object({
				kind: z
					.literal('already')
					.describe('all lines were there: something else closes the path'),
			}),
			z.object({
				kind: z
					.literal('rolled-back')
					.describe('the host was not reached afterwards and took them back'),
				message: z.string(),
			}),
			z.object({
				kind: z
					.literal('stuck')
					.describe('lines that were to be taken back are still there'),
				message: z.string(),
				tryNext: z.array(z.string()).readonly(),
			}),
			z.object({
				kind: z.literal('failed'),
				message: z.string(),
				tryNext: z.array(z.string()).readonly(),
			}),
		])
		.optional()
		.describe('only with --fix'),
});

/** What `check --json` prints; with `--watch` one object a line. */
export const checkSchema = z.object({
	format: z.literal('k3s-mesh-tui/check/1'),
	at: z.number().describe('when the measuring ended, ms since 1970'),
	cluster: z.string(),
	nodes: z.array(node).readonly(),
	sites: z
		.array(z.object({name: z.string(), nodes: z.array(z.string()).readonly()}))
		.readonly()
		.describe('nodes that reach each other on internal addresses'),
	cells: z
		.array(cell)
		.readonly()
		.describe('the matrix: one direction, one address, one port each'),
	latencies: z.array(latency).readonly(),
	pathMtus: z
		.array(
			z.object({
				from: path.from,
				to: path.to,
				address: path.address,
				bytes: z.number().int().describe('the largest IP packet that passed'),
			}),
		)
		.readonly(),
	nat: z
		.array(
			z.object({
				from: path.from,
				to: path.to,
				address: path.address,
				localPort: z.number().int(),
				observedAddress: z.string(),
				observedPort: z.number().int(),
			}),
		)
		.readonly()
		.describe('the source under which packets of one socket arrived'),
	portToPort: z
		.array(
			z.object({
				from: path.from,
				to: path.to,
				address: path.address,
				port: path.port,
				answered: z.boolean(),
				observedSource: z.string().optional(),
			}),
		)
		.readonly()
		.describe('both sides sent at the same time, from mesh port to mesh port'),
	tailnetPaths: z
		.array(tailnetPath)
		.readonly()
		.describe('the way that Tailscale takes between nodes of one tailnet'),
	outbound: z
		.array(
			z.object({
				from: path.from,
				need: z.enum([
					'k3s-download',
					'registry',
					'tailscale-control',
					'tailscale-relay',
					'tailscale-stun',
					'dns',
					'ntp',
				]),
				target: z.string(),
				result: outboundResult,
			}),
		)
		.readonly(),
	oneWay: z
		.array(
			z.object({
				from: z.string().describe('the direction that is open'),
				to: z.string(),
				addressKind: mesh.addressKind,
				protocol: mesh.protocol,
				port: z.number().int(),
			}),
		)
		.readonly(),
	etcd: z
		.object({
			allowed: z.boolean(),
			reason: z.string().describe('for people'),
			among: z
				.array(z.string())
				.readonly()
				.describe('the servers that may share it'),
		})
		.optional()
		.describe('may the servers keep embedded etcd between them?'),
	findings: z.array(finding).readonly(),
	fixes: z
		.array(fix)
		.readonly()
		.describe('what opens closed paths on the firewalls of the hosts'),
});

export type CheckJson = z.infer<typeof checkSchema>;
