/** The hosts that cases are played on, one after the other: between two of them they become as they were. */
import assert from 'node:assert/strict';
import type {Role} from '../../../source/cluster/schema.js';
import type {LabNode} from '../index.js';
import {stageFor, type Stage} from '../support.js';
import {watchBelongings, type Watch} from './belongings.js';
import {faultHosts, faultMachines} from './hosts.js';

/** Hosts to play on, and what they were like at first. */
export type Ground = {
	readonly stage: Stage;
	/** The machine of a role, which faults happen to. */
	readonly nodeOf: (role: Role) => LabNode;
	readonly watch: Watch;
	readonly onMachines: boolean;
	/**
	 * Takes everything away that runs have put on the machine of a role, and on those that joined it. Others stay as
	 * they are. Did it work?
	 */
	readonly reset: (role: Role) => Promise<boolean>;
};

/** Runs a script on a host; did it end well? */
const does = async (node: LabNode, script: string): Promise<boolean> => {
	const {code} = await node.exec(`set -eu\n${script}`, {timeoutMs: 120_000});
	return code === 0;
};

const keepFirewall = `mkdir /root/ufw
cp -p /etc/ufw/user.rules /etc/ufw/user6.rules /root/ufw`;

const takeAway = `
for uninstall in /usr/local/bin/k3s-uninstall.sh /usr/local/bin/k3s-agent-uninstall.sh; do
	[ -e "$uninstall" ] || continue
	cp -rp /etc/rancher/k3s /root/own-k3s
	"$uninstall" >/dev/null 2>&1
	rm -rf /root/own-k3s/config.yaml.d /etc/rancher/k3s
	mv /root/own-k3s /etc/rancher/k3s
done
rm -rf /var/lib/k3s-mesh /etc/rancher/k3s/config.yaml.d /usr/local/bin/k3s /var/lib/rancher/k3s
rm -f /etc/systemd/system/k3s-mesh* /etc/systemd/system/*.k3s-mesh.*
cp -p /root/ufw/* /etc/ufw
ufw reload >/dev/null
systemctl daemon-reload`;

/** Brings the hosts up. */
export const openGround = async (onMachines: boolean): Promise<Ground> => {
	const stage = await stageFor(onMachines ? faultMachines : faultHosts, {
		vm: onMachines,
	});
	const nodeOf = (role: Role): LabNode =>
		stage.lab.nodes.find((node) => node.role === role)!;
	const agent = nodeOf('agent');
	const server = nodeOf('server');
	for (const node of stage.lab.nodes) {
		assert.ok(await does(node, keepFirewall));
	}

	return {
		stage,
		nodeOf,
		watch: await watchBelongings(stage),
		onMachines,
		async reset(role) {
			await stage.lab.mirror.control({});
			return (
				(await does(agent, takeAway)) &&
				(role === 'agent' || (await does(server, takeAway))) &&
				does(
					server,
					`[ ! -e /usr/local/bin/k3s ] || k3s kubectl delete node ${agent.name} --ignore-not-found`,
				)
			);
		},
	};
};
