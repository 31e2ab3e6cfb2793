import {closeRulesPath, k3sFolder} from '../../plan/paths.js';
import {ScriptFailed} from '../errors.js';
import {closeUnitPath, openPorts} from '../scripts/close-ports.js';
import {stateFolder} from '../scripts/files-shell.js';
import {filesTakeBack} from '../scripts/files.js';
import {firewallTakeBack} from '../scripts/firewall-take-back.js';
import {firewallUnitPath} from '../scripts/firewall-unit.js';
import {k3sDeleteNode, k3sDrain} from '../scripts/k3s-leave.js';
import {k3sStop} from '../scripts/k3s-stop.js';
import {k3sUninstall} from '../scripts/k3s-uninstall.js';
import {leavingLook} from '../scripts/leaving-look.js';
import {manifestForget} from '../scripts/manifest.js';
import {tailscaleUninstall} from '../scripts/tailscale-remove.js';
import {answerTo, type Answer} from './answer.js';
import {servedCluster} from './k3s-answers.js';
import type {Machine} from './machine.js';

/** Removes files of ours, and puts back what is kept of others. Tells whether there was anything to do. */
const takeBack = (
	{files}: Machine,
	ours: readonly string[],
	kept: readonly string[],
): boolean => {
	let changed = false;
	for (const path of ours) {
		changed = files.delete(path) || changed;
	}

	for (const path of kept) {
		const before = files.get(`${path}.k3s-mesh.bak`);
		if (before !== undefined) {
			files.set(path, before);
			files.delete(`${path}.k3s-mesh.bak`);
			changed = true;
		}
	}

	return changed;
};

/** Removes what lies below a folder. */
const removeFolder = ({files}: Machine, folder: string): boolean => {
	const paths = [...files.keys()].filter((path) =>
		path.startsWith(`${folder}/`),
	);
	for (const path of paths) {
		files.delete(path);
	}

	return paths.length > 0;
};

const stop = ({k3s}: Machine): boolean => {
	const ran = k3s.unit.activeState !== 'inactive';
	k3s.starts += 1;
	k3s.unit = {
		activeState: 'inactive',
		subState: 'dead',
		restarts: 0,
		mainPid: 0,
	};
	for (const node of k3s.cluster?.nodes.values() ?? []) {
		node.ready &&= node.machine.k3s !== k3s;
	}

	return ran;
};

/** How simulated machines leave a cluster. */
export const leavingAnswers: readonly Answer[] = [
	answerTo(leavingLook, ({machine}) => {
		const {k3s, files} = machine;
		const roles = k3s.installed === undefined ? [] : [k3s.installed.role];
		return {
			units: roles,
			uninstallers: roles,
			wasThereBefore: false,
			hasSetAside: false,
			otherServices: [],
			configFiles: [...files.keys()].filter((path) =>
				path.startsWith(`${k3sFolder}/`),
			),
			volumes: 0,
			datastore:
				k3s.installed?.role === 'server' && k3s.cluster !== undefined
					? ('sqlite' as const)
					: undefined,
			hasFolder: [...files.keys()].some((path) =>
				path.startsWith(`${stateFolder}/`),
			),
		};
	}),
	answerTo(k3sDrain, async ({scene, machine, node, input, signal, onLine}) => {
		const cluster = servedCluster(machine, node, k3sDrain.name);
		if (!cluster.nodes.has(input.node)) {
			throw new ScriptFailed(node, k3sDrain.name, {
				code: 1,
				lastLines: [
					`Error from server (NotFound): nodes "${input.node}" not found`,
				],
			});
		}

		onLine(`node/${input.node} cordoned`);
		await scene.pace.pass(2000, signal);
		onLine(`node/${input.node} drained`);
	}),
	answerTo(k3sDeleteNode, async ({scene, machine, node, input, signal}) => {
		await scene.pace.pass(500, signal);
		const {nodes} = servedCluster(machine, node, k3sDeleteNode.name);
		const changed = nodes.delete(input.node);
		scene.touch();
		return {changed};
	}),
	answerTo(k3sStop, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(800, signal);
		const changed = input.how === 'stop' && stop(machine);
		scene.touch();
		return {changed};
	}),
	answerTo(k3sUninstall, async ({scene, machine, input, signal, onLine}) => {
		const {k3s, tailscale} = machine;
		const {role, ours, kept, podRoutes} = input;
		if (k3s.installed === undefined && k3s.binary === undefined) {
			return {changed: takeBack(machine, ours, kept)};
		}

		onLine('@now stops K3s');
		stop(machine);
		onLine(
			`@now runs K3s's own ${role === 'server' ? 'k3s' : 'k3s-agent'}-uninstall.sh`,
		);
		await scene.pace.pass(3000, signal);
		takeBack(machine, [...ours, `${k3sFolder}/k3s.yaml`], kept);
		k3s.binary = undefined;
		k3s.installed = undefined;
		k3s.appliedHash = undefined;
		k3s.cluster = undefined;
		if (tailscale !== undefined) {
			const own = (routes: readonly string[]) =>
				routes.filter((route) => !podRoutes.includes(route));
			machine.tailscale = {
				...tailscale,
				advertisedRoutes: own(tailscale.advertisedRoutes),
				approvedRoutes: own(tailscale.approvedRoutes),
			};
		}

		scene.touch();
		return {changed: true};
	}),
	answerTo(firewallTakeBack, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(300, signal);
		const gone = new Set(input.rules.map(({add}) => add.join(' ')));
		const staying = machine.rules.filter(({add}) => !gone.has(add.join(' ')));
		const changed = staying.length < machine.rules.length;
		machine.rules.splice(0, Infinity, ...staying);
		if (input.staying.length === 0) {
			machine.files.delete(firewallUnitPath);
		}

		scene.touch();
		return {changed};
	}),
	answerTo(openPorts, ({machine}) => ({
		changed: takeBack(machine, [closeRulesPath, closeUnitPath], []),
	})),
	answerTo(filesTakeBack, ({machine, input}) => ({
		changed: takeBack(machine, input.ours, input.kept),
	})),
	answerTo(manifestForget, ({machine}) => ({
		changed: removeFolder(machine, stateFolder),
	})),
	answerTo(tailscaleUninstall, ({scene, machine}) => {
		const changed = machine.tailscale !== undefined;
		machine.tailscale = undefined;
		scene.touch();
		return {changed};
	}),
];
