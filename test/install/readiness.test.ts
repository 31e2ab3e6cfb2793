import assert from 'node:assert/strict';
import {test} from 'node:test';
import {parseNodes} from '../../source/host/scripts/k3s-read.js';
import {judgeReadiness} from '../../source/install/readiness.js';

const nodeJson = (changes: {
	readonly ready?: string;
	readonly message?: string;
	readonly externalIp?: string;
	readonly taint?: string;
}) =>
	JSON.stringify({
		kind: 'List',
		items: [
			{
				metadata: {
					name: 'nuc',
					annotations: {
						'flannel.alpha.coreos.com/backend-data':
							'{"PublicKey":"abc=","Port":51820}',
						'flannel.alpha.coreos.com/public-ip': '192.0.2.7',
					},
				},
				spec: {
					podCIDR: '10.42.1.0/24',
					podCIDRs: ['10.42.1.0/24'],
					...(changes.taint !== undefined && {
						taints: [{key: changes.taint, effect: 'NoSchedule'}],
					}),
				},
				status: {
					conditions: [
						{type: 'MemoryPressure', status: 'False'},
						{
							type: 'Ready',
							status: changes.ready ?? 'True',
							message: changes.message ?? 'kubelet is posting ready status',
						},
					],
					addresses: [
						{type: 'InternalIP', address: '192.168.1.4'},
						...(changes.externalIp === ''
							? []
							: [
									{
										type: 'ExternalIP',
										address: changes.externalIp ?? '192.0.2.7',
									},
								]),
						{type: 'Hostname', address: 'nuc'},
					],
					nodeInfo: {kubeletVersion: 'v1.36.3+k3s1'},
				},
			},
		],
	});

const planned = {
	nodeName: 'nuc',
	internalIp: '192.168.1.4',
	externalIp: '192.0.2.7',
};

const missing = (text: string, plan = planned) => {
	const readiness = judgeReadiness(parseNodes(text), plan);
	return readiness.ready ? '' : readiness.missing;
};

test('a node that is Ready and shows its addresses is ready', () => {
	const readiness = judgeReadiness(parseNodes(nodeJson({})), planned);
	assert.ok(readiness.ready);
	assert.equal(readiness.node.wireguardKey, 'abc=');
	assert.deepEqual(readiness.node.podCidrs, ['10.42.1.0/24']);
});

test('what is missing is said in words', () => {
	assert.match(
		missing(nodeJson({}), {...planned, nodeName: 'pi4'}),
		/not in the list of nodes/,
	);
	assert.match(
		missing(nodeJson({ready: 'False', message: 'cni plugin not initialized'})),
		/^is not Ready: cni plugin not initialized$/,
	);
	assert.match(
		missing(nodeJson({externalIp: '192.0.2.8'})),
		/^shows the external address 192\.0\.2\.8 instead of 192\.0\.2\.7$/,
	);
	assert.match(
		missing(nodeJson({externalIp: ''})),
		/^shows no external address instead of 192\.0\.2\.7$/,
	);
	assert.match(
		missing(
			nodeJson({taint: 'node.cloudprovider.kubernetes.io/uninitialized'}),
		),
		/cloud controller/,
	);
	assert.equal(missing(nodeJson({taint: 'dedicated'})), '');
});

test('an answer that is no list of nodes is an error, not an empty cluster', () => {
	assert.throws(() => parseNodes('{"kind": "Status"}'));
	assert.throws(() => parseNodes('Unable to connect'));
});
