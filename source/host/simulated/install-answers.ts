import {ScriptFailed} from '../errors.js';
import {firewallArm, firewallSettle} from '../scripts/firewall-rollback.js';
import type {FirewallWords} from '../scripts/firewall-unit.js';
import {firewallApply} from '../scripts/firewall.js';
import {
	k3sDownload,
	k3sInstall,
	k3sResolveVersion,
} from '../scripts/k3s-get.js';
import {
	lockRefresh,
	lockRelease,
	lockStaleSeconds,
	lockTake,
	type LockAnswer,
} from '../scripts/lock.js';
import {answerTo, type Answer} from './answer.js';
import type {Machine} from './machine.js';
import type {Scene} from './scene.js';

/** Size of the K3s binary that is never really downloaded, in bytes. */
const binaryBytes = 72 * 1024 * 1024;
/** Parts in which the download tells how far it is, and the time of each, in ms. */
const downloadParts = 24;
const partMs = 250;

/** What the release channels of the simulated world say. */
const channels: Readonly<Record<string, string>> = {
	stable: 'v1.36.3+k3s1',
	latest: 'v1.36.3+k3s1',
	'v1.36': 'v1.36.3+k3s1',
	'v1.35': 'v1.35.6+k3s1',
};

const secondsSince = (scene: Scene, at: number): number =>
	Math.max(0, Math.round((scene.now() - at) / 1000));

const missingRules = (
	machine: Machine,
	rules: readonly FirewallWords[],
): readonly FirewallWords[] => {
	const known = new Set(machine.rules.map(({add}) => add.join(' ')));
	return rules.filter(({add}) => !known.has(add.join(' ')));
};

/** Firewall, download, installer and lock of simulated machines. */
export const installAnswers: readonly Answer[] = [
	answerTo(firewallApply, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(300, signal);
		const missing = missingRules(machine, input.rules);
		if (!input.checkOnly) {
			machine.rules.push(...missing);
			scene.touch();
		}

		return {
			missing: missing.length,
			places: missing.map((rule) => input.rules.indexOf(rule)),
		};
	}),
	answerTo(firewallArm, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(300, signal);
		const missing = missingRules(machine, input.rules);
		machine.rulesBefore = missing.length > 0 ? [...machine.rules] : undefined;
		return {missing: missing.length, earlier: undefined};
	}),
	answerTo(firewallSettle, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(200, signal);
		const {rulesBefore} = machine;
		machine.rulesBefore = undefined;
		if (input.keep || rulesBefore === undefined) {
			return {outcome: 'kept'} as const;
		}

		machine.rules.splice(0, Infinity, ...rulesBefore);
		scene.touch();
		return {outcome: 'rolled-back', left: []} as const;
	}),
	answerTo(k3sResolveVersion, async ({scene, node, input, signal}) => {
		await scene.pace.pass(400, signal);
		const channel = input.channelUrl.split('/').at(-1)!;
		const version = channels[channel];
		if (version === undefined) {
			throw new ScriptFailed(node, k3sResolveVersion.name, {
				code: 1,
				lastLines: [
					`The release channel ${input.channelUrl} gives no answer: not found`,
				],
			});
		}

		return {version};
	}),
	answerTo(
		k3sDownload,
		async ({scene, machine, node, input, signal, onLine}) => {
			const {k3s} = machine;
			if (k3s.binary === input.version) {
				return {changed: false};
			}

			onLine(`@now asks for the checksum of ${input.version}`);
			await scene.pace.pass(300, signal);
			onLine(`@now downloads ${input.version}`);
			for (let part = 1; part <= downloadParts; part += 1) {
				await scene.pace.pass(partMs * (0.7 + scene.random() * 0.6), signal);
				if (machine.downloadsToFail > 0 && part === downloadParts / 2) {
					machine.downloadsToFail -= 1;
					throw new ScriptFailed(node, k3sDownload.name, {
						code: 1,
						lastLines: [`${input.url} cannot be downloaded.`],
					});
				}

				onLine(
					`@progress ${Math.round((binaryBytes * part) / downloadParts)} ${binaryBytes}`,
				);
			}

			onLine('@now checks the sha256');
			await scene.pace.pass(300, signal);
			k3s.binary = input.version;
			k3s.appliedHash = undefined;
			return {changed: true};
		},
	),
	answerTo(k3sInstall, async ({scene, machine, input, signal, onLine}) => {
		const {k3s} = machine;
		const {role, version} = input;
		if (k3s.installed?.role === role && k3s.installed.version === version) {
			return {changed: false};
		}

		onLine('@now fetches install.sh');
		await scene.pace.pass(400, signal);
		onLine('@now runs install.sh');
		await scene.pace.pass(600, signal);
		const unit = role === 'server' ? 'k3s' : 'k3s-agent';
		onLine(
			`[INFO]  systemd: Creating service file /etc/systemd/system/${unit}.service`,
		);
		onLine(`[INFO]  systemd: Enabling ${unit} unit`);
		k3s.installed = {role, version};
		k3s.appliedHash = undefined;
		return {changed: true};
	}),
	answerTo(lockTake, ({scene, machine, input}): LockAnswer => {
		const {runId, owner} = input;
		const {lock} = machine;
		const ageSeconds =
			lock === undefined ? 0 : secondsSince(scene, lock.refreshedAt);
		if (
			lock !== undefined &&
			lock.runId !== '' &&
			lock.runId !== runId &&
			ageSeconds <= lockStaleSeconds &&
			!input.gone.includes(lock.runId)
		) {
			return {
				taken: false,
				holder: {
					runId: lock.runId,
					owner: lock.owner,
					heldSeconds: secondsSince(scene, lock.takenAt),
					ageSeconds,
				},
			};
		}

		const at = scene.now();
		machine.lock = {
			runId,
			owner,
			takenAt: lock?.runId === runId ? lock.takenAt : at,
			refreshedAt: at,
		};
		return {taken: true};
	}),
	answerTo(lockRefresh, ({scene, machine, input}) => {
		const {lock} = machine;
		const held = lock === undefined || lock.runId === input.runId;
		if (held) {
			const at = scene.now();
			machine.lock = {
				...input,
				takenAt: lock?.takenAt ?? at,
				refreshedAt: at,
			};
		}

		return {held};
	}),
	answerTo(lockRelease, ({machine, input}) => {
		if (machine.lock?.runId === input.runId) {
			machine.lock = {...machine.lock, runId: '', owner: ''};
		}
	}),
];
