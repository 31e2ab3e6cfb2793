import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {classify} from '../../source/install/journal-signatures.js';

/** Lines as K3s, kubelet, flannel and etcd write them, and what they are to mean. */
const lines: ReadonlyArray<{
	readonly line: string;
	readonly cause: RegExp;
	readonly waitsFor?: string;
	readonly final?: boolean;
}> = [
	{
		line: String.raw`time="2026-10-01T10:00:00Z" level=error msg="failed to get CA certs: Get \"https://198.51.100.11:6443/cacerts\": dial tcp 198.51.100.11:6443: connect: connection refused"`,
		cause: /^waits for 198\.51\.100\.11:6443: it refuses the connection$/,
		waitsFor: '198.51.100.11:6443',
	},
	{
		line: String.raw`time="2026-10-01T10:00:00Z" level=error msg="failed to get CA certs: Get \"https://127.0.0.1:6444/cacerts\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"`,
		cause: /^waits for 127\.0\.0\.1:6444: it does not answer$/,
		waitsFor: '127.0.0.1:6444',
	},
	{
		line: String.raw`level=info msg="Waiting to retrieve agent configuration; server is not ready: Get \"https://[2001:db8::1]:6443/v1-k3s/serving-kubelet.crt\": dial tcp [2001:db8::1]:6443: i/o timeout"`,
		cause: /^waits for \[2001:db8::1\]:6443: it does not answer$/,
		waitsFor: '[2001:db8::1]:6443',
	},
	{
		line: String.raw`level=error msg="Failed to validate connection to cluster at https://203.0.113.9:6443: failed to get CA certs: Get \"https://203.0.113.9:6443/cacerts\": dial tcp 203.0.113.9:6443: connect: no route to host"`,
		cause:
			/^waits for 203\.0\.113\.9:6443: there is no way to it, or a firewall rejects it$/,
		waitsFor: '203.0.113.9:6443',
	},
	{
		line: 'level=info msg="Waiting to retrieve agent configuration; server is not ready: https://127.0.0.1:6444/v1-k3s/readyz: 500 Internal Server Error"',
		cause: /^waits for 127\.0\.0\.1:6444$/,
	},
	{
		line: 'level=info msg="Waiting to retrieve kube-proxy configuration; server is not ready"',
		cause: /until the server is ready/,
	},
	{
		line: 'level=fatal msg="Error: preparing server: failed to get CA certs: lookup k8s.example.org on 127.0.0.53:53: no such host"',
		cause: /^the name k8s\.example\.org cannot be resolved/,
	},
	{
		line: 'level=fatal msg="starting kubernetes: preparing server: token CA hash does not match the Cluster CA certificate hash: abc != def"',
		cause: /another cluster/,
		final: true,
	},
	{
		line: 'level=error msg="Node password rejected, duplicate hostname or contents of \'/etc/rancher/node/password\' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag"',
		cause: /another machine under this node name/,
		final: true,
	},
	{
		line: 'level=fatal msg="failed to find memory cgroup (v2)"',
		cause: /memory cgroup/,
		final: true,
	},
	{
		line: 'level=fatal msg="flannel exited: failed to register flannel network: could not create wireguard interface: operation not supported"',
		cause: /no WireGuard/,
		final: true,
	},
	{
		line: 'level=fatal msg="failed to get cluster response from https://10.0.0.5:2380/members: dial tcp 10.0.0.5:2380: i/o timeout"',
		cause: /^etcd on 10\.0\.0\.5:2380 does not answer/,
	},
	{
		line: 'level=fatal msg="critical configuration value mismatch between servers: FlannelBackend"',
		cause: /settings that must be the same/,
		final: true,
	},
	{
		line: String.raw`E1001 kubelet.go:1 "Failed" err="Node IP: \"203.0.113.4\" not found in the host's network interfaces"`,
		cause: /^203\.0\.113\.4 is on none of this machine's interfaces$/,
		final: true,
	},
	{
		line: 'level=error msg="tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2026-10-01T00:00:00Z"',
		cause: /clock is wrong/,
	},
	{
		line: 'level=fatal msg="starting kubernetes: listen tcp 0.0.0.0:6443: bind: address already in use"',
		cause: /another program holds/,
	},
	{
		line: 'level=error msg="failed to retrieve configuration from server: https://198.51.100.11:6443/v1-k3s/config: 401 Unauthorized"',
		cause: /refuses the token/,
	},
	{
		line: 'level=fatal msg="open /var/lib/rancher: no space left on device"',
		cause: /no space/,
	},
	{
		line: 'level=fatal msg="invalid kubelet config"',
		cause: /^K3s gave up: invalid kubelet config$/,
	},
];

describe('lines of the journal', () => {
	for (const {line, cause, waitsFor, final} of lines) {
		test(line.slice(0, 120), () => {
			const signature = classify(line);
			assert.match(signature?.cause ?? 'nothing', cause);
			assert.ok((signature?.tryNext.length ?? 0) > 0);
			assert.equal(signature?.final, final ?? false);
			if (waitsFor !== undefined) {
				assert.equal(signature?.waitsFor, waitsFor);
			}
		});
	}

	for (const line of [
		'',
		'time="2026-10-01T10:00:00Z" level=info msg="Starting k3s agent v1.36.3+k3s1"',
		'level=info msg="Running load balancer k3s-agent-load-balancer 127.0.0.1:6444 -> [198.51.100.11:6443]"',
		'level=info msg="Connecting to proxy" url="wss://198.51.100.11:6443/v1-k3s/connect"',
		'Starting Lightweight Kubernetes...',
	]) {
		test(`means nothing: ${line.slice(0, 60)}`, () => {
			assert.equal(classify(line), undefined);
		});
	}
});
