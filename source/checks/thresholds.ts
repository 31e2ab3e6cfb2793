const megabyte = 1_000_000;
const gigabyte = 1_000_000_000;

/**
 * Free space of a folder, in bytes. The binary has about 80 MB, and while it is replaced the old one is still there;
 * K3s unpacks about 300 MB and its images take about 700 MB.
 */
const diskBytes: Readonly<
	Record<string, {readonly warning: number; readonly error: number}>
> = {
	'/usr/local/bin': {warning: 200 * megabyte, error: 100 * megabyte},
	'/var/lib/rancher': {warning: 2 * gigabyte, error: 500 * megabyte},
	'/etc': {warning: 10 * megabyte, error: megabyte},
};

/** Every number that a rule compares with, and why it is that number. */
export const thresholds = {
	/**
	 * Median round trip between servers with embedded etcd, in ms. K3s's docs ask for one location. etcd writes wait for
	 * at least one round trip: above 10 ms two machines are hardly in one place, above 50 ms every write is felt.
	 */
	serverLatencyMs: {warning: 10, error: 50},
	/**
	 * Median round trip between an agent and a server (and between servers that keep the state in an external
	 * datastore), in ms: above the first kubectl answers with a delay that is noticed, above the second logs, exec and
	 * new pods feel slow. Ours; leases and health checks of Kubernetes stand far more.
	 */
	agentLatencyMs: {fair: 100, warning: 200},
	/**
	 * Median round trip between two agents, in ms: it carries the traffic of pods alone. Requests that call each other
	 * through services add up: above the first a page made of several is felt, above the second it is slow. Ours.
	 */
	podLatencyMs: {fair: 50, warning: 150},
	/** Lost packets of a pair, 0 to 1: TCP slows down a lot from a few per cent on, and crawls from a tenth on. Ours. */
	loss: {warning: 0.03, poor: 0.1},
	/**
	 * A node's clock against the median of all, in ms: certificates made now must be valid everywhere, and tokens have a
	 * time. The median, so that one clock in 1970 does not blame the others. Ours.
	 */
	clockSkewMs: {warning: 2000, error: 30_000},
	/**
	 * Memory, in bytes. The warning is the minimum of K3s's docs (2 GB for a server, 512 MB for an agent) less the tenth
	 * that kernels and firmware keep; below the error K3s does not come up at all.
	 */
	memoryBytes: {
		server: {warning: 1.8 * gigabyte, error: 450 * megabyte},
		agent: {warning: 460 * megabyte, error: 200 * megabyte},
	},
	/** CPUs of a server, by K3s's docs. */
	serverCpuCount: {info: 2},
	/** Free space of folders. */
	diskBytes,
	/** Outer packet, in bytes: with WireGuard's 80 taken off, 1280 must be left, which IPv6 asks for. */
	pathMtuBytes: {warning: 1360},
} as const;
