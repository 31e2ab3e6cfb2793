import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Node, skipReason, temporaryFolder} from './harness.js';

const skip = skipReason();
const ports = {api: 6443, kubelet: 10_250, etcdClient: 2379, etcdPeer: 2380};

type Shown = Readonly<{
	values: Readonly<Record<string, unknown>>;
	sources: Readonly<Record<string, string>>;
}>;

function shown(
	node: Node,
	arguments_: readonly string[],
	environment: NodeJS.ProcessEnv = {},
): Shown {
	const {code, stdout, stderr} = node.run(['double-config', ...arguments_], {
		environment,
	});
	assert.equal(code, 0, stderr);
	return JSON.parse(stdout) as Shown;
}

test(
	'drop-ins follow the main file: the last value wins, lists replace, a key with + appends',
	{skip},
	(context) => {
		const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
		node.configure({
			token: 'short-secret',
			'node-label': ['a=1'],
			'tls-san': ['one.example.org'],
			'flannel-backend': 'host-gw',
		});
		node.configure(
			{'tls-san': ['two.example.org'], 'node-label+': ['b=2']},
			{name: '10-first.yaml'},
		);
		node.configure(
			{'flannel-backend': 'vxlan', 'node-label+': 'c=3'},
			{name: '20-second.yml'},
		);
		node.configure({'flannel-backend': 'none'}, {name: '30-not-read.conf'});
		const {values, sources} = shown(node, ['server']);
		assert.deepEqual(values['node-label'], ['a=1', 'b=2', 'c=3']);
		assert.deepEqual(values['tls-san'], ['two.example.org']);
		assert.equal(values['flannel-backend'], 'vxlan');
		assert.match(sources['flannel-backend']!, /20-second\.yml$/);
		assert.equal(values.token, '********');
	},
);

test(
	'arguments win over files, lists replace; the environment fills what nobody said',
	{skip},
	(context) => {
		const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
		node.configure({'node-label': ['a=1'], 'node-name': 'from-file'});
		const {values, sources} = shown(
			node,
			['server', '--node-label', 'b=2', '--node-label=c=3', '--debug'],
			{K3S_NODE_NAME: 'from-environment', K3S_SELINUX: 'true'},
		);
		assert.deepEqual(values['node-label'], ['b=2', 'c=3']);
		assert.equal(values['node-name'], 'from-file');
		assert.equal(values.selinux, true);
		assert.equal(values.debug, true);
		assert.equal(sources.selinux, 'K3S_SELINUX');
	},
);

test(
	'comma lists of addresses are split; drop-ins alone are enough',
	{skip},
	(context) => {
		const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
		node.configure(
			{'node-external-ip': '192.0.2.1,2001:db8::1'},
			{name: '10-k3s-mesh.yaml'},
		);
		assert.deepEqual(shown(node, ['server']).values['node-external-ip'], [
			'192.0.2.1',
			'2001:db8::1',
		]);
	},
);

const hash = 'a'.repeat(64);
const agent = {
	server: 'https://127.0.0.1:6443',
	token: `K10${hash}::node:secret-secret`,
};

type Refusal = readonly [
	title: string,
	role: 'server' | 'agent',
	config: Record<string, unknown> | string,
	reason: RegExp,
];

const refusals: readonly Refusal[] = [
	[
		'an unknown key',
		'server',
		{'flannel-backnd': 'vxlan'},
		/Unknown flag --flannel-backnd found in config\.yaml, skipping/,
	],
	[
		'a key of servers on an agent',
		'agent',
		{...agent, 'cluster-cidr': '10.42.0.0/16'},
		/Unknown flag --cluster-cidr .* for a k3s server only/,
	],
	[
		'a key twice',
		'server',
		'debug: true\ndebug: false\n',
		/key .*debug.* appears twice/,
	],
	[
		'text where a truth value is needed',
		'server',
		{'cluster-init': 'perhaps'},
		/--cluster-init expects true or false/,
	],
	[
		'a number where text is needed',
		'server',
		{'write-kubeconfig-mode': 420},
		/--write-kubeconfig-mode expects text, found the int/,
	],
	[
		'a list where one value is needed',
		'server',
		{'flannel-backend': ['vxlan']},
		/--flannel-backend expects one value/,
	],
	[
		'a flag of a later version',
		'server',
		{'write-kubeconfig-name': 'home'},
		/Unknown flag --write-kubeconfig-name/,
	],
	[
		'an external address that is none',
		'server',
		{'node-external-ip': 'fra1.example.org'},
		/--node-external-ip: invalid IP address: fra1\.example\.org/,
	],
	[
		'an internal address that no interface has',
		'server',
		{'node-ip': '203.0.113.9', 'node-external-ip': '203.0.113.9'},
		/node IP: .*203\.0\.113\.9.* not found in the host's network interfaces/,
	],
	[
		'flannel-external-ip without an external address',
		'server',
		{'flannel-backend': 'wireguard-native', 'flannel-external-ip': true},
		/--flannel-external-ip needs --node-external-ip/,
	],
	[
		'external addresses with an open backend',
		'server',
		{'flannel-external-ip': true, 'node-external-ip': '192.0.2.1'},
		/insecure backend: vxlan/,
	],
	[
		'flannel-external-ip without the cloud controller',
		'server',
		{
			'flannel-backend': 'wireguard-native',
			'flannel-external-ip': true,
			'node-external-ip': '192.0.2.1',
			'disable-cloud-controller': true,
		},
		/no node would ever get its external address/,
	],
	[
		'a backend that was removed',
		'server',
		{'flannel-backend': 'wireguard'},
		/use wireguard-native/,
	],
	[
		'a missing token file',
		'server',
		{'token-file': '/nonexistent/token'},
		/Timeout while trying to read the file \/nonexistent\/token/,
	],
	[
		'two sources of the token',
		'server',
		{token: 'short-secret', 'token-file': '/nonexistent/token'},
		/--token and --token-file contradict/,
	],
	[
		'cluster-init on a server that joins',
		'server',
		{
			'cluster-init': true,
			server: 'https://192.0.2.1:6443',
			token: 'short-secret',
		},
		/--cluster-init and --server contradict/,
	],
	[
		'overlapping networks',
		'server',
		{'cluster-cidr': '10.42.0.0/15'},
		/cluster-cidr 10\.42\.0\.0\/15 and service-cidr 10\.43\.0\.0\/16 overlap/,
	],
	[
		'a server URL without a port',
		'agent',
		{...agent, server: 'https://192.0.2.1'},
		/has no port/,
	],
	[
		'a server URL with another port',
		'agent',
		{...agent, server: 'https://192.0.2.1:443'},
		/is not port 6443/,
	],
	[
		'a server URL without TLS',
		'agent',
		{...agent, server: 'http://192.0.2.1:6443'},
		/only https:\/\/ URLs/,
	],
	[
		'an agent without a server',
		'agent',
		{token: agent.token},
		/--server is required/,
	],
	[
		'a flannel-conf that is not there',
		'server',
		{'flannel-conf': '/nonexistent/net-conf.json'},
		/--flannel-conf: open \/nonexistent\/net-conf\.json/,
	],
	[
		'a label of a role',
		'server',
		{'node-label': ['node-role.kubernetes.io/edge=true']},
		/unknown 'kubernetes\.io' or 'k8s\.io' labels/,
	],
];

for (const [title, role, config, reason] of refusals) {
	test(`refuses ${title}`, {skip}, (context) => {
		const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
		node.configure(config);
		const {code, stderr} = node.run(['double-config', role]);
		assert.equal(code, 1);
		assert.match(stderr, /level=fatal/);
		assert.match(stderr.replaceAll(String.raw`\"`, '"'), reason);
	});
}

test(
	'refuses a secret that others can read, in the file or in the arguments, and never prints it',
	{skip},
	(context) => {
		const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
		node.configure({token: 'very-secret-word'}, {mode: 0o644});
		const inFile = node.run(['double-config', 'server']);
		assert.equal(inFile.code, 1);
		assert.match(inFile.stderr, /holds a secret and has mode 0644/);
		node.configure({});
		for (const arguments_ of [
			['--token', 'very-secret-word'],
			['--token=very-secret-word'],
			['-t', 'very-secret-word'],
		]) {
			const onLine = node.run(['double-config', 'server', ...arguments_]);
			assert.equal(onLine.code, 1);
			assert.match(onLine.stderr, /--token on the command line/);
			assert.doesNotMatch(onLine.stderr + inFile.stderr, /very-secret-word/);
		}
	},
);

test('an unknown argument is refused as by K3s', {skip}, (context) => {
	const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
	const {code, stderr} = node.run(['server', '--no-such-flag']);
	assert.equal(code, 1);
	assert.match(stderr, /flag provided but not defined: -no-such-flag/);
});

test('says that it is a double, and its version', {skip}, (context) => {
	const node = new Node(temporaryFolder(context), '127.0.0.1', ports);
	assert.match(
		node.run(['--version'], {environment: {K3S_DOUBLE_VERSION: 'v1.35.6+k3s1'}})
			.stdout,
		/^k3s version v1\.35\.6\+k3s1 \(double\)\ngo version go/,
	);
	assert.match(node.run(['--help']).stdout, /TEST DOUBLE/);
	const refused = node.run(['crictl', 'ps']);
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /crictl: this is a test double/);
});
