import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {journalRules} from '../../source/install/journal-rules/index.js';
import {classify} from '../../source/install/journal-signatures.js';

/** Lines as K3s, kubelet, flannel and etcd write them, and what they are to mean. */
const lines: ReadonlyArray<{
	readonly line: string;
	readonly cause: RegExp;
	readonly waitsFor?: string;
	readonly final?: boolean;
	/** Does it tell of another node than the one whose journal it is in? */
	readonly ofOther?: boolean;
	/** What one of the next steps must say. */
	readonly next?: RegExp;
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
		cause: /another machine under the name nuc/,
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
		line: 'level=error msg="error while creating: rpc error: code = Unknown desc = database or disk is full"',
		cause: /no space/,
	},
	// From here on, lines as the programs write them: most from reports of people, some put together from what the
	// programs are known to say. Addresses are for documentation.
	{
		line: 'time="2021-07-29T06:42:37.109627641-04:00" level=error msg="token CA hash does not match the Cluster CA certificate hash: f08676bf4f7418e46f692f21543118417d2698b7f758027b352dd87cfd6de3ab != 8e7d49c6991960d1a116415d9506f0a15ea3e278538c173b1d9965b62727267d"',
		cause: /another cluster/,
		final: true,
	},
	{
		line: `time="2022-08-30T14:00:20Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag"`,
		cause: /another machine under the name nuc/,
		next: /kubectl delete node nuc/,
		final: true,
	},
	{
		line: 'level=fatal msg="starting kubernetes: preparing server: start managed database: joining etcd cluster: etcd cluster join failed: duplicate node name found, please use a unique name for this node"',
		cause: /^etcd has a member named nuc already$/,
		next: /kubectl delete node nuc/,
		final: true,
	},
	{
		line: 'FATA[0000] failed to find memory cgroup (v2)',
		cause: /^the kernel has no memory cgroup/,
		next: /cgroup_enable=memory/,
		final: true,
	},
	{
		line: 'time="2024-10-24T21:37:47+08:00" level=error msg="flannel exited: failed to register flannel network: could not create wireguard interface: operation not supported"',
		cause: /no WireGuard/,
		final: true,
	},
	{
		line: 'modprobe: FATAL: Module wireguard not found in directory /lib/modules/4.18.0-513.9.1.el8_9.x86_64',
		cause: /no WireGuard/,
		next: /kernel-modules-extra/,
		final: true,
	},
	{
		line: 'WARN[0000] critical configuration mismatched: secrets-encryption',
		cause: /^secrets-encryption is set otherwise than on the other servers/,
		next: /secrets-encryption in a config\.yaml/,
		final: true,
	},
	{
		line: 'level=warning msg="Critical configuration mismatched: disable network policy"',
		cause: /^disable network policy is set otherwise/,
		final: true,
	},
	{
		line: 'FATA[0000] starting kubernetes: preparing server: failed to validate server configuration: critical configuration value mismatch between servers',
		cause: /settings that must be the same/,
		final: true,
	},
	{
		line: 'time="2021-12-14T04:01:42.255414880Z" level=fatal msg="starting kubernetes: preparing server: unable to join cluster due to critical configuration value mismatch"',
		cause: /settings that must be the same/,
		final: true,
	},
	{
		line: 'level=fatal msg="starting kubernetes: preparing server: bootstrap data already found and encrypted with different token"',
		cause: /another server token/,
		final: true,
	},
	{
		line: 'Unable to connect to the server: x509: certificate has expired or is not yet valid: current time 2021-04-01T14:43:32+02:00 is before 2021-04-01T15:31:09Z',
		cause:
			/^a certificate is valid only from 2021-04-01T15:31:09Z, and it is 2021-04-01T14:43:32\+02:00 on this machine: a clock is wrong$/,
		next: /clock of nuc/,
	},
	{
		line: 'x509: certificate has expired or is not yet valid: current time 2021-04-26T10:18:22+02:00 is after 2021-04-07T03:12:06Z',
		cause: /^a certificate was valid until 2021-04-07T03:12:06Z/,
	},
	{
		line: 'E0919 10:50:50.932898   20682 authentication.go:53] Unable to authenticate the request due to an error: x509: certificate has expired or is not yet valid',
		cause: /a clock is wrong/,
	},
	{
		line: 'level=error msg="failed to get CA certs: Get "https://203.0.113.9:6443/cacerts": tls: failed to verify certificate: x509: certificate is valid for 10.43.0.1, 127.0.0.1, 198.51.100.11, ::1, not 203.0.113.9"',
		cause: /certificate is not made for the address/,
		next: /tls-san/,
	},
	{
		line: String.raw`"Failed to set some node status fields" err="failed to validate nodeIP: node IP: \"10.0.8.57\" not found in the host's network interfaces" node="nuc"`,
		cause: /^10\.0\.8\.57 is on none of this machine's interfaces$/,
		final: true,
	},
	{
		line: String.raw`{"level":"warn","ts":"2023-09-26T16:30:17.987383+0200","caller":"etcdserver/cluster_util.go:79","msg":"failed to get cluster response","address":"https://192.168.100.91:2380/members","error":"Get \"https://192.168.100.91:2380/members\": EOF"}`,
		cause: /^etcd on 192\.168\.100\.91:2380 does not answer/,
		next: /TCP 2379 and 2380/,
	},
	{
		line: 'level=fatal msg="ETCD join failed: etcdserver: too many learner members in cluster"',
		cause: /another server is just joining etcd/,
	},
	{
		line: 'level=fatal msg="starting kubernetes: preparing server: start managed database: joining etcd cluster: etcd cluster join failed: context deadline exceeded"',
		cause: /members of etcd do not agree in time/,
	},
	{
		line: 'level=fatal msg="Error starting load balancer: listen tcp 127.0.0.1:6444: bind: address already in use"',
		cause: /^another program holds port 6444/,
		next: /sport = :6444/,
	},
	{
		line: 'level=fatal msg="starting kubernetes: preparing server: init cluster datastore and https: listen tcp :6443: bind: address already in use"',
		cause: /^another program holds port 6443/,
		next: /either k3s or k3s-agent/,
	},
	{
		line: 'apiserver exited: failed to create listener: failed to listen on 127.0.0.1:6444: listen tcp 127.0.0.1:6444: bind: cannot assign requested address',
		cause: /^K3s is to listen on 127\.0\.0\.1:6444/,
		final: true,
	},
	{
		line: 'I0617 16:18:42.080925 3814777 eviction_manager.go:381] "Eviction manager: attempting to reclaim" resourceName="ephemeral-storage"',
		cause: /disk pressure/,
		next: /Free some space/,
	},
	{
		line: 'W1016 09:50:55.056703 17144 eviction_manager.go:331] eviction manager: attempting to reclaim memory',
		cause: /memory runs out/,
	},
	{
		line: 'time="2024-02-02T13:48:27Z" level=warning msg="SELinux is enabled for k3s but process is not running in context \'container_runtime_t\', k3s-selinux policy may need to be applied"',
		cause: /SELinux context/,
		next: /k3s-selinux/,
	},
	{
		line: '[ERROR]  Failed to apply container_runtime_exec_t to /usr/local/bin/k3s, please install:',
		cause: /SELinux policy of K3s is not installed/,
		final: true,
	},
	{
		line: String.raw`time="2025-09-22T14:23:06Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: \"overlayfs\" snapshotter cannot be enabled for \"/var/lib/rancher/k3s/agent/containerd\", try using \"fuse-overlayfs\" or \"native\": failed to mount overlay: invalid argument"`,
		cause: /file system under \/var\/lib\/rancher/,
		final: true,
	},
	{
		line: 'systemd[1]: Failed at step EXEC spawning /usr/local/bin/k3s: Exec format error',
		cause: /another processor architecture/,
		final: true,
	},
	{
		line: 'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/rook/ceph:v1.0.6": failed to unpack image on snapshotter overlayfs: no match for platform in manifest sha256:6c4475a7dc2c: not found',
		cause: /^docker\.io\/rook\/ceph:v1\.0\.6 does not exist for the processor/,
	},
	{
		line: 'rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/jaegertracing/all-in-one@sha256:8d0b": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/jaegertracing/all-in-one/manifests/sha256:8d0b: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.',
		cause:
			/^registry-1\.docker\.io refuses docker\.io\/jaegertracing\/all-in-one: its limit of pulls/,
		next: /registries\.yaml/,
	},
	{
		line: String.raw`E1204 10:00:00.123914  127296 kuberuntime_sandbox.go:68] "Failed to create sandbox for pod" err="rpc error: code = Unknown desc = failed to get sandbox image \"rancher/mirrored-pause:3.6\": failed to pull image \"rancher/mirrored-pause:3.6\": failed to pull and unpack image \"docker.io/rancher/mirrored-pause:3.6\": failed to resolve reference \"docker.io/rancher/mirrored-pause:3.6\": failed to do request: Head \"https://registry-1.docker.io/v2/rancher/mirrored-pause/manifests/3.6\": dial tcp 203.0.113.53:443: connect: connection refused"`,
		cause:
			/^rancher\/mirrored-pause:3\.6 cannot be fetched: registry-1\.docker\.io cannot be reached/,
		next: /curl -I https:\/\/registry-1\.docker\.io\/v2\//,
	},
	{
		line: 'time="2023-07-22T18:17:10+08:00" level=warning msg="Failed to load kernel module br_netfilter with modprobe"',
		cause: /^K3s could not load the kernel module br_netfilter$/,
		next: /modprobe br_netfilter/,
	},
	{
		line: "iptables v1.8.6 (nf_tables): Couldn't find match `conntrack'",
		cause: /connection tracking/,
	},
	{
		line: 'level=fatal msg="no default routes found in "/proc/net/route" or "/proc/net/ipv6_route""',
		cause: /no default route/,
		final: true,
	},
	{
		line: String.raw`level=error msg="failed to get CA certs: Get \"https://198.51.100.11:6443/cacerts\": proxyconnect tcp: dial tcp 203.0.113.3:3128: connect: connection refused"`,
		cause: /an HTTP proxy stands between/,
		next: /NO_PROXY/,
	},
	{
		line: 'level=fatal msg="starting kubernetes: failed to get CA certs: failed to retrieve configuration from server: not authorized"',
		cause: /refuses the token/,
	},
	{
		line: 'level=fatal msg="invalid kubelet config"',
		cause: /^K3s gave up: invalid kubelet config$/,
	},
	{
		// K3s 4174, 8381: its own client writes the address, the path and the status.
		line: 'ERRO[2021-10-07T14:07:28.302430882+01:00] token is not valid: https://198.51.100.11:6443/apis: 401 Unauthorized',
		cause: /^the server refuses the token$/,
	},
	{
		line: 'level=info msg="Waiting to retrieve agent configuration; server is not ready: failed to get CA certs: https://127.0.0.1:6444/cacerts: 401 Unauthorized"',
		cause: /^the server refuses the token$/,
	},
	{
		// K3s 2787.
		line: String.raw`E0107 21:31:22.850050   15803 pod_workers.go:191] Error syncing pod 3c8b5ed2 ("app_project-production(3c8b5ed2)"), skipping: failed to "StartContainer" for "app" with ErrImagePull: "rpc error: code = Unknown desc = failed to pull and unpack image \"my.registry.tld/some/image:latest\": failed to resolve reference \"my.registry.tld/some/image:latest\": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized"`,
		cause:
			/^my\.registry\.tld does not give out my\.registry\.tld\/some\/image:latest: it wants a login/,
		next: /registries\.yaml/,
	},
	{
		// containerd 4862.
		line: String.raw`time="2020-12-17T12:21:09.724485713-05:00" level=error msg="PullImage \"my.private.repo:8444/kube-apiserver:v1.18.8\" failed" error="failed to pull and unpack image \"my.private.repo:8444/kube-apiserver:v1.18.8\": failed to resolve reference \"my.private.repo:8444/kube-apiserver:v1.18.8\": unexpected status code [manifests v1.18.8]: 401 Unauthorized"`,
		cause:
			/^my\.private\.repo:8444 does not give out my\.private\.repo:8444\/kube-apiserver:v1\.18\.8: it wants a login/,
		next: /registries\.yaml/,
	},
	{
		line: 'failed to pull and unpack image "registry.lan/app:1": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry.lan/v2/app/blobs/sha256:8d0b: 401 Unauthorized',
		cause: /^registry\.lan does not give out registry\.lan\/app:1/,
	},
	{
		// containerd 5246.
		line: 'failed to pull and unpack image "docker.io/me/app:1": failed to resolve reference "docker.io/me/app:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
		cause: /^docker\.io does not give out docker\.io\/me\/app:1/,
		next: /name of the image/,
	},
	{
		// K3s 12326.
		line: 'time="2025-05-13T08:58:00.914367996+08:00" level=info msg="trying next host" error="pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials" host="10.111.160.21:39435"',
		cause: /^the registry does not give out an image: it wants a login/,
	},
	{
		// K3s 12009: the server answers so, too, while it starts.
		line: 'time="2025-03-22T13:37:06Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: /var/lib/rancher/k3s/agent/serving-kubelet.crt: https://127.0.0.1:6444/v1-k3s/serving-kubelet.crt: 503 Service Unavailable"',
		cause:
			/^waits for 127\.0\.0\.1:6444: it, or an HTTP proxy on the way to it, answers 503 Service Unavailable$/,
		waitsFor: '127.0.0.1:6444',
		next: /NO_PROXY/,
	},
	{
		// K3s 11418: on the server, about another node.
		line: 'time="2024-12-06T17:28:14Z" level=error msg="Sending HTTP 502 response to 127.0.0.1:39310: failed to find Session for client kubenode06"',
		cause: /^kubenode06 has no tunnel to this server/,
		next: /systemctl restart k3s-agent on kubenode06/,
		ofOther: true,
	},
	{
		// K3s 6430.
		line: 'time="2022-11-09T04:36:35Z" level=warning msg="Server has flannel-external-ip flag set but this node does not set node-external-ip. Flannel will use internal address when connecting to this node."',
		cause: /^flannel knows no external address of this node/,
		next: /externalIp/,
	},
	{
		// K3s 11166 has the beginning, flannel's pkg/backend/wireguard/device.go the rest.
		line: 'level=error msg="flannel exited: failed to register flannel network: failed to set up the route: failed to set interface flannel-wg to UP state: address already in use"',
		cause: /^something else holds the UDP port of flannel-wg/,
		next: /ss -lun/,
	},
	{
		// tke 1279: the same for VXLAN.
		line: 'E0510 07:52:45.456025       1 main.go:280] Error registering network: failed to configure interface flannel.1: failed to set interface flannel.1 to UP state: address already in use',
		cause: /^something else holds the UDP port of flannel\.1/,
	},
	{
		// K3s 7781.
		line: String.raw`time="2023-06-16T07:46:28Z" level=fatal msg="tailscale up failed: backend error: invalid key: API key kE7PfU6CNTRL not valid\n: exit status 1"`,
		cause: /^Tailscale refused the key/,
		next: /reusable key/,
	},
	{
		// K3s 10729.
		line: String.raw`level=fatal msg="tailscale up failed: backend error: invalid key: API key does not exist\n: exit status 1"`,
		cause: /^Tailscale refused the key/,
	},
	{
		// K3s 11279, 12830: for whoever was logged in before.
		line: String.raw`level=fatal msg="tailscale up failed: can't change --login-server without --force-reauth\n: exit status 1"`,
		cause:
			/^tailscale up failed on this machine: can't change --login-server without --force-reauth$/,
		next: /tailscale status/,
	},
	{
		line: 'level=fatal msg="tailscale up failed: exit status 1"',
		cause: /^tailscale up failed on this machine: exit status 1$/,
	},
	{
		// As Go words it for UDP.
		line: 'level=error msg="listen udp 0.0.0.0:8472: bind: address already in use"',
		cause: /^another program holds a port/,
		next: /ss -ltunp/,
	},
	{
		// K3s 727, 882.
		line: 'time="2019-08-10T09:20:00.946800772+08:00" level=error msg="Remotedialer proxy error" error="dial tcp 10.156.0.2:6443: connect: connection timed out"',
		cause: /^waits for 10\.156\.0\.2:6443: it does not answer$/,
		waitsFor: '10.156.0.2:6443',
	},
	{
		line: 'level=error msg="Remotedialer proxy error" error="dial tcp 10.156.0.2:6443: i/o timeout"',
		cause: /^waits for 10\.156\.0\.2:6443: it does not answer$/,
		waitsFor: '10.156.0.2:6443',
	},
];

describe('lines of the journal', () => {
	for (const {line, cause, waitsFor, final, ofOther, next} of lines) {
		test(line.slice(0, 120), () => {
			const signature = classify(line, 'nuc');
			assert.match(signature?.cause ?? 'nothing', cause);
			assert.ok((signature?.tryNext.length ?? 0) > 0);
			if (next !== undefined) {
				assert.match(signature?.tryNext.join('\n') ?? '', next);
			}

			assert.equal(signature?.final, final ?? false);
			assert.equal(signature?.ofOther, ofOther ?? false);
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
		// A server that refuses somebody else's token is in order itself: K3s's pkg/server/auth, pkg/util, issue 2310.
		'time="2026-10-01T10:00:00Z" level=error msg="Sending HTTP 401 response to 10.0.0.7:51946: not authorized"',
		'time="2026-10-01T10:00:00Z" level=error msg="Failed to authenticate request from 10.0.1.170:51946: invalid username/password combination"',
		'E1001 10:00:00.000000 4711 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, service account token has expired]"',
		'E1001 10:00:00.000000 4711 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, service account token is not valid yet]"',
		// Certificates of its own, not the token.
		'E1001 10:00:00.000000 4711 reflector.go:158] "Unhandled Error" err="failed to list *v1.Node: Unauthorized"',
	]) {
		test(`means nothing: ${line.slice(0, 60)}`, () => {
			assert.equal(classify(line, 'nuc'), undefined);
		});
	}

	test('each rule is the first that matches one of them', () => {
		const reached = new Set(
			lines.map(({line}) =>
				journalRules.find(({pattern}) => pattern.test(line)),
			),
		);
		assert.deepEqual(
			journalRules
				.filter((rule) => !reached.has(rule))
				.map(({pattern}) => pattern.source),
			[],
		);
	});
});
