import assert from 'node:assert/strict';
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {firewallTakeBack} from '../../source/host/scripts/firewall-take-back.js';
import {
	firewallUnitPath,
	type OpenedFirewall,
} from '../../source/host/scripts/firewall-unit.js';
import {firewallApply} from '../../source/host/scripts/firewall.js';
import {firewalldRules} from '../../source/plan/firewall/firewalld.js';
import {iptablesRules} from '../../source/plan/firewall/iptables.js';
import {nftablesRules} from '../../source/plan/firewall/nftables.js';
import type {Opening} from '../../source/plan/firewall/openings.js';
import {ufwRules} from '../../source/plan/firewall/ufw.js';
import {namesAddress} from '../../source/plan/leaving/others.js';
import type {FirewallRule} from '../../source/plan/plan.js';
import {systemShells} from '../host/shells.js';
import {firewallPrograms} from './firewall-programs.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

const from = (source: string, port: number): Opening => ({
	kind: 'port',
	family: 4,
	protocol: 'tcp',
	peer: 'x',
	source,
	port,
	why: `port ${port} from ${source}`,
});

const openings: readonly Opening[] = [
	from('192.0.2.7', 6443),
	from('192.0.2.7', 10_250),
	from('192.0.2.71', 10_250),
	{kind: 'network', family: 4, cidr: '10.42.0.0/16', why: 'pods'},
];

const kinds: ReadonlyArray<readonly [OpenedFirewall, readonly FirewallRule[]]> =
	[
		['ufw', ufwRules(openings)],
		['firewalld', firewalldRules(openings, ['public'])],
		[
			'nftables',
			nftablesRules(openings, [
				{table: 'inet filter', chain: 'input', hook: 'input'},
			]),
		],
		['iptables', iptablesRules(openings)],
	];

for (const shell of systemShells) {
	describe(
		`firewall rules that go, with ${shell.name}`,
		{skip: shell.skip},
		() => {
			let sandbox: Sandbox;
			beforeEach(() => {
				sandbox = makeSandbox(shell);
				for (const [name, text] of Object.entries(
					firewallPrograms(sandbox.root),
				)) {
					sandbox.program(name, text);
				}

				sandbox.write('/etc/systemd/system/owner.service', '');
				// The owner's own.
				sandbox.write('/firewall/ufw', '[allow][to][any][port][22]\n');
				sandbox.write(
					'/firewall/nft-inet-filter-input',
					'tcp dport 22 accept\n',
				);
				sandbox.write('/firewall/iptables-INPUT', '[-j][REJECT]\n');
				for (const mode of ['running', 'permanent']) {
					sandbox.write(`/firewall/firewalld-${mode}-public`, 'service=ssh\n');
				}
			});
			afterEach(() => {
				sandbox.close();
			});

			/** All rules of all firewalls. */
			const state = (): string =>
				readdirSync(sandbox.at('/firewall'))
					.toSorted()
					.map(
						(file) =>
							`${file}:\n${readFileSync(path.join(sandbox.at('/firewall'), file), 'utf8')}`,
					)
					.filter((text) => !text.endsWith(':\n'))
					.join('\n');

			const allGo = async (
				firewall: OpenedFirewall,
				rules: readonly FirewallRule[],
			): Promise<void> => {
				const before = state();
				await sandbox.run(firewallApply, {firewall, rules, checkOnly: false});
				assert.notEqual(state(), before);
				assert.deepEqual(
					await sandbox.run(firewallTakeBack, {firewall, rules, staying: []}),
					{changed: true},
				);
				assert.equal(state(), before);
				assert.ok(!existsSync(sandbox.at(firewallUnitPath)));
				assert.deepEqual(
					await sandbox.run(firewallTakeBack, {firewall, rules, staying: []}),
					{changed: false},
				);
			};

			const thoseOfOneGo = async (
				firewall: OpenedFirewall,
				rules: readonly FirewallRule[],
			): Promise<void> => {
				const naming = rules.filter((rule) =>
					namesAddress(rule, ['192.0.2.7']),
				);
				const staying = rules.filter((rule) => !naming.includes(rule));
				assert.equal(naming.length, 2);
				await sandbox.run(firewallApply, {
					firewall,
					rules: staying,
					checkOnly: false,
				});
				const without = state();
				await sandbox.run(firewallApply, {firewall, rules, checkOnly: false});
				await sandbox.run(firewallTakeBack, {
					firewall,
					rules: naming,
					staying,
				});
				assert.equal(state(), without);
				const unit = sandbox.at(firewallUnitPath);
				if (existsSync(unit)) {
					assert.doesNotMatch(readFileSync(unit, 'utf8'), /192\.0\.2\.7\b/);
				}

				const {missing} = await sandbox.run(firewallApply, {
					firewall,
					rules: staying,
					checkOnly: true,
				});
				assert.equal(missing, 0);
			};

			for (const [firewall, rules] of kinds) {
				test(`${firewall}: all go, and nothing else does`, async () =>
					allGo(firewall, rules));
				test(`${firewall}: those of one address go, and those of others stay`, async () =>
					thoseOfOneGo(firewall, rules));
			}

			test('ufw: a rule that its owner had before is theirs', async () => {
				const rules = ufwRules(openings);
				const [theirs] = rules;
				await sandbox.run(firewallApply, {
					firewall: 'ufw',
					rules: [{...theirs!, add: theirs!.add.slice(0, -2)}],
					checkOnly: false,
				});
				const before = state();
				await sandbox.run(firewallApply, {
					firewall: 'ufw',
					rules,
					checkOnly: false,
				});
				await sandbox.run(firewallTakeBack, {
					firewall: 'ufw',
					rules,
					staying: [],
				});
				assert.equal(state(), before);
			});

			test('rules of a program that is not there any more are gone', async () => {
				const rules = iptablesRules(openings).map(({why, add, remove}) => ({
					why,
					add: ['no-such-tables', ...add.slice(1)],
					remove,
				}));
				assert.deepEqual(
					await sandbox.run(firewallTakeBack, {
						firewall: 'iptables',
						rules,
						staying: [],
					}),
					{changed: false},
				);
			});
		},
	);
}
