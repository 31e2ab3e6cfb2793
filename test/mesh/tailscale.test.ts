import assert from 'node:assert/strict';
import test from 'node:test';
import {clusterSchema, meshOfKind} from '../../source/cluster/schema.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import {meshOf} from '../../source/mesh/catalogue.js';
import type {MeshContext} from '../../source/mesh/mesh.js';
import {recommendMesh} from '../../source/mesh/rank.js';
import {tailscaleInstall} from '../../source/mesh/tailscale-install.js';
import {
	leavesLoginAlone,
	vpnAuthFault,
} from '../../source/mesh/tailscale-versions.js';
import {buildPlan} from '../../source/plan/build.js';
import {maskedText} from '../../source/plan/template.js';
import {denying, lan3, makeCluster, makeContext} from '../plan/fixtures.js';
import {loggedIn, tailnet3, tailnetHa, type Rest} from './tailnet-support.js';

const nodeOf = ({cluster}: MeshContext, name: string) =>
	cluster.nodes.find((node) => node.name === name)!;

const configOf = (context: MeshContext, name: string) => {
	const mesh = meshOf(context.cluster);
	const node = nodeOf(context, name);
	return node.role === 'server'
		? mesh.serverConfig(context, node)
		: mesh.agentConfig(context, node);
};

const stepsOf = (context: MeshContext, name: string) =>
	meshOf(context.cluster).steps(
		context,
		nodeOf(context, name),
		context.facts.get(name)!,
	);

const address = (node: string, family: 4 | 6 = 4) => ({
	reference: 'tailscale-address',
	node,
	family,
});

const ip: Rest = {mesh: {kind: 'tailscale-ip', tags: ['tag:k3s']}};

const dualStack: Rest = {
	network: {
		podCidr: ['10.42.0.0/16', 'fd00:42::/56'],
		serviceCidr: ['10.43.0.0/16', 'fd00:43::/112'],
	},
};

test("K3s's own integration has no backend, no external address and no key in its configuration", () => {
	const context = makeContext(tailnet3());
	assert.deepEqual(configOf(context, 'fra1'), {
		'node-name': 'fra1',
		token: {reference: 'server-token'},
		'agent-token': {reference: 'agent-token'},
		'cluster-cidr': ['10.42.0.0/16'],
		'service-cidr': ['10.43.0.0/16'],
		'tls-san': ['198.51.100.11', address('fra1')],
		'vpn-auth-file': '/etc/rancher/k3s/k3s-mesh-vpn-auth',
	});
	assert.deepEqual(configOf(context, 'nuc'), {
		'node-name': 'nuc',
		server: {reference: 'tailscale-api-url', node: 'fra1'},
		token: {reference: 'full-agent-token'},
		'vpn-auth-file': '/etc/rancher/k3s/k3s-mesh-vpn-auth',
	});
});

test('agents dial the common name of the API where there is one', () => {
	for (const rest of [{}, ip]) {
		assert.equal(
			configOf(
				makeContext(tailnet3({...rest, apiEndpoint: 'k8s.example.org'})),
				'nuc',
			).server,
			'https://k8s.example.org:6443',
		);
	}
});

test('servers that share a network join there, where etcd is, and otherwise in the tailnet', () => {
	assert.equal(
		configOf(makeContext(tailnetHa()), 's2').server,
		'https://192.168.7.1:6443',
	);
	assert.equal(
		configOf(makeContext(tailnetHa()), 's2')['node-ip'],
		'192.168.7.2',
	);
	assert.deepEqual(configOf(makeContext(tailnetHa(ip)), 's2').server, {
		reference: 'tailscale-api-url',
		node: 's1',
	});
});

test('K3s on the addresses is bound to them, and flannel to their interface', () => {
	const context = makeContext(tailnet3(ip));
	assert.deepEqual(configOf(context, 'nuc'), {
		'node-name': 'nuc',
		'node-ip': address('nuc'),
		server: {reference: 'tailscale-api-url', node: 'fra1'},
		token: {reference: 'full-agent-token'},
		'flannel-iface': 'tailscale0',
	});
	const server = configOf(context, 'fra1');
	assert.deepEqual(server['node-ip'], address('fra1'));
	assert.deepEqual(server['advertise-address'], address('fra1'));
	assert.equal(server['flannel-backend'], 'vxlan');
	assert.equal(server['node-external-ip'], undefined);
	assert.deepEqual(
		configOf(makeContext(tailnet3({...ip, ...dualStack})), 'nuc')['node-ip'],
		[address('nuc', 4), address('nuc', 6)],
	);
});

test('pods whose packets stay on the ordinary network leave by the device of the internal address', () => {
	const context = makeContext(
		tailnetHa({mesh: {kind: 'tailscale-ip', podTraffic: 'direct'}}),
	);
	assert.equal(configOf(context, 's2')['flannel-iface'], 'eth1');
	const requirements = meshOf(context.cluster).requirements(context);
	assert.ok(
		requirements.some(
			({from, to, port, addressKind, severity}) =>
				from === 's1' &&
				to === 's2' &&
				port === 8472 &&
				addressKind === 'internal' &&
				severity === 'required',
		),
	);
	const close = stepsOf(context, 's2').beforeConfig.find(
		({what}) => what === 'close-ports',
	)!.action;
	assert.deepEqual(close.kind === 'close-ports' && close.udpPeers, [
		'192.168.7.1',
		'192.168.7.3',
	]);
});

test('nothing is needed from outside, and a direct path only where the node can be reached', () => {
	for (const rest of [{}, ip]) {
		const context = makeContext(tailnet3(rest));
		const requirements = meshOf(context.cluster).requirements(context);
		assert.deepEqual(
			requirements
				.filter(({addressKind}) => addressKind !== 'tailscale')
				.map(({protocol, port, severity}) => `${severity} ${protocol}/${port}`)
				.filter((text, index, all) => all.indexOf(text) === index),
			['recommended udp/41641'],
		);
		assert.deepEqual(
			requirements
				.filter(({severity}) => severity === 'required')
				.map(({from, to, port}) => `${from}>${to} ${port}`),
			['nuc>fra1 6443', 'pi4>fra1 6443'],
		);
	}
});

test('etcd is asked for where the release has it', () => {
	const kindsOf = (rest: Rest) => {
		const context = makeContext(tailnetHa(rest));
		return [
			...new Set(
				meshOf(context.cluster)
					.requirements(context)
					.filter(({port}) => port === 2379 || port === 2380)
					.map(({addressKind}) => addressKind),
			),
		];
	};

	assert.deepEqual(kindsOf({}), ['internal']);
	assert.deepEqual(kindsOf({k3s: {version: 'v1.36.2+k3s1'}}), ['tailscale']);
	assert.deepEqual(kindsOf(ip), ['tailscale']);
});

test('a node is prepared in order, and only what is missing is expected to change', () => {
	const context = makeContext(tailnet3(), {
		pi4: {tailscale: loggedIn(3, {tags: ['tag:k3s']})},
	});
	const shown = (name: string) =>
		stepsOf(context, name).beforeConfig.map(
			({stage, what, expectation}) => `${stage} ${what} ${expectation}`,
		);
	assert.deepEqual(shown('nuc'), [
		'prepare tailscaled-unit change',
		'prepare tailscale-install change',
		'prepare tailscale-login change',
		'prepare k3s-unit change',
		'prepare vpn-auth change',
	]);
	assert.ok(shown('pi4').includes('prepare tailscale-login unchanged'));
	assert.ok(!shown('pi4').some((line) => line.includes('install')));
	assert.deepEqual(
		stepsOf(context, 'nuc').afterReady.map(({action}) => action),
		[{kind: 'await-routes', nodeName: 'nuc'}],
	);
	assert.deepEqual(stepsOf(makeContext(tailnet3(ip)), 'nuc').afterReady, []);
});

/** What the plan writes to a path of a node, as it is shown. */
const written = (context: MeshContext, name: string, path: RegExp): string => {
	const found = stepsOf(context, name).beforeConfig.find(
		({action}) => action.kind === 'write-file' && path.test(action.path),
	)!.action;
	assert.ok(found.kind === 'write-file' && found.quoting === 'plain');
	return maskedText(found.content);
};

test('K3s gets the key only where its release logs in by itself, and then all of our login', () => {
	const mesh = {
		kind: 'tailscale' as const,
		controlServer: 'https://head.example.org',
		tags: ['tag:k3s', 'tag:home'],
	};
	const file = (version: string) =>
		written(makeContext(tailnet3({mesh, k3s: {version}})), 'nuc', /vpn-auth$/);
	assert.equal(
		file('v1.36.3+k3s1'),
		'name=tailscale,joinKey=the-node-is-logged-in-already,controlServerURL=https://head.example.org\n',
	);
	assert.equal(
		file('v1.33.6+k3s1'),
		'name=tailscale,joinKey=‹tailnet-key›,controlServerURL=https://head.example.org,extraArgs=--accept-dns=false --hostname=nuc --advertise-tags=tag:k3s,tag:home\n',
	);
});

test('units: tailscaled keeps out of the pods’ network, and K3s waits for the interface, not for good', () => {
	const context = makeContext(tailnet3({...ip, ...dualStack}));
	assert.match(
		written(context, 'nuc', /tailscaled\.service\.d/),
		/^\[Service]\nIPAddressDeny=10\.42\.0\.0\/16\nIPAddressDeny=fd00:42::\/56\n/m,
	);
	const unit = written(context, 'nuc', /k3s-agent\.service\.d/);
	assert.match(unit, /^After=tailscaled\.service$/m);
	assert.match(unit, /^ExecStartPre=\/bin\/sh -c 'left=60; /m);
	assert.match(unit, /ip -4 -o .* && .*ip -6 -o /);
	// What is a variable to the shell must not be one to systemd.
	assert.doesNotMatch(unit.replaceAll('$$', ''), /\$/);
	assert.match(
		written(context, 'fra1', /k3s\.service\.d/),
		/^Wants=tailscaled\.service$/m,
	);
});

test('with a proxy tailscaled gets it, and K3s has both of its drop-ins', () => {
	const proxied = makeContext(
		tailnet3({...ip, proxy: {httpFrom: 'env:PROXY'}}),
	);
	const handed =
		/^EnvironmentFile=-\/etc\/environment\nEnvironmentFile=-\/etc\/rancher\/k3s\/k3s-mesh\.env$/m;
	const tailscaled = /tailscaled\.service\.d/;
	assert.match(written(proxied, 'nuc', tailscaled), handed);
	const {nodes} = buildPlan({...proxied, version: 'v1.36.3+k3s1'});
	const {steps} = nodes.find(({node}) => node === 'nuc')!;
	const writes = steps.flatMap(({id, action}) =>
		action.kind === 'write-file' ? [{id, path: action.path}] : [],
	);
	const paths = writes.map(({path}) => path);
	assert.equal(new Set(paths).size, paths.length, paths.join('\n'));
	assert.equal(
		paths.filter((path) => path.includes('/k3s-agent.service.d/')).length,
		2,
	);
	// The file is there before tailscaled starts with it.
	const order = (path: RegExp) => paths.findIndex((one) => path.test(one));
	assert.ok(order(/k3s-mesh\.env$/) < order(tailscaled));

	const own = {proxy: {ofMachine: true, noProxy: []}};
	assert.match(
		written(makeContext(tailnet3(ip), {nuc: own}), 'nuc', tailscaled),
		handed,
	);
	assert.doesNotMatch(
		written(makeContext(tailnet3(ip)), 'nuc', tailscaled),
		/EnvironmentFile/,
	);
});

test('older kernels, which lose what Tailscale puts together for VXLAN, get it packet by packet', () => {
	const gathers = (kernel: string, mesh: Rest['mesh']) =>
		!written(
			makeContext(tailnet3({mesh}), {nuc: {kernel}}),
			'nuc',
			/tailscaled\.service\.d/,
		).includes('TS_TUN_DISABLE_UDP_GRO=true');
	const inTailnet = {kind: 'tailscale-ip'} as const;
	for (const [kernel, mesh, expected] of [
		['6.1.0-28-amd64', inTailnet, false],
		['6.8.4', inTailnet, false],
		['6.8.5-060805-generic', inTailnet, true],
		['6.12.1', inTailnet, true],
		['of my own', inTailnet, false],
		['6.1.0', {...inTailnet, podTraffic: 'direct'}, true],
		['6.1.0', {kind: 'tailscale'}, true],
	] as const) {
		assert.equal(gathers(kernel, mesh), expected, kernel);
	}
});

test('ports are closed only where no firewall keeps out what nothing names', () => {
	const closes = (facts: Parameters<typeof makeContext>[1]) =>
		stepsOf(makeContext(tailnet3(ip), facts), 'nuc').beforeConfig.some(
			({what}) => what === 'close-ports',
		);
	assert.equal(closes({}), true);
	assert.equal(closes({nuc: denying('ufw')}), false);
	assert.equal(
		closes({
			nuc: {
				firewall: {
					kind: 'iptables',
					active: true,
					defaultDeny: false,
					summary: '',
				},
			},
		}),
		true,
	);
});

test('Tailscale comes from its script, from its archive, or not at all', () => {
	const cluster = tailnet3();
	const facts = makeContext(cluster).facts.get('nuc')!;
	const methodOn = (
		id: string,
		prettyName: string,
		architecture: typeof facts.architecture = 'amd64',
	) =>
		tailscaleInstall(cluster, {
			...facts,
			os: {id, versionId: '', prettyName},
			architecture,
		})?.from.method;
	assert.equal(methodOn('debian', 'Debian GNU/Linux 12'), 'script');
	assert.equal(
		methodOn('fedora', 'Fedora Linux 42 (Server Edition)'),
		'script',
	);
	assert.equal(methodOn('fedora', 'Fedora CoreOS 42'), 'archive');
	assert.equal(methodOn('flatcar', 'Flatcar Container Linux'), 'archive');
	assert.equal(methodOn('flatcar', 'Flatcar', 's390x'), undefined);
	assert.equal(methodOn('nixos', 'NixOS 25.05'), undefined);
});

test('what is known against releases, line by line', () => {
	const table: ReadonlyArray<
		readonly [version: string, alone: string, withEtcd: string]
	> = [
		['v1.30.1+k3s1', 'well', 'well'],
		['v1.32.11+k3s1', 'address-missing', 'address-missing'],
		['v1.33.6+k3s1', 'well', 'well'],
		['v1.33.7+k3s1', 'address-missing', 'address-missing'],
		['v1.33.11+k3s1', 'well', 'well'],
		['v1.34.2+k3s1', 'well', 'well'],
		['v1.34.6+k3s1', 'address-missing', 'address-missing'],
		['v1.34.7+k3s1', 'address-late', 'address-late'],
		['v1.34.8+k3s1', 'well', 'etcd-unknown'],
		['v1.35.3+k3s1', 'address-missing', 'address-missing'],
		['v1.35.4+k3s1', 'address-late', 'address-late'],
		['v1.35.5+k3s1', 'well', 'etcd-on-tailnet'],
		['v1.36.0+k3s1', 'address-late', 'address-late'],
		['v1.36.3+k3s1', 'well', 'etcd-on-tailnet'],
		['v1.36.4+k3s1', 'well', 'etcd-unknown'],
		['v1.37.1+k3s1', 'well', 'etcd-unknown'],
	];
	for (const [version, alone, withEtcd] of table) {
		assert.equal(vpnAuthFault(version, false) ?? 'well', alone, version);
		assert.equal(vpnAuthFault(version, true) ?? 'well', withEtcd, version);
	}

	for (const [version, leaves] of [
		['v1.30.14+k3s1', false],
		['v1.31.14+k3s1', false],
		['v1.31.15+k3s1', true],
		['v1.34.2+k3s1', false],
		['v1.34.3+k3s1', true],
		['v1.35.0+k3s1', true],
	] as const) {
		assert.equal(leavesLoginAlone(version), leaves, version);
	}
});

test('a node behind carrier NAT makes Tailscale the recommended one, with the reason and when to take which', () => {
	const cluster = makeCluster([
		...lan3()
			.nodes.slice(0, 2)
			.map((node) => ({...node, ssh: node.ssh.host})),
		{name: 'lte', role: 'agent', ssh: 'me@lte', externalIp: '100.71.0.9'},
	]);
	const [wireguard, integrated, bound] = recommendMesh({
		...makeContext(cluster),
		measurements: noMeasurements,
	});
	assert.equal(wireguard!.possible, false);
	assert.equal(integrated!.recommended, true);
	assert.match(
		integrated!.reason,
		/^It reaches lte \(carrier NAT\) without any port open there\. Rather this than /,
	);
	assert.match(
		integrated!.reason,
		/WireGuard \(built into K3s\): lte is behind/,
	);
	assert.match(bound!.reason, /Rather this when no route can be approved/);
});

test('of nodes that all are reached, WireGuard is the recommended one', () => {
	assert.deepEqual(
		recommendMesh(makeContext(lan3())).map(({recommended}) => recommended),
		[true, false, false],
	);
});

test('a mesh of another kind has its defaults, and keeps the tailnet', () => {
	const parse = (mesh: Rest['mesh']) =>
		clusterSchema.parse({version: 1, name: 'home', mesh}).mesh;
	const tailnet = parse({
		kind: 'tailscale',
		controlServer: 'https://head.example.org',
		tags: ['tag:k3s'],
	});
	const bound = meshOfKind('tailscale-ip', tailnet);
	assert.deepEqual(bound, {
		...tailnet,
		kind: 'tailscale-ip',
		podTraffic: 'tailnet',
	});
	assert.deepEqual(meshOfKind('tailscale', bound), tailnet);
	assert.deepEqual(meshOfKind('wireguard-native', bound), {
		kind: 'wireguard-native',
	});
	for (const kind of ['tailscale', 'tailscale-ip'] as const) {
		assert.deepEqual(
			meshOfKind(kind, {kind: 'wireguard-native'}),
			parse({kind}),
		);
	}

	assert.equal(meshOfKind('tailscale', tailnet), tailnet);
});
