/** The hosts that cases are played on, one after the other: between two of them they become as they were. */
import assert from 'node:assert/strict';
import type {ClusterInput, Role} from '../../../source/cluster/schema.js';
import type {LabNode} from '../index.js';
import {stageFor, type Stage} from '../support.js';
import {joiningByKey} from '../tailnet/stage.js';
import type {Topology} from '../topology.js';
import {watchBelongings, type Watch} from './belongings.js';
import type {Case} from './cases.js';
import {faults, type Fault} from './faults.js';
import {faultHosts, faultMachines, faultTailnet, mirrorName} from './hosts.js';
import {steps, type StepKind} from './steps.js';

/** What hosts are, and the mesh of a tailnet that they are for. */
export type GroundKind =
	'containers' | 'machines' | 'tailscale' | 'tailscale-ip';

/** The ground that a cell is played on. */
export const groundOf = ({fault: name, step}: Case): GroundKind => {
	const fault: Fault = faults[name];
	const {course, mesh}: StepKind = steps[step];
	return course === 'tailnet'
		? (mesh ?? 'tailscale')
		: fault.onMachines
			? 'machines'
			: 'containers';
};

/** Hosts to play on, and what they were like at first. */
export type Ground = {
	readonly stage: Stage;
	/** The machine of a role, which faults happen to. */
	readonly nodeOf: (role: Role) => LabNode;
	readonly watch: Watch;
	readonly kind: GroundKind;
	/** What the cluster file says beyond the hosts. */
	readonly clusterKeys: Partial<ClusterInput>;
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
	rm -rf /root/own-k3s/config.yaml.d /root/own-k3s/k3s.yaml /etc/rancher
	mkdir /etc/rancher
	mv /root/own-k3s /etc/rancher/k3s
done
rm -rf /var/lib/k3s-mesh /etc/rancher/k3s/config.yaml.d /usr/local/bin/k3s /var/lib/rancher/k3s
rm -f /etc/systemd/system/k3s-mesh* /etc/systemd/system/*.k3s-mesh.*
cp -p /root/ufw/* /etc/ufw
ufw reload >/dev/null
systemctl daemon-reload`;

/** On hosts of a tailnet: also what K3s's drop-ins, closed ports and the login have left, and the Tailscale that we brought. */
const takeTailnetAway = `
if [ -e /etc/systemd/system/tailscaled.service ]; then
	systemctl disable --quiet --now tailscaled
	rm -f /usr/sbin/tailscaled /usr/bin/tailscale /etc/default/tailscaled /etc/systemd/system/tailscaled.service
	rm -rf /var/lib/tailscale /var/cache/tailscale
fi
rm -rf /etc/systemd/system/tailscaled.service.d /etc/systemd/system/k3s*.service.d
nft delete table inet k3s_mesh_close 2>/dev/null || :
systemctl daemon-reload`;

const topologyOf: Readonly<Record<GroundKind, Topology>> = {
	containers: faultHosts,
	machines: faultMachines,
	tailscale: faultTailnet,
	'tailscale-ip': faultTailnet,
};

const base = `http://${mirrorName}`;

const mirrors = {
	installScript: `${base}/install.sh`,
	releases: `${base}/releases`,
	channels: `${base}/channels`,
};

const clusterKeysOf = async (
	kind: GroundKind,
	stage: Stage,
): Promise<Partial<ClusterInput>> =>
	kind === 'tailscale' || kind === 'tailscale-ip'
		? {
				mesh: await joiningByKey(stage, kind),
				mirrors: {...mirrors, tailscaleArchives: `${base}/tailscale/stable`},
			}
		: {mirrors};

/** Brings the hosts up. */
export const openGround = async (kind: GroundKind): Promise<Ground> => {
	const stage = await stageFor(topologyOf[kind], {vm: kind === 'machines'});
	const clusterKeys = await clusterKeysOf(kind, stage);
	const hasTailnet = stage.lab.topology.tailnet !== undefined;
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
		kind,
		clusterKeys,
		async reset(role) {
			await stage.lab.mirror.control({});
			if (hasTailnet) {
				const {headscale} = stage.lab;
				const known = await headscale.nodes();
				if (known.some(({name}) => name === agent.name)) {
					await headscale.remove(agent.name);
				}
			}

			return (
				(await does(agent, takeAway)) &&
				(!hasTailnet || (await does(agent, takeTailnetAway))) &&
				(role === 'agent' || (await does(server, takeAway))) &&
				does(
					server,
					`[ ! -e /usr/local/bin/k3s ] || k3s kubectl delete node ${agent.name} --ignore-not-found`,
				)
			);
		},
	};
};
