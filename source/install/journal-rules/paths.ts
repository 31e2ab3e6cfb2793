import {openPort, type JournalRule} from './rule.js';

/** The way from a node to its server. */
export const pathRules: readonly JournalRule[] = [
	{
		// Issue 12009.
		pattern: /proxyconnect tcp/i,
		cause: 'an HTTP proxy stands between this machine and the server',
		tryNext: [
			'Put the addresses of the nodes and the pod and service networks into NO_PROXY on that machine.',
		],
	},
	{
		pattern:
			/https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)[^ ]*:.*connection refused|dial tcp ((?:[\d.]+|\[[\da-f:]+\]):\d+): connect: connection refused/i,
		cause: 'waits for',
		tryNext: [
			'Nothing listens there, or a firewall rejects it: look whether K3s runs on the server, and whether the address is right.',
		],
		endpoint: 1,
	},
	{
		pattern:
			/lookup ([\w.-]+)(?: on [^ ]+)?: (?:no such host|server misbehaving|.*i\/o timeout)/i,
		cause: ({match}) =>
			`the name ${match[1]} cannot be resolved on this machine`,
		tryNext: [
			'Use an address or a name that every node can resolve as apiEndpoint.',
		],
	},
	{
		// Issue 12009; a server that starts answers so, too.
		pattern:
			/https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)\/\S*: 503 Service Unavailable/i,
		cause: 'waits for',
		tryNext: [
			'If that machine uses an HTTP proxy: put the addresses of the nodes (100.64.0.0/10, too, with Tailscale) and the pod and service networks into NO_PROXY there.',
			'Otherwise look at the log of the server: it answers so until it is ready.',
		],
		endpoint: 1,
	},
	{
		// Issues 4174, 8381. A server that refuses somebody else writes `Sending HTTP 401 response to`: not its own cause.
		pattern:
			/https:\/\/(?:[\w.-]+|\[[\da-f:]+\])(?::\d+)?\/(?:cacerts|apis|v1-k3s\/\S*): 401 Unauthorized|^(?!.*Sending HTTP).*(?:\bnot authorized\b|invalid token (?:format|CA hash length))/i,
		cause: 'the server refuses the token',
		tryNext: [
			'Run the same command again: the token is read from the server each time.',
			'If the server was installed anew, check that its address leads to that server.',
		],
	},
	{
		pattern:
			/https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)[^ ]*:.*(?:i\/o timeout|context deadline exceeded|Client\.Timeout|no route to host|network is unreachable|connection reset|EOF|TLS handshake timeout)/i,
		cause: 'waits for',
		tryNext: [openPort('TCP to that address and port')],
		endpoint: 1,
	},
	{
		pattern:
			/dial tcp ((?:[\d.]+|\[[\da-f:]+\]):\d+): (?:i\/o timeout|connect: no route to host|connect: network is unreachable|connect: connection timed out)/i,
		cause: 'waits for',
		tryNext: [openPort('TCP to that address and port')],
		endpoint: 1,
	},
	{
		pattern:
			/Waiting to retrieve (?:agent|kube-proxy) configuration; server is not ready:.*https:\/\/((?:[\w.-]+|\[[\da-f:]+\]):\d+)/i,
		cause: 'waits for',
		tryNext: [
			'Look at the log of the server: it has to be ready before others can join.',
		],
		endpoint: 1,
	},
	{
		pattern:
			/Waiting to retrieve (?:agent|kube-proxy) configuration; server is not ready/i,
		cause: 'waits until the server is ready',
		tryNext: [
			'Look at the log of the server: it has to be ready before others can join.',
		],
	},
];
