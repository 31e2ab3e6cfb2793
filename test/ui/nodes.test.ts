import assert from 'node:assert/strict';
import {stat} from 'node:fs/promises';
import {afterEach, describe, it} from 'node:test';
import {makeCell} from '../../source/ui/state/observable.js';
import {known, machine, startRig, type Rig} from './fakes.js';
import {keys} from './terminal.js';

const machines = {
	'198.51.100.11': machine('fra1', '198.51.100.11'),
	'nuc.lan': machine('nuc', '192.0.2.7', {
		os: {id: 'ubuntu', versionId: '24.04', prettyName: 'Ubuntu 24.04 LTS'},
	}),
	nyc1: machine('nyc1', '192.0.2.7'),
	'198.51.100.99': {
		failure: 'Connection refused on port 22.',
		tryNext: ['Is sshd running there, or is it another port?'],
	},
	'new.lan': {
		fingerprint: 'SHA256:q1w2e3',
		facts: known('new', '203.0.113.9'),
	},
	'evil.lan': machine('evil', '203.0.113.66', {
		os: {
			id: 'de\u001B[2Jbian',
			versionId: '12',
			prettyName: 'Debian \u001B[31mred\u0007',
		},
	}),
	'slow.lan': 'silent',
	'locked.lan': {
		password: 'Sesame-4711',
		facts: known('locked', '203.0.113.12'),
	},
} as const;

let rig: Rig;
afterEach(async () => rig.dispose());

const startNodes = async (
	options: Partial<Parameters<typeof startRig>[0]> = {},
) => {
	rig = startRig({machines, ...options});
	const {terminal} = rig;
	await terminal.waitFor(/New cluster/);
	terminal.type('n');
	await terminal.waitFor(/> home/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Which machines/);
	return terminal;
};

const toList = async () => {
	rig.terminal.type(keys.escape);
	await rig.terminal.waitFor(/a add {2}e edit/);
};

describe('the Nodes screen', () => {
	it('begins in input mode, contacts a node as it is added, and takes its name and address from it', async () => {
		const terminal = await startNodes();
		terminal.type(`root@198.51.100.11${keys.enter}`);
		await terminal.waitFor(
			/● fra1 server root@198\.51\.100\.11 198\.51\.100\.11 .*Debian 12 amd64 +12ms/,
		);
		await toList();
		await terminal.waitFor(/external 198\.51\.100\.11: .*eth0/);
		await rig.waitForFile('home', /name: fra1/);
		await rig.waitForFile('home', /externalIp: 198\.51\.100\.11/);
		const {mode} = await stat(rig.store.files.path('home'));
		assert.equal(mode % 0o1000, 0o600);
	});

	it('makes several nodes of several pasted lines, and keeps each failure on its row with what to do', async () => {
		const terminal = await startNodes();
		terminal.paste('root@198.51.100.11\nme@nuc.lan\nroot@198.51.100.99\n');
		await terminal.waitFor(
			(screen) =>
				/● fra1 +server/.test(screen) &&
				/● nuc +agent/.test(screen) &&
				/✖ node\d +agent/.test(screen) &&
				screen.includes('Connection refused on port 22. Is sshd running'),
		);
	});

	it('takes a paste in list mode as text, never as commands', async () => {
		const terminal = await startNodes();
		terminal.type(`me@nuc.lan${keys.enter}`);
		await terminal.waitFor(/● nuc/);
		await toList();
		terminal.paste('dry@nyc1');
		await terminal.waitFor(/> dry@nyc1/);
		terminal.type(keys.enter);
		await terminal.waitFor(/● nyc1/);
		assert.match(terminal.screen(), /● nuc/);
		await toList();
		// A terminal that does not mark a paste delivers it like keys, all at once.
		terminal.type('dqd@198.51.100.99\r');
		await terminal.waitFor(/> dqd@198\.51\.100\.99/);
		assert.match(terminal.screen(), /● nyc1/);
	});

	it('says what is wrong with a line, and keeps it to be mended', async () => {
		const terminal = await startNodes();
		terminal.type(`me@nuc.lan${keys.enter}`);
		await terminal.waitFor(/● nuc/);
		terminal.type(`me@nuc.lan${keys.enter}`);
		await terminal.waitFor(/✖ me@nuc\.lan is in the list already, as nuc/);
		await terminal.waitFor(/> me@nuc\.lan/);
		terminal.type(`${keys.ctrlU}root@a:99999${keys.enter}`);
		await terminal.waitFor(/port 99999 is out of range/);
		await toList();
		assert.doesNotMatch(terminal.screen(), /out of range/);
	});

	it('says why it does not go on, as long as that is so', async () => {
		const terminal = await startNodes();
		terminal.type(`me@nuc.lan${keys.enter}`);
		await terminal.waitFor(/● nuc/);
		await toList();
		terminal.type('r');
		await terminal.waitFor(/● nuc +agent/);
		terminal.type(keys.enter);
		await terminal.waitFor(/✖ One node must be a server/);
		terminal.type('r');
		await terminal.waitFor(/● nuc +server/);
		assert.doesNotMatch(terminal.screen(), /must be a server/);
	});

	it('tells on one line what SSH did without a question, as it comes', async () => {
		const notes = makeCell<readonly string[]>([]);
		const terminal = await startNodes({notes});
		terminal.type(`me@nuc.lan${keys.enter}`);
		await terminal.waitFor(/● nuc/);
		const key = `New host key of nuc.lan port 22: ssh-ed25519 SHA256:${'q'.repeat(43)}, accepted and remembered.`;
		notes.set([key]);
		await terminal.waitFor(
			/New host key of nuc\.lan port 22: ssh-ed25519 SHA256/,
		);
		notes.set([
			key,
			'ControlMaster of your SSH configuration is not followed.',
		]);
		await terminal.waitFor(
			/2 notes on SSH, the last: ControlMaster of your SSH/,
		);
		await toList();
		const screen = terminal.screen();
		assert.match(screen, /2 notes on SSH/);
		assert.equal(screen.match(/notes on SSH|New host key/g)?.length, 1);
		assert.match(screen, /● nuc/);
	});

	it('warns across nodes', async () => {
		const terminal = await startNodes();
		terminal.paste('me@nuc.lan\nnyc1\n');
		await terminal.waitFor(
			/✖ nuc and nyc1 share the external address 192\.0\.2\.7/,
		);
	});

	it('asks about an unknown host key, shows the fingerprint, and takes the answer', async () => {
		const terminal = await startNodes();
		terminal.type(`new.lan${keys.enter}`);
		await terminal.waitFor(/ssh-ed25519 SHA256:q1w2e3/);
		await terminal.waitFor(/y trust and remember it {2}n do not connect/);
		terminal.type(keys.enter);
		terminal.type('n');
		await terminal.waitFor(/✖ new .*\n.*host key was not accepted/);
		await toList();
		terminal.type('t');
		await terminal.waitFor(/SHA256:q1w2e3/);
		terminal.type('y');
		await terminal.waitFor(/● new +server new\.lan +203\.0\.113\.9/);
	});

	it('asks for a password without ever drawing it, says that it was wrong, and takes a pasted one', async () => {
		const terminal = await startNodes();
		terminal.type(`me@locked.lan${keys.enter}`);
		await terminal.waitFor(/❯ Password of me on locked\.lan\n +> *\n/);
		await terminal.waitFor(/Enter answer {2}Esc no answer/);
		// Nothing typed is no answer: it would count as a try.
		terminal.type(keys.enter);
		terminal.type('q?Zyx');
		await terminal.waitFor(/> typed, not shown/);
		terminal.type(keys.enter);
		await terminal.waitFor(/That password was wrong\.\n +> *\n/);
		terminal.type('x');
		await terminal.waitFor(/> typed, not shown/);
		terminal.type(keys.ctrlU);
		await terminal.waitFor(/That password was wrong\.\n +> *\n/);
		terminal.paste('Sesame-4711\n');
		await terminal.waitFor(/> typed, not shown/);
		terminal.type(keys.enter);
		await terminal.waitFor(/● locked +server me@locked\.lan +203\.0\.113\.12/);
		for (const secret of ['Zyx', 'Sesame', '4711']) {
			assert.ok(!terminal.raw().includes(secret));
		}
	});

	it('takes Esc for no answer to a question for a password', async () => {
		const terminal = await startNodes();
		terminal.type(`me@locked.lan${keys.enter}`);
		await terminal.waitFor(/❯ Password of me on locked\.lan/);
		terminal.type('Zyx');
		await terminal.waitFor(/> typed, not shown/);
		terminal.type(keys.escape);
		await terminal.waitFor(/Nobody gave its password/);
	});

	it('does not take a line that is being typed for a password', async () => {
		let ask: () => void = () => undefined;
		const after = new Promise<void>((resolve) => {
			ask = resolve;
		});
		const terminal = await startNodes({
			machines: {'locked.lan': {...machines['locked.lan'], after}},
		});
		terminal.type(`me@locked.lan${keys.enter}`);
		await terminal.waitFor(/connecting…/);
		terminal.type('y');
		await terminal.waitFor(/> y/);
		ask();
		await terminal.waitFor(/❯ Password of me on locked\.lan/);
		terminal.type('ou');
		await terminal.waitFor(/> you/);
		terminal.type(keys.ctrlU);
		await terminal.waitFor(/Enter answer {2}Esc no answer/);
		terminal.type('Sesame-4711');
		await terminal.waitFor(/> typed, not shown/);
		terminal.type(keys.enter);
		await terminal.waitFor(/● locked +server/);
	});

	it('does not let a half typed line answer a question', async () => {
		let ask: () => void = () => undefined;
		const after = new Promise<void>((resolve) => {
			ask = resolve;
		});
		const terminal = await startNodes({
			machines: {'new.lan': {...machines['new.lan'], after}},
		});
		terminal.type(`new.lan${keys.enter}`);
		await terminal.waitFor(/connecting…/);
		terminal.type('y');
		await terminal.waitFor(/> y/);
		ask();
		await terminal.waitFor(/SHA256:q1w2e3/);
		terminal.type('yn');
		await terminal.waitFor(/> yyn/);
		assert.match(terminal.screen(), /SHA256:q1w2e3/);
		terminal.type(keys.ctrlU);
		await terminal.waitFor(/n do not connect/);
		terminal.type('n');
		await terminal.waitFor(/not accepted/);
	});

	it('edits name, login and addresses, and refuses what is wrong', async () => {
		const terminal = await startNodes();
		terminal.paste('me@nuc.lan\nnyc1\n');
		await terminal.waitFor(/● nyc1/);
		await toList();
		terminal.type('e');
		await terminal.waitFor(/❯ Name +nyc1/);
		terminal.type(`${keys.ctrlU}nuc`);
		await terminal.waitFor(/another node is called nuc/);
		terminal.type(`${keys.ctrlU}Big_One`);
		await terminal.waitFor(/RFC 1123/);
		terminal.type(`${keys.ctrlU}big${keys.tab}${keys.tab}`);
		await terminal.waitFor(/❯ External +192\.0\.2\.7/);
		terminal.type(`${keys.ctrlU}300.1.1.1${keys.enter}`);
		await terminal.waitFor(/must be an IPv4 or IPv6 address/);
		terminal.type(`${keys.ctrlU}203.0.113.77${keys.enter}`);
		await terminal.waitFor(/● big +agent +nyc1 +203\.0\.113\.77/);
		await rig.waitForFile('home', /externalIp: 203\.0\.113\.77/);
	});

	it('switches roles, and takes a node off the list only after asking', async () => {
		const terminal = await startNodes();
		terminal.paste('me@nuc.lan\nnyc1\n');
		await terminal.waitFor(/● nyc1/);
		await toList();
		terminal.type('r');
		await terminal.waitFor(/● nyc1 server/);
		terminal.type('d');
		await terminal.waitFor(/Take nyc1 off the list\?/);
		terminal.type('n');
		await terminal.waitFor(/a add/);
		terminal.type('d');
		await terminal.waitFor(/Take nyc1/);
		terminal.type('y');
		await terminal.waitFor((screen) => !screen.includes('nyc1'));
		await rig.waitForFile('home', /^(?!.*nyc1)/s);
	});

	it('does not go on without a server, or with a node that has failed', async () => {
		const terminal = await startNodes();
		terminal.paste('me@nuc.lan\nroot@198.51.100.99\n');
		await terminal.waitFor(/Connection refused/);
		await toList();
		terminal.type(keys.enter);
		await terminal.waitFor(/node1 could not be contacted/);
		terminal.type('d');
		await terminal.waitFor(/Take node1/);
		terminal.type('y');
		await terminal.waitFor((screen) => !screen.includes('Connection refused'));
		terminal.type('r');
		await terminal.waitFor(/● nuc +agent/);
		terminal.type(keys.enter);
		await terminal.waitFor(/One node must be a server/);
	});

	it('shows nothing that a host says as a control sequence', async () => {
		const terminal = await startNodes();
		terminal.type(`evil.lan${keys.enter}`);
		await terminal.waitFor(/● evil/);
		await toList();
		await terminal.waitFor(/Debian red/);
		assert.ok(!terminal.raw().includes('\u001B[31mred'));
		assert.match(terminal.screen(), /k3s-mesh/);
	});

	it('fits fifty nodes on a small screen, with markers for those that do not show', async () => {
		const many = Object.fromEntries(
			Array.from({length: 50}, (_, index) => [
				`host${index}`,
				machine(`host${index}`, `203.0.113.${index + 1}`),
			]),
		);
		const terminal = await startNodes({machines: many, size: [80, 24]});
		terminal.paste(Object.keys(many).join('\n') + '\n');
		await terminal.waitFor(/● host49/);
		await toList();
		await terminal.waitFor(/↑ \d+ more/);
		terminal.type('g');
		await terminal.waitFor(/❯ ● host0 /);
		await terminal.waitFor(/↓ \d+ more/);
		terminal.type(keys.pageDown);
		await terminal.waitFor(/❯ ● host10 /);
		assert.ok(
			terminal
				.everyFirstRow()
				.every((row) => row === '' || row.startsWith(' k3s-mesh')),
			terminal.everyFirstRow().find((row) => !row.startsWith(' k3s-mesh')),
		);
		assert.match(terminal.screen().split('\n')[23]!, /\? help/);
	});
});

describe('import from the SSH configuration', () => {
	it('adds what is marked, and offers only what is not in the list', async () => {
		const terminal = await startNodes({
			operations: {sshAliases: async () => ['fra1', 'nuc', 'nyc1']},
		});
		terminal.type(keys.escape);
		await terminal.waitFor(/i import/);
		terminal.type('i');
		await terminal.waitFor(
			/Which hosts of your SSH configuration\? .*0 of 3 hosts/,
		);
		terminal.type(` ${keys.down}${keys.down} `);
		await terminal.waitFor(/\+ fra1\n +· nuc\n ❯ \+ nyc1/);
		terminal.type(keys.enter);
		await terminal.waitFor(/fra1 +server/);
		await terminal.waitFor(/nyc1 +agent/);
		assert.doesNotMatch(terminal.screen(), /nuc +agent/);
		terminal.type('i');
		await terminal.waitFor(/0 of 1 host marked/);
		terminal.type(keys.enter);
		await terminal.waitFor(/nuc +agent/);
		terminal.type('i');
		await terminal.waitFor(/is in the list already/);
	});

	it('says so when there is nothing to import', async () => {
		const terminal = await startNodes();
		terminal.type(keys.escape);
		await terminal.waitFor(/i import/);
		terminal.type('i');
		await terminal.waitFor(/names no host/);
	});
});
