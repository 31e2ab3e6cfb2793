import assert from 'node:assert/strict';
import {test} from 'node:test';
import {cloudOf} from '../../source/facts/cloud.js';
import {parseHostFacts} from '../../source/facts/parse-facts.js';
import {
	architectureOf,
	parseCgroup,
	parseClock,
	parseDisks,
	parseOsRelease,
	parseSshConnection,
} from '../../source/facts/parse-system.js';

test('os-release in its quotings', () => {
	assert.deepEqual(
		parseOsRelease([
			'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
			"ID='debian'",
			'VERSION_ID="12"',
			'# ID=comment',
		]),
		{
			id: 'debian',
			versionId: '12',
			prettyName: 'Debian GNU/Linux 12 (bookworm)',
		},
	);
	assert.deepEqual(
		parseOsRelease(['ID=arch', String.raw`PRETTY_NAME="A \"B\""`]),
		{
			id: 'arch',
			versionId: '',
			prettyName: 'A "B"',
		},
	);
	assert.deepEqual(parseOsRelease([]), {
		id: 'linux',
		versionId: '',
		prettyName: 'linux',
	});
});

test('machines in K3s’s names', () => {
	const names = {
		x86_64: 'amd64',
		aarch64: 'arm64',
		armv7l: 'arm',
		armv8l: 'arm',
		armv6l: undefined,
		s390x: 's390x',
		riscv64: 'riscv64',
		i686: undefined,
		ppc64le: undefined,
	};
	for (const [machine, name] of Object.entries(names)) {
		assert.equal(architectureOf(machine), name, machine);
	}
});

test('disks with the mount that they are on', () => {
	const disks = parseDisks(
		[
			'/usr/local/bin /dev/mapper/a b 20511312 13000000 6446064 67% /',
			'/var/lib/rancher tmpfs 1024 0 1024 0% /var/my data',
			'/etc overlay 100 110 -10 100% /etc',
			'/opt df: broken',
		],
		[
			'/dev/mapper/a / ext4 rw,relatime 0 0',
			String.raw`tmpfs /var/my\040data tmpfs ro,nosuid 0 0`,
			'overlay /etc overlay ro 0 0',
			'overlay /etc overlay rw,errors=remount-ro 0 0',
		],
	);
	assert.deepEqual(disks, [
		{path: '/usr/local/bin', freeBytes: 6_446_064 * 1024, readOnly: false},
		{path: '/var/lib/rancher', freeBytes: 1024 * 1024, readOnly: true},
		{path: '/etc', freeBytes: 0, readOnly: false},
	]);
});

test('cgroups of both versions', () => {
	const cases = {
		'v2 cpuset cpu io memory pids': {version: 2, memory: true},
		'v2 cpu io pids': {version: 2, memory: false},
		'memory\t5\t80\t1': {version: 1, memory: true},
		'memory\t0\t80\t0': {version: 1, memory: false},
		'': {version: 1, memory: false},
	};
	for (const [line, expected] of Object.entries(cases)) {
		assert.deepEqual(parseCgroup(line), expected, line);
	}
});

test('the clock’s offset leaves out half of the round trip', () => {
	const clock = (at: string, synchronized = '') =>
		parseClock(
			new Map([
				['clock', at],
				['sent', '1700000000000'],
				['rtt', '40'],
			]),
			synchronized,
		);
	assert.deepEqual(clock('1700000000.020000000', 'yes'), {
		unixMs: 1_700_000_000_020,
		offsetMs: 0,
		synchronized: true,
	});
	assert.equal(clock('1700000090.020000000').offsetMs, 90_000);
	assert.equal(clock('1699999990.020000000').offsetMs, -10_000);
	// Busybox knows no fraction.
	assert.equal(clock('1700000000.%N').offsetMs, 480);
	assert.equal(clock('1700000000.').offsetMs, 480);
	assert.equal(clock('1700000000', 'no').synchronized, false);
	assert.equal(clock('1700000000', 'n/a').synchronized, undefined);
	assert.deepEqual(clock('garbage'), {
		unixMs: 0,
		offsetMs: 0,
		synchronized: undefined,
	});
});

test('what sshd says of the connection', () => {
	assert.deepEqual(
		parseSshConnection('203.0.113.5 50022 10.0.0.7 22', '198.51.100.7'),
		{
			clientAddress: '203.0.113.5',
			clientPort: 50_022,
			serverAddress: '10.0.0.7',
			serverPort: 22,
			dialedAddress: '198.51.100.7',
		},
	);
	assert.equal(parseSshConnection('a 1 b 2', '')?.dialedAddress, undefined);
	assert.equal(parseSshConnection('', '198.51.100.7'), undefined);
});

test('clouds by what DMI says', () => {
	const cases: ReadonlyArray<readonly [string, string | undefined]> = [
		['sys_vendor Amazon EC2', 'aws'],
		['product_name Google Compute Engine', 'gcp'],
		['chassis_asset_tag 7783-7084-3265-9085-8269-3286-77', 'azure'],
		['chassis_asset_tag OracleCloud.com', 'oracle'],
		['sys_vendor Hetzner', 'hetzner'],
		['sys_vendor DigitalOcean', 'digitalocean'],
		['product_name OpenStack Nova', 'openstack'],
		['sys_vendor LENOVO', undefined],
		['sys_vendor', undefined],
	];
	for (const [line, cloud] of cases) {
		assert.equal(cloudOf([line]), cloud, line);
	}
});

test('a unit of ours that stays active for good is no step that runs', () => {
	const {runningSteps} = parseHostFacts(
		[
			'= call',
			'|clock 1',
			'',
			'= identity',
			'|nuc',
			'|x86_64',
			'|6.1',
			'',
			'= steps',
			'|k3s-mesh-firewall.service loaded active exited k3s-mesh firewall rules',
			'|k3s-mesh-step-7.service loaded active running a step',
			'',
		].join('\n'),
	);
	assert.deepEqual(runningSteps, ['k3s-mesh-step-7.service']);
});
