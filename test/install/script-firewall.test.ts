import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {afterEach, beforeEach, describe, test} from 'node:test';
import {firewallUnitPath} from '../../source/host/scripts/firewall-unit.js';
import {firewallApply} from '../../source/host/scripts/firewall.js';
import {firewallChanges} from '../../source/install/steps/firewall.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox, type Sandbox} from './script-sandbox.js';

/** A program that writes its words down, one in brackets each, and answers by what it was told before. */
const recording = (root: string, name: string, body: string) => `#!/bin/sh
calls=${root}/calls
words=
for word in "$@"; do words="$words[$word]"; done
rules=${root}/rules-${name}
touch "$rules"
${body}
`;
const change = 'echo "$0$words" | sed "s|.*/||" >>"$calls"';

const programs = (root: string): Readonly<Record<string, string>> => ({
	ufw: recording(
		root,
		'ufw',
		`if [ "$1" = --dry-run ]; then
	shift
	words=
	for word in "$@"; do words="$words[$word]"; done
	if grep -qxF -e "$words" "$rules"; then echo 'Skipping adding existing rule'; else echo '*filter'; fi
	exit 0
fi
if [ "$1" = show ]; then
	cat ${root}/forbidden 2>/dev/null
	exit 0
fi
${change}
echo "$words" >>"$rules"`,
	),
	iptables: recording(
		root,
		'iptables',
		String.raw`case "$words" in
	*'[-C]'*) grep -qxF -e "$(echo "$words" | sed 's/\[-C\]/[-I]/; s/\[INPUT\]/[INPUT][1]/')" "$rules"; exit ;;
esac
${change}
echo "$words" >>"$rules"`,
	),
	'firewall-cmd': recording(
		root,
		'firewall-cmd',
		`case "$words" in
	*'[--list-all]'*)
		zone="$(echo "$words" | sed 's/.--list-all.//')"
		[ "$1" = --permanent ] || zone="[running]$zone"
		settings() { grep -F -e "$zone" "$rules" | tr '[]' '\\n\\n' | sed -n "s/^--add-$1=/$2/p"; }
		echo 'public (active)'
		echo "  interfaces: eth0 $(settings interface '' | tr '\\n' ' ')"
		echo '  rich rules: '
		settings rich-rule '\t'
		exit
		;;
esac
${change}
[ "$1" = --permanent ] || words="[running]$words"
echo "$words" >>"$rules"`,
	),
	nft: recording(
		root,
		'nft',
		String.raw`if [ "$1" = list ]; then
	[ -e ${root}/no-chain ] && exit 1
	sed 's/\]\[/ /g; s/[][]//g' "$rules"
	exit 0
fi
${change}
echo "$words" >>"$rules"`,
	),
	systemctl: `#!/bin/sh
echo "systemctl $*" >>${root}/calls
case "$1" in
	enable) : >${root}/enabled ;;
	is-enabled) [ -e ${root}/enabled ] ;;
esac
`,
});

/** Words that a shell would take apart or run. */
const hostile = `k3s-mesh $(touch never) \`id\` * ; "q" 'q' %n`;

const rules = {
	ufw: [
		{
			add: ['ufw', 'prepend', 'allow', 'from', '192.0.2.7', 'comment', hostile],
			remove: ['ufw', 'delete', 'allow', 'from', '192.0.2.7'],
		},
		{
			add: ['ufw', 'route', 'prepend', 'allow', 'in', 'on', 'cni0'],
			remove: ['ufw', 'route', 'delete', 'allow', 'in', 'on', 'cni0'],
		},
	],
	iptables: [
		{
			add: [
				'iptables',
				'-w',
				'5',
				'-I',
				'INPUT',
				'1',
				'-s',
				'192.0.2.7',
				'--comment',
				hostile,
				'-j',
				'ACCEPT',
			],
			remove: ['iptables', '-w', '5', '-D', 'INPUT', '-s', '192.0.2.7'],
		},
	],
	firewalld: [
		{
			add: [
				'firewall-cmd',
				'--permanent',
				'--zone=public',
				'--add-rich-rule=rule family="ipv4" source address="192.0.2.7" accept',
			],
			remove: ['firewall-cmd', '--permanent', '--remove-rich-rule=x'],
		},
		{
			add: [
				'firewall-cmd',
				'--permanent',
				'--zone=public',
				'--add-rich-rule=rule family="ipv4" source address="192.0.2.8" accept',
			],
			remove: ['firewall-cmd', '--permanent', '--remove-rich-rule=y'],
		},
		...['cni0', 'flannel-wg'].map((device) => ({
			add: [
				'firewall-cmd',
				'--permanent',
				'--zone=trusted',
				`--add-interface=${device}`,
			],
			remove: ['firewall-cmd', '--permanent', `--remove-interface=${device}`],
		})),
	],
	nftables: [
		{
			add: [
				'nft',
				'insert',
				'rule',
				'inet',
				'filter',
				'input',
				'iifname',
				'"cni0"',
				'accept',
				'comment',
				'"k3s-mesh pods of this node"',
			],
			remove: ['nft', 'flush', 'chain', 'inet', 'filter', 'k3s_mesh_input'],
		},
	],
} as const;

for (const shell of systemShells) {
	describe(
		`firewall rules on a host, with ${shell.name}`,
		{
			skip: shell.skip,
		},
		() => {
			let sandbox: Sandbox;
			beforeEach(() => {
				sandbox = makeSandbox(shell);
				for (const [name, text] of Object.entries(programs(sandbox.root))) {
					sandbox.program(name, text);
				}

				sandbox.write('/etc/systemd/system/keep', '');
			});
			afterEach(() => {
				sandbox.close();
			});

			const apply = async (
				firewall: keyof typeof rules,
				checkOnly = false,
			): Promise<number> => {
				const {missing} = await sandbox.run(firewallApply, {
					firewall,
					rules: rules[firewall],
					checkOnly,
				});
				return missing;
			};

			const calls = (): string[] =>
				existsSync(sandbox.at('/calls'))
					? sandbox
							.read('/calls')
							.trim()
							.split('\n')
							.filter((line) => !line.startsWith('systemctl'))
					: [];

			test('ufw gets each word as it is, once', async () => {
				assert.equal(await apply('ufw', true), 2);
				assert.deepEqual(calls(), []);
				assert.equal(await apply('ufw'), 2);
				assert.equal(
					calls()[0],
					`ufw[prepend][allow][from][192.0.2.7][comment][${hostile}]`,
				);
				assert.equal(await apply('ufw'), 0);
				assert.equal(calls().length, 2);
				assert.equal(existsSync(sandbox.at('/never')), false);
			});

			test('a rule of ufw that forbids exactly what is needed is told, not taken for ours', async () => {
				await apply('ufw');
				for (const [rule, wrong] of [
					['ufw deny from 192.0.2.7', true],
					["ufw reject from 192.0.2.7 comment 'mine'", true],
					['ufw route deny in on cni0', true],
					['ufw allow from 192.0.2.7', false],
					['ufw deny from 192.0.2.7 to any port 22 proto tcp', false],
					['ufw deny from 192.0.2.70', false],
				] as const) {
					sandbox.write('/forbidden', `Added user rules:\n${rule}\n`);
					assert.equal(await apply('ufw', true), wrong ? 1 : 0, rule);
					if (wrong) {
						await assert.rejects(apply('ufw'), {
							message: `ufw has a rule that forbids what is needed, and takes none beside it: ${rule}`,
						});
					}
				}
			});

			test('firewalld gets the rules of a zone at once, in its permanent and its running configuration', async () => {
				assert.equal(await apply('firewalld', true), 4);
				assert.deepEqual(calls(), []);
				assert.equal(await apply('firewalld'), 4);
				const rich = ['7', '8']
					.map(
						(last) =>
							`[--add-rich-rule=rule family="ipv4" source address="192.0.2.${last}" accept]`,
					)
					.join('');
				const devices = '[--add-interface=cni0][--add-interface=flannel-wg]';
				const wanted = [
					`firewall-cmd[--permanent][--zone=public]${rich}`,
					`firewall-cmd[--zone=public]${rich}`,
					`firewall-cmd[--permanent][--zone=trusted]${devices}`,
					`firewall-cmd[--zone=trusted]${devices}`,
				];
				assert.deepEqual(calls(), wanted);
				assert.equal(await apply('firewalld', true), 0);
				assert.equal(await apply('firewalld'), 0);
				assert.deepEqual(calls(), wanted);
			});

			test('a rule that firewalld has in one of its configurations only is missing', async () => {
				await apply('firewalld');
				const file = '/rules-firewall-cmd';
				const all = sandbox.read(file);
				for (const line of all.trim().split('\n')) {
					sandbox.write(file, all.replace(`${line}\n`, ''));
					assert.equal(await apply('firewalld', true), 2, line);
				}
			});

			test('iptables rules come back at boot, by a unit in which no word means more than itself', async () => {
				assert.equal(await apply('iptables'), 1);
				assert.equal(calls().length, 1);
				assert.equal(await apply('iptables', true), 0);
				assert.equal(await apply('iptables'), 0);
				assert.equal(calls().length, 1);
				const unit = sandbox.read(
					'/etc/systemd/system/k3s-mesh-firewall.service',
				);
				const [remove, add] = unit
					.split('\n')
					.filter((line) => line.startsWith('ExecStart='));
				assert.match(
					remove!,
					/^ExecStart=-\/usr\/bin\/env "iptables" "-w" "5" "-D" "INPUT"/,
				);
				assert.ok(
					add!.includes(
						String.raw`"k3s-mesh $$(touch never) ` +
							'`id`' +
							String.raw` * ; \"q\" 'q' %%n"`,
					),
					add,
				);
				assert.match(unit, /^WantedBy=multi-user\.target/m);
			});

			test('the boot unit is listed in the manifest as it is written', async () => {
				await apply('iptables');
				const unit = sandbox.read(firewallUnitPath);
				assert.deepEqual(
					firewallChanges(
						{
							firewall: 'iptables',
							rules: rules.iptables.map((rule) => ({...rule, why: 'x'})),
						},
						[],
					).at(-1),
					{
						kind: 'file',
						path: firewallUnitPath,
						sha256: createHash('sha256').update(unit).digest('hex'),
						existed: false,
					},
				);
			});

			test('a boot unit that is gone is missing, too', async () => {
				await apply('iptables');
				sandbox.write('/etc/systemd/system/k3s-mesh-firewall.service', 'x');
				assert.equal(await apply('iptables', true), 1);
				assert.equal(await apply('iptables'), 1);
				assert.equal(await apply('iptables', true), 0);
			});

			test('an nftables rule is found by its comment in its chain', async () => {
				assert.equal(await apply('nftables'), 1);
				assert.equal(await apply('nftables'), 0);
				assert.equal(
					calls().filter((line) => line.startsWith('nft[insert]')).length,
					1,
				);
			});

			test('a firewall that refuses a rule is told, with the rule', async () => {
				sandbox.program(
					'ufw',
					'#!/bin/sh\necho "ERROR: Bad port" >&2\nexit 1\n',
				);
				await assert.rejects(apply('ufw'), {
					message: /^The firewall refused a rule: ufw prepend allow from 192/,
				});
			});
		},
	);
}
