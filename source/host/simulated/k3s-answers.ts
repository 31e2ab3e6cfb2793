import {Buffer} from 'node:buffer';
import {stringify} from 'yaml';
import {
	k3sKubeconfig,
	k3sNodes,
	k3sTokens,
	type NodeObject,
} from '../scripts/k3s-read.js';
import {
	k3sJournal,
	k3sPing,
	k3sRecentJournal,
	k3sStart,
	k3sState,
	type PingAnswer,
	type UnitState,
} from '../scripts/k3s-run.js';
import {ScriptFailed} from '../errors.js';
import {answerTo, type Answer} from './answer.js';
import {sha256} from './file-answers.js';
import type {Machine, RegisteredNode, SimulatedCluster} from './machine.js';
import {follow} from './network.js';
import {fullToken, startK3s} from './running-k3s.js';
import type {Scene} from './scene.js';

const stateLine = ({
	activeState,
	subState,
	restarts,
	mainPid,
}: UnitState): string =>
	`@state ${activeState} ${subState} ${restarts} ${mainPid}`;

/** The public key that a simulated node publishes. */
export const wireguardKeyOf = ({name}: RegisteredNode): string =>
	`${Buffer.from(name.padEnd(31, '0').slice(0, 31)).toString('base64').slice(0, 43)}=`;

/** The cluster that a server serves, or the error of a kubectl without one. */
export const servedCluster = (
	machine: Machine,
	node: string,
	script: string,
): SimulatedCluster => {
	const {cluster, installed, unit} = machine.k3s;
	if (
		cluster === undefined ||
		installed?.role !== 'server' ||
		unit.activeState !== 'active'
	) {
		throw new ScriptFailed(node, script, {
			code: 1,
			lastLines: [
				'The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?',
			],
		});
	}

	return cluster;
};

const nodeObject = (
	node: RegisteredNode,
	version: string | undefined,
): NodeObject => ({
	name: node.name,
	ready: node.ready,
	notReadyMessage: node.ready
		? undefined
		: 'container runtime network not ready: cni plugin not initialized',
	internalIps: [node.internalIp],
	externalIps: node.externalIp === undefined ? [] : [node.externalIp],
	podCidrs: [node.podCidr],
	taints: [],
	kubeletVersion: version,
	wireguardKey: wireguardKeyOf(node),
	meshEndpoint: node.externalIp ?? node.internalIp,
});

const ping = (scene: Scene, from: Machine, url: string): PingAnswer => {
	const {hostname} = new URL(url);
	const host = hostname.replace(/^\[(.*)]$/, '$1');
	const named = scene.machines.find(({spec}) => spec.dial.includes(host));
	const arrival = follow(scene, from, {
		address: named?.spec.externalIp ?? host,
		protocol: 'tcp',
		port: 6443,
	});
	if (arrival.kind === 'silence') {
		return {outcome: 'timeout', detail: 'Connection timed out'};
	}

	const serves =
		arrival.kind === 'arrives' &&
		arrival.machine.k3s.installed?.role === 'server' &&
		arrival.machine.k3s.unit.activeState === 'active';
	return serves
		? {outcome: 'pong', detail: 'pong'}
		: {outcome: 'refused', detail: 'Connection refused'};
};

/** K3s on simulated machines. */
export const k3sAnswers: readonly Answer[] = [
	answerTo(k3sStart, ({scene, machine, node, input}) => {
		const {k3s} = machine;
		if (k3s.installed === undefined || k3s.binary === undefined) {
			throw new ScriptFailed(node, k3sStart.name, {
				code: 1,
				lastLines: ['systemd does not start k3s.service.'],
			});
		}

		const appliedHash = sha256(
			[
				input.role,
				input.version,
				...input.configFiles.map(
					(path) => `${path} ${machine.files.get(path)?.content ?? ''}`,
				),
			].join('\n'),
		);
		const runs = ['active', 'activating'].includes(k3s.unit.activeState);
		const restarted = !runs || k3s.appliedHash !== appliedHash;
		k3s.appliedHash = appliedHash;
		if (restarted) {
			startK3s(scene, machine, input);
		}

		return {
			restarted,
			appliedHash,
			sinceUnix: Math.floor(scene.now() / 1000),
		};
	}),
	answerTo(k3sState, ({machine}) => machine.k3s.unit),
	answerTo(k3sJournal, async ({scene, machine, signal, onLine}) => {
		const {k3s} = machine;
		let shown = 0;
		for (;;) {
			for (const line of k3s.journal.slice(shown)) {
				onLine(line);
			}

			shown = k3s.journal.length;
			onLine(stateLine(k3s.unit));
			if (k3s.unit.activeState === 'active') {
				return k3s.unit;
			}

			await scene.change(signal);
		}
	}),
	answerTo(k3sRecentJournal, ({machine, onLine}) => {
		for (const line of machine.k3s.journal) {
			onLine(line);
		}
	}),
	answerTo(k3sPing, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(200, signal);
		return ping(scene, machine, input.url);
	}),
	answerTo(k3sTokens, ({machine}) => {
		const {cluster, installed} = machine.k3s;
		return cluster === undefined || installed?.role !== 'server'
			? {server: undefined, agent: undefined}
			: {
					server: fullToken(cluster, 'server'),
					agent: fullToken(cluster, 'agent'),
				};
	}),
	answerTo(k3sKubeconfig, ({machine}) => {
		const {cluster, installed} = machine.k3s;
		if (cluster === undefined || installed?.role !== 'server') {
			return undefined;
		}

		const pem = (what: string) =>
			Buffer.from(`simulated ${what} ${cluster.caHash}`).toString('base64');
		return stringify({
			apiVersion: 'v1',
			kind: 'Config',
			clusters: [
				{
					name: 'default',
					cluster: {
						server: 'https://127.0.0.1:6443',
						'certificate-authority-data': pem('CA'),
					},
				},
			],
			contexts: [
				{name: 'default', context: {cluster: 'default', user: 'default'}},
			],
			users: [
				{
					name: 'default',
					user: {
						'client-certificate-data': pem('certificate'),
						'client-key-data': pem('key'),
					},
				},
			],
			'current-context': 'default',
		});
	}),
	answerTo(k3sNodes, ({machine, node}) => {
		const cluster = servedCluster(machine, node, k3sNodes.name);
		return [...cluster.nodes.values()].map((registered) =>
			nodeObject(registered, registered.machine.k3s.binary),
		);
	}),
];
