import {closeRulesPath} from '../../plan/paths.js';
import {ScriptFailed} from '../errors.js';
import {
	closePorts,
	closeRules,
	closeUnitPath,
	closeUnitText,
} from '../scripts/close-ports.js';
import {systemdReload} from '../scripts/systemd-reload.js';
import {tailscaleInstall} from '../scripts/tailscale-get.js';
import {
	tailscaleAcceptRoutes,
	tailscaleLogin,
	tailscaleLogout,
	tailscaleStart,
} from '../scripts/tailscale-login.js';
import {tailscaleNetcheck} from '../scripts/tailscale-netcheck.js';
import {tailscalePing, type TailnetPing} from '../scripts/tailscale-ping.js';
import {tailscaleStatus} from '../scripts/tailscale-status.js';
import {tailscaleTrust} from '../scripts/tailscale-trust.js';
import {answerTo, type Answer, type Call} from './answer.js';
import {roundTrip} from './network.js';
import {
	freshTailscale,
	isRelayed,
	machineInTailnet,
	netcheckOf,
	tailnetAddressOf,
	tailscaleNow,
} from './tailnet.js';

const pathTo = (
	{scene, machine}: Pick<Call<unknown>, 'scene' | 'machine'>,
	address: string,
): TailnetPing => {
	const target = machineInTailnet(scene, machine, address);
	if (target === undefined) {
		return {address, way: {kind: 'silent', reason: 'no matching peer'}};
	}

	const rttMs = Math.round(roundTrip(scene, machine, target));
	return {
		address,
		way:
			isRelayed(machine, target) || isRelayed(target, machine)
				? {kind: 'relayed', relay: 'DERP(fra)', rttMs: rttMs * 2}
				: {
						kind: 'direct',
						endpoint: `${target.spec.externalIp}:41641`,
						rttMs,
					},
	};
};

/** Tailscale on simulated machines: a tailnet that lets everybody in and approves all routes. */
export const tailscaleAnswers: readonly Answer[] = [
	answerTo(tailscaleStatus, ({scene, machine}) => tailscaleNow(scene, machine)),
	answerTo(tailscaleInstall, async ({scene, machine, signal, onLine}) => {
		if (machine.tailscale !== undefined) {
			return {changed: false};
		}

		onLine("@now fetches Tailscale's install script");
		await scene.pace.pass(500, signal);
		onLine("@now runs Tailscale's install script");
		await scene.pace.pass(3000, signal);
		onLine('@now starts tailscaled');
		machine.tailscale = freshTailscale;
		scene.touch();
		return {changed: true};
	}),
	answerTo(tailscaleStart, () => undefined),
	answerTo(tailscaleLogin, async ({scene, machine, node, input, signal}) => {
		await scene.pace.pass(2000, signal);
		if (machine.tailscale === undefined) {
			throw new ScriptFailed(node, tailscaleLogin.name, {
				code: 127,
				lastLines: ['tailscale: not found'],
			});
		}

		const {login, acceptRoutes} = input;
		machine.tailscale = {
			...machine.tailscale,
			state: 'Running',
			addresses: [tailnetAddressOf(scene, machine)],
			acceptsRoutes: machine.tailscale.acceptsRoutes || acceptRoutes,
			...(login.kind === 'new' && {
				tailnet: 'example.org',
				controlServer: login.controlServer,
				dnsName: `${login.hostname}.tail1234.ts.net`,
				tags: login.tags === 'of-key' ? [] : login.tags,
				acceptsDns: false,
			}),
		};
		scene.touch();
		return {code: 0, said: [], kept: []};
	}),
	answerTo(tailscaleAcceptRoutes, ({machine}) => {
		if (machine.tailscale !== undefined) {
			machine.tailscale = {...machine.tailscale, acceptsRoutes: true};
		}
	}),
	answerTo(tailscaleLogout, ({scene, machine}) => {
		machine.tailscale &&= freshTailscale;
		scene.touch();
	}),
	answerTo(tailscaleTrust, () => undefined),
	answerTo(tailscaleNetcheck, async ({scene, machine, signal}) => {
		await scene.pace.pass(900, signal);
		return netcheckOf(machine);
	}),
	answerTo(tailscalePing, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(600, signal);
		return input.targets.map((address) => pathTo({scene, machine}, address));
	}),
	answerTo(systemdReload, () => undefined),
	answerTo(closePorts, async ({scene, machine, input, signal}) => {
		await scene.pace.pass(200, signal);
		const rules = closeRules(input);
		const changed = machine.files.get(closeRulesPath)?.content !== rules;
		if (changed && !input.checkOnly) {
			machine.files.set(closeRulesPath, {content: rules, mode: 0o600});
			machine.files.set(closeUnitPath, {content: closeUnitText, mode: 0o644});
			scene.touch();
		}

		return {changed};
	}),
];
