import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, renameSync, rmSync} from 'node:fs';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {
	firewallArm,
	firewallSettle,
} from '../../source/host/scripts/firewall-rollback.js';
import {
	firewallUnitPath,
	type FirewallWords,
	type OpenedFirewall,
} from '../../source/host/scripts/firewall-unit.js';
import {unitSeparator} from '../../source/host/scripts/firewall-shell.js';
import {rollbackUnitPath} from '../../source/host/scripts/firewall-worker.js';
import {firewallApply} from '../../source/host/scripts/firewall.js';
import type {Opening} from '../../source/plan/firewall/openings.js';
import {firewalldRules} from '../../source/plan/firewall/firewalld.js';
import {iptablesRules} from '../../source/plan/firewall/iptables.js';
import {nftablesRules} from '../../source/plan/firewall/nftables.js';
import {ufwRules} from '../../source/plan/firewall/ufw.js';
import {systemShells} from '../host/shells.js';
import {firewallPrograms} from './firewall-programs.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

const missingProgram = ['flock', 'cmp'].find(
	(name) => spawnSync('sh', ['-c', 'command -v "$0"', name]).status !== 0,
);

const from = (source: string): Opening => ({
	kind: 'port',
	why: `WireGuard from ${source}`,
	protocol: 'udp',
	port: 51_820,
	peer: source,
	source,
	family: 4,
});
const cni: Opening = {
	kind: 'interface',
	why: 'pods of this node',
	device: 'cni0',
};
const before = [from('192.0.2.1'), cni];
const wanted = [from('192.0.2.2'), ...before, from('192.0.2.3')];

type RulesOf = (openings: readonly Opening[]) => readonly FirewallWords[];

const kinds: ReadonlyArray<readonly [OpenedFirewall, RulesOf]> = [
	['ufw', ufwRules],
	['firewalld', (openings) => firewalldRules(openings, ['public'])],
	['iptables', iptablesRules],
	['nftables', nftablesRules],
];

/** Its program, and the words with which it takes something back. */
const removing: Readonly<
	Record<OpenedFirewall, readonly [string, ...string[]]>
> = {
	ufw: ['ufw', 'delete', 'reload'],
	firewalld: ['firewall-cmd', '--remove-'],
	iptables: ['iptables', '-D'],
	nftables: ['nft', 'delete', 'flush', '-f'],
};

const rolledBack = {outcome: 'rolled-back', left: []} as const;

/** With no time to try again: a test takes none. */
const arming = (firewall: OpenedFirewall, rules: readonly FirewallWords[]) => ({
	firewall,
	rules,
	seconds: 120,
	patienceSeconds: 0,
});

for (const shell of systemShells) {
	describe(
		`the way back of a firewall change, with ${shell.name}`,
		{
			skip:
				shell.skip ||
				(missingProgram !== undefined && `${missingProgram} is not installed`),
		},
		() => {
			let sandbox: Sandbox;
			beforeEach(() => {
				sandbox = makeSandbox(shell);
				for (const [name, text] of Object.entries(
					firewallPrograms(sandbox.root),
				)) {
					sandbox.program(name, text);
				}

				sandbox.write('/etc/systemd/system/keep', '');
				sandbox.write(
					'/firewall/nft-inet-filter-input',
					'tcp dport 22 accept\n',
				);
			});
			afterEach(() => {
				sandbox.close();
			});

			const arm = async (
				firewall: OpenedFirewall,
				rules: readonly FirewallWords[],
			): Promise<number> => {
				const {missing} = await sandbox.run(
					firewallArm,
					arming(firewall, rules),
				);
				return missing;
			};

			/** Puts a program in front of one of the firewall's; `$real` is that one. */
			const inFrontOf = (program: string, text: string): void => {
				const real = sandbox.at(`/programs/real-${program}`);
				renameSync(sandbox.at(`/programs/${program}`), real);
				sandbox.program(program, `#!/bin/sh\nreal=${real}\n${text}`);
			};

			/** From now on a program takes nothing back, until `/free` is there. */
			const holds = (kind: OpenedFirewall): void => {
				const [program, ...verbs] = removing[kind];
				inFrontOf(
					program,
					`case " $* " in
	${verbs.map((verb) => `*" ${verb}"*`).join(' | ')}) [ -e ${sandbox.at('/free')} ] || exit 4 ;;
esac
exec $real "$@"
`,
				);
			};

			const apply = async (
				firewall: OpenedFirewall,
				rules: readonly FirewallWords[],
				options: {checkOnly?: boolean; rollbackArmed?: boolean} = {},
			): Promise<number> => {
				const {missing} = await sandbox.run(firewallApply, {
					firewall,
					rules,
					checkOnly: false,
					rollbackArmed: isArmed(),
					...options,
				});
				return missing;
			};

			const run = (worker: string, wanted = 0): void => {
				const file = sandbox.at(worker);
				const words = shell.name === 'busybox ash' ? ['ash', file] : [file];
				const {status, stderr} = spawnSync(shell.path!, words, {
					encoding: 'utf8',
				});
				assert.equal(status, wanted, stderr);
			};

			/** What systemd does when the time is over, or after a boot before that. */
			const timeIsOver = (status?: number): void => {
				run('/var/lib/k3s-mesh/rollback/run', status);
			};

			/** Does a boot start the rollback? */
			const startsAtBoot = (): boolean => {
				const isEnabled = existsSync(
					sandbox.at('/enabled-k3s-mesh-rollback.service'),
				);
				assert.equal(existsSync(sandbox.at(rollbackUnitPath)), isEnabled);
				return isEnabled;
			};

			const isArmed = () =>
				existsSync(sandbox.at('/var/lib/k3s-mesh/rollback/run'));

			/** All that the firewall, our unit and our manifest are, as text. */
			const everything = (): string =>
				[
					...readdirSync(sandbox.at('/firewall'))
						.toSorted()
						.map((name) => `/firewall/${name}`),
					'/etc/systemd/system/k3s-mesh-firewall.service',
					'/var/lib/k3s-mesh/manifest.json',
				]
					.map((file) => {
						const text = existsSync(sandbox.at(file)) ? sandbox.read(file) : '';
						const lines = text.trim().split('\n').toSorted();
						return text.trim() === '' ? '' : [file, ...lines].join('\n');
					})
					.filter((text) => text !== '')
					.join('\n\n');

			const takesBack = async (
				kind: OpenedFirewall,
				rulesOf: RulesOf,
			): Promise<void> => {
				await apply(kind, rulesOf(before));
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'as it was\n');
				const state = everything();
				assert.equal(await arm(kind, rulesOf(wanted)), 2);
				assert.equal(everything(), state);
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'with more\n');
				await apply(kind, rulesOf(wanted));
				assert.notEqual(everything(), state);
				timeIsOver();
				assert.equal(everything(), state);
			};

			const leavesNothing = async (
				kind: OpenedFirewall,
				rulesOf: RulesOf,
			): Promise<void> => {
				const rules = rulesOf(wanted);
				const state = everything();
				await arm(kind, rules);
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'new\n');
				await apply(kind, rules);
				assert.equal(await apply(kind, rules, {checkOnly: true}), 0);
				timeIsOver();
				assert.equal(everything(), state);
				assert.deepEqual(
					readdirSync(sandbox.at('/firewall')).filter((name) =>
						name.includes('k3s_mesh'),
					),
					[],
				);
			};

			const armsNothing = async (
				kind: OpenedFirewall,
				rulesOf: RulesOf,
			): Promise<void> => {
				await apply(kind, rulesOf(wanted));
				assert.equal(await arm(kind, rulesOf(wanted)), 0);
				assert.equal(isArmed(), false);
				assert.equal(existsSync(sandbox.at('/timers')), false);
			};

			for (const [kind, rulesOf] of kinds) {
				test(`${kind}: what was missing is taken back, and nothing else`, async () =>
					takesBack(kind, rulesOf));
				test(`${kind}: nothing is left where nothing was`, async () =>
					leavesNothing(kind, rulesOf));
				test(`${kind}: nothing is armed when all rules are there`, async () =>
					armsNothing(kind, rulesOf));
			}

			test('the timer is transient, exact, and named', async () => {
				await arm('ufw', ufwRules(wanted));
				assert.match(
					sandbox.read('/timers'),
					/--unit=k3s-mesh-rollback\.service --on-active=120 --timer-property=AccuracySec=1s\n$/,
				);
				assert.match(
					sandbox.read(rollbackUnitPath),
					/^ExecStart=\/bin\/sh \S+\/rollback\/run$/m,
				);
			});

			test('kept rules stay when the timer fires late', async () => {
				const rules = iptablesRules(wanted);
				await arm('iptables', rules);
				await apply('iptables', rules);
				const state = everything();
				const late = sandbox.read('/var/lib/k3s-mesh/rollback/run');
				assert.deepEqual(await sandbox.run(firewallSettle, {keep: true}), {
					outcome: 'kept',
				});
				assert.equal(startsAtBoot(), false);
				sandbox.write('/late', late);
				run('/late');
				assert.match(
					sandbox.read('/systemctl-calls'),
					/^stop k3s-mesh-rollback\.timer$/m,
				);
				assert.equal(
					existsSync(sandbox.at('/var/lib/k3s-mesh/rollback')),
					false,
				);
				assert.equal(everything(), state);
			});

			test('rules can be taken back at once', async () => {
				const state = everything();
				await arm('ufw', ufwRules(wanted));
				await apply('ufw', ufwRules(wanted));
				assert.deepEqual(
					await sandbox.run(firewallSettle, {keep: false}),
					rolledBack,
				);
				assert.equal(everything(), state);
				assert.equal(isArmed(), false);
			});

			test('who comes too late to keep the rules is told', async () => {
				await arm('ufw', ufwRules(wanted));
				await apply('ufw', ufwRules(wanted));
				timeIsOver();
				// It takes back once.
				sandbox.write('/firewall/ufw', '[allow][from][192.0.2.9]\n');
				const state = everything();
				timeIsOver();
				assert.equal(everything(), state);
				assert.deepEqual(
					await sandbox.run(firewallSettle, {keep: true}),
					rolledBack,
				);
				assert.equal(isArmed(), false);
			});

			test('a change that an earlier run left unconfirmed is taken back before the next one', async () => {
				const state = everything();
				await arm('ufw', ufwRules(wanted));
				await apply('ufw', ufwRules(wanted));
				assert.equal(await arm('ufw', ufwRules(before)), 2);
				assert.equal(everything(), state);
				assert.equal(isArmed(), true);
			});

			const stopsInTheMiddle = async (
				kind: OpenedFirewall,
				rulesOf: RulesOf,
			): Promise<void> => {
				await apply(kind, rulesOf(before));
				const state = everything();
				await arm(kind, rulesOf(wanted));
				// The first look at what is there finds the time over, as a slow machine's would.
				const looking = {
					ufw: 'ufw',
					firewalld: 'firewall-cmd',
					iptables: 'iptables',
					nftables: 'nft',
				}[kind];
				const real = sandbox.at(`/programs/real-${looking}`);
				renameSync(sandbox.at(`/programs/${looking}`), real);
				const applet = shell.name === 'busybox ash' ? 'ash' : '';
				sandbox.program(
					looking,
					`#!/bin/sh
if [ ! -e ${sandbox.root}/over ]; then
	: >${sandbox.root}/over
	${shell.path!} ${applet} ${sandbox.at('/var/lib/k3s-mesh/rollback/run')} 9>&-
fi
exec ${real} "$@"
`,
				);
				await assert.rejects(apply(kind, rulesOf(wanted)), {
					message: /^The change was ended before all rules were added/,
				});
				assert.equal(everything(), state);
			};

			for (const [kind, rulesOf] of kinds) {
				test(`${kind}: nothing is added any more when the change is ended in the middle`, async () =>
					stopsInTheMiddle(kind, rulesOf));
			}

			test('an addition that outlives its run adds nothing to what a later run has armed', async () => {
				await arm('ufw', ufwRules(wanted));
				const program = sandbox.at('/programs/ufw');
				const real = sandbox.at('/programs/real-ufw');
				renameSync(program, real);
				const folder = sandbox.at('/var/lib/k3s-mesh/rollback');
				sandbox.program(
					'ufw',
					`#!/bin/sh
if [ ! -e ${sandbox.root}/over ]; then
	: >${sandbox.root}/over
	mv ${folder}/lock ${folder}/earlier
	: >${folder}/lock
fi
exec ${real} "$@"
`,
				);
				const state = everything();
				await assert.rejects(apply('ufw', ufwRules(wanted)), {
					message: /^The change was ended before all rules were added/,
				});
				assert.equal(everything(), state);
			});

			test('what another run has listed in the manifest meanwhile stays there', async () => {
				await arm('ufw', ufwRules(wanted));
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'of this change\n');
				await apply('ufw', ufwRules(wanted));
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'of another run\n');
				timeIsOver();
				assert.equal(
					sandbox.read('/var/lib/k3s-mesh/manifest.json'),
					'of another run\n',
				);
			});

			/** What cannot be taken back is told with its commands, tried again, and listed in the manifest until it is gone. */
			const tellsWhatIsLeft = async (
				kind: OpenedFirewall,
				rulesOf: RulesOf,
			): Promise<void> => {
				await apply(kind, rulesOf(before));
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'as it was\n');
				const state = everything();
				await arm(kind, rulesOf(wanted));
				sandbox.write('/var/lib/k3s-mesh/manifest.json', 'with more\n');
				await apply(kind, rulesOf(wanted));
				holds(kind);

				timeIsOver(1);
				assert.equal(startsAtBoot(), true);
				assert.equal(
					sandbox.read('/var/lib/k3s-mesh/manifest.json'),
					'with more\n',
				);
				const known = new Set(
					rulesOf(before).map(({remove}) => remove.join(' ')),
				);
				const left = [
					...new Set(
						rulesOf(wanted)
							.map(({remove}) => remove.join(' '))
							.filter((words) => kind === 'nftables' || !known.has(words)),
					),
				].toSorted();
				assert.ok(left.length > 0);
				for (const [told, script] of [
					[await sandbox.run(firewallSettle, {keep: true}), 'firewall.settle'],
					[
						(await sandbox.run(firewallArm, arming(kind, rulesOf(wanted))))
							.earlier,
						'firewall.arm',
					],
				] as const) {
					assert.ok(told !== undefined && 'left' in told, script);
					assert.equal(told.outcome, 'stuck', script);
					assert.deepEqual(
						told.left.map((words) => words.join(' ')).toSorted(),
						left,
						script,
					);
				}

				assert.match(
					sandbox.read('/systemctl-calls'),
					/^restart --no-block k3s-mesh-rollback\.service$/m,
				);
				assert.equal(isArmed(), true);

				sandbox.write('/free', '');
				timeIsOver();
				assert.equal(everything(), state);
				assert.equal(startsAtBoot(), false);
				assert.deepEqual(
					await sandbox.run(firewallSettle, {keep: false}),
					rolledBack,
				);
			};

			for (const [kind, rulesOf] of kinds) {
				test(`${kind}: a firewall that is held is said to have the lines still`, async () =>
					tellsWhatIsLeft(kind, rulesOf));
			}

			test('a firewall that is held for a moment is waited for', async () => {
				const rules = iptablesRules(wanted);
				const state = everything();
				await sandbox.run(firewallArm, {
					...arming('iptables', rules),
					patienceSeconds: 3600,
				});
				await apply('iptables', rules);
				inFrontOf(
					'iptables',
					`case " $* " in
	*" -D "*)
		if [ ! -e ${sandbox.at('/waited')} ]; then
			: >${sandbox.at('/waited')}
			exit 4
		fi
		;;
esac
exec $real "$@"
`,
				);
				timeIsOver();
				assert.equal(existsSync(sandbox.at('/waited')), true);
				assert.equal(everything(), state);
			});

			test('a firewall that does not say what it has is not said to be as before', async () => {
				const rules = iptablesRules(wanted);
				await arm('iptables', rules);
				await apply('iptables', rules);
				inFrontOf(
					'iptables',
					'case " $* " in *" -C "* | *" -S "*) exit 1 ;; esac\nexec $real "$@"\n',
				);
				timeIsOver(1);
				const told = await sandbox.run(firewallSettle, {keep: false});
				assert.equal(told.outcome, 'stuck');
			});

			test('ufw: a rule that is gone from its files alone is not said to be gone', async () => {
				const rules = ufwRules(wanted);
				await arm('ufw', rules);
				await apply('ufw', rules);
				inFrontOf(
					'ufw',
					`case "$1" in
	delete)
		$real "$@"
		exit 1
		;;
	reload) [ -e ${sandbox.at('/free')} ] || exit 1 ;;
esac
exec $real "$@"
`,
				);
				timeIsOver(1);
				sandbox.write('/free', '');
				timeIsOver();
				assert.deepEqual(
					await sandbox.run(firewallSettle, {keep: false}),
					rolledBack,
				);
			});

			test('a unit of ours that another program puts there again is told', async () => {
				const rules = iptablesRules(wanted);
				await arm('iptables', rules);
				await apply('iptables', rules);
				inFrontOf(
					'systemctl',
					`[ "$1" != daemon-reload ] || echo again >${sandbox.at(firewallUnitPath)}
exec $real "$@"
`,
				);
				timeIsOver(1);
				assert.deepEqual(
					sandbox
						.read('/var/lib/k3s-mesh/rollback/left')
						.replaceAll(unitSeparator, ' ')
						.trim()
						.split('\n'),
					[
						'systemctl disable --now k3s-mesh-firewall.service',
						`rm ${sandbox.at(firewallUnitPath)}`,
					],
				);
			});

			test('a boot before the time is over takes back what nobody has confirmed', async () => {
				const state = everything();
				await arm('ufw', ufwRules(wanted));
				assert.equal(startsAtBoot(), true);
				await apply('ufw', ufwRules(wanted));
				// A boot leaves no transient timer.
				rmSync(sandbox.at('/timer-runs'));
				timeIsOver();
				assert.equal(everything(), state);
				assert.equal(startsAtBoot(), false);
				// The next run hears of it, once.
				for (const earlier of [rolledBack, undefined]) {
					const rules = ufwRules(wanted);
					const told = await sandbox.run(firewallArm, arming('ufw', rules));
					assert.deepEqual(told, {missing: rules.length, earlier});
					await sandbox.run(firewallSettle, {keep: true});
				}
			});

			test('a later run disarms before it looks for rules', async () => {
				const rules = ufwRules(wanted);
				await arm('ufw', rules);
				await apply('ufw', rules);
				const state = everything();
				const program = sandbox.at('/programs/ufw');
				const real = sandbox.at('/programs/real-ufw');
				renameSync(program, real);
				sandbox.program(
					'ufw',
					`#!/bin/sh
[ ! -e ${sandbox.at('/timer-runs')} ] || : >${sandbox.root}/looked-too-early
exec ${real} "$@"
`,
				);
				await apply('ufw', rules, {rollbackArmed: false});
				assert.equal(existsSync(sandbox.at('/looked-too-early')), false);
				assert.equal(isArmed(), false);
				assert.equal(everything(), state);
			});

			test('a later run that wants the rules for good disarms what an earlier one left armed', async () => {
				const rules = ufwRules(wanted);
				await arm('ufw', rules);
				await apply('ufw', rules);
				const later = {rollbackArmed: false};
				assert.equal(await apply('ufw', rules, {...later, checkOnly: true}), 1);
				assert.equal(isArmed(), true);
				assert.equal(await apply('ufw', rules, later), 1);
				assert.equal(isArmed(), false);
				assert.equal(await apply('ufw', rules, {...later, checkOnly: true}), 0);
			});

			test('nothing is changed where no timer can be armed', async () => {
				sandbox.program('systemd-run', '#!/bin/sh\nexit 1\n');
				const state = everything();
				await assert.rejects(arm('ufw', ufwRules(wanted)), {
					message: /does not arm the timer/,
				});
				assert.equal(everything(), state);
				assert.equal(isArmed(), false);
				assert.equal(startsAtBoot(), false);
			});
		},
	);
}
