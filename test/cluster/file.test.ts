import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {
	formatProblems,
	newClusterText,
	parseClusterText,
	type FileProblem,
} from '../../source/cluster/file.js';
import {emptyCluster} from '../../source/cluster/schema.js';

const problemsOf = (text: string): readonly FileProblem[] => {
	const parsed = parseClusterText(text);
	assert.equal(parsed.ok, false, 'the text should not have been accepted');
	return parsed.ok ? [] : parsed.problems;
};

const linesOf = (text: string): readonly string[] =>
	formatProblems(problemsOf(text), 'home.yaml');

const head = 'version: 1\nname: home\n';

const table: ReadonlyArray<{
	readonly title: string;
	readonly text: string;
	readonly lines: readonly RegExp[];
}> = [
	{
		title: 'an empty file',
		text: '# nothing yet\n',
		lines: [/^home\.yaml:1:1 the file is empty/],
	},
	{
		title: 'no YAML',
		text: 'version: 1\nname: [home\n',
		lines: [/^home\.yaml:3:1 a closing "}" or "]" is missing before this$/],
	},
	{
		title: 'a quote that is never closed, at its beginning',
		text: `${head}nodes:\n  - {name: "a", role: agent, ssh: "root@a}\n  - {name: b}\n`,
		lines: [/^home\.yaml:4:35 the quote that opens here is never closed$/],
	},
	{
		title: 'a key in another column than its neighbours',
		text: `${head}nodes:\n  - name: a\n     role: agent\n`,
		lines: [/^home\.yaml:4:11 a second "key: value" begins here/],
	},
	{
		title: 'a key without its colon',
		text: `${head}k3s\n  channel: latest\n`,
		lines: [/^home\.yaml:3:1 a ":" is missing/],
	},
	{
		title: 'an entry without its dash',
		text: `${head}nodes:\n  - {name: a}\n  {name: b}\n`,
		lines: [
			/^home\.yaml:5:1 this does not fit what stands above: .* with "- "$/,
		],
	},
	{
		title: 'an entry less deep than its neighbours',
		text: `${head}nodes:\n  - name: a\n - name: b\n`,
		lines: [/^home\.yaml:5:\d this does not fit what stands above/],
	},
	{
		title: 'a login without anything',
		text: `${head}nodes:\n  - {name: a, role: agent}\n`,
		lines: [
			/^home\.yaml:4:5 nodes\[0]\.ssh: is missing: must be user@host or /,
		],
	},
	{
		title: 'tabs',
		text: `${head}k3s:\n\tchannel: stable\n`,
		lines: [/^home\.yaml:4:1 YAML is indented with spaces/],
	},
	{
		title: 'a key that stands twice',
		text: `${head}nodes:\n  - name: a\n    role: agent\n    ssh: a\n    role: server\n`,
		lines: [
			/^home\.yaml:7:5 nodes\[0]\.role: this key stands twice in one mapping$/,
		],
	},
	{
		title: 'two documents',
		text: `${head}---\nversion: 1\n`,
		lines: [/must hold one document/],
	},
	{
		title: 'a list instead of a mapping',
		text: '- version: 1\n',
		lines: [
			/^home\.yaml:1:1 the file must be a mapping \(key: value\), not a list$/,
		],
	},
	{
		title: 'missing fields',
		text: 'nodes:\n  - name: a\n    ssh: a\n',
		lines: [
			/^home\.yaml:1:1 version: is missing: must be 1/,
			/^home\.yaml:1:1 name: is missing: must be text$/,
			/^home\.yaml:2:5 nodes\[0]\.role: is missing: must be "server" or "agent"$/,
		],
	},
	{
		title: 'several problems at once, each on its own line',
		text: `${head}nodes:
  - {name: a, role: boss, ssh: root@198.51.100.11}
  - name: b
    role: agent
    ssh: root@198.51.100.12:70000
    externalIp: 198.51.100.300
`,
		lines: [
			/^home\.yaml:4:21 nodes\[0]\.role: must be "server" or "agent"$/,
			/^home\.yaml:7:10 nodes\[1]\.ssh: .*port 70000 is out of range/,
			/^home\.yaml:8:17 nodes\[1]\.externalIp: must be an IPv4 or IPv6 address$/,
		],
	},
	{
		title: 'unknown keys with a near one',
		text: `${head}k3s:\n  chanel: latest\nnodes:\n  - {name: a, role: agent, ssh: a, external_ip: 198.51.100.1}\n  - {name: b, role: agent, ssh: {hots: b}}\n`,
		lines: [
			/^home\.yaml:4:3 k3s\.chanel: is not known here: did you mean "channel"\?$/,
			/^home\.yaml:6:36 nodes\[0]\.external_ip: .*did you mean "externalIp"\?$/,
			/nodes\[1]\.ssh\.host: is missing/,
			/^home\.yaml:7:34 nodes\[1]\.ssh\.hots: .*did you mean "host"\?$/,
		],
	},
	{
		title: 'an unknown key that is near to none',
		text: `${head}frobnicate: 1\n`,
		lines: [
			/^home\.yaml:3:1 frobnicate: is not known here: known are version, /,
		],
	},
	{
		title: 'wrong kinds',
		text: `${head}datastore: sqlite\nmesh: {kind: vxlan}\nk3s: {config: {a: {b: 1}}}\nnodes: [{name: 7, role: agent, ssh: 5}]\n`,
		lines: [
			/3:12 datastore: must be "embedded", or a mapping \(key: value\), not "sqlite"$/,
			/4:14 mesh\.kind: must be "wireguard-native" or "tailscale" or "tailscale-ip"$/,
			/5:19 k3s\.config\.a: must be text, or a number, or true or false, or a list/,
			/6:16 nodes\[0]\.name: must be text, not a number$/,
			/6:37 nodes\[0]\.ssh: must be user@host or user@host:port, or a mapping/,
		],
	},
	{
		title: 'an API endpoint with scheme and port',
		text: `${head}apiEndpoint: https://k8s.example.org:6443\n`,
		lines: [
			/3:14 apiEndpoint: must be a DNS name or an address, without https/,
		],
	},
	{
		title: 'host bits in a network and two networks of one family',
		text: `${head}network:\n  podCidr: [10.42.0.1/16]\n  serviceCidr: [10.43.0.0/16, 10.44.0.0/16]\n`,
		lines: [
			/4:13 network\.podCidr\[0]: must be a network in CIDR form/,
			/5:16 network\.serviceCidr: must be one IPv4 network, one IPv6 network/,
		],
	},
	{
		title: 'two nodes of one name',
		text: `${head}nodes:\n  - {name: a, role: agent, ssh: a}\n  - {name: a, role: agent, ssh: b}\n`,
		lines: [
			/^home\.yaml:5:12 nodes\[1]\.name: must be unique: nodes\[0] is called "a", too$/,
		],
	},
	{
		title: 'a secret',
		text: `${head}k3s:\n  config:\n    token: abc\n`,
		lines: [/^home\.yaml:5:5 k3s\.config\.token: is a secret/],
	},
	{
		title: 'a key that moves what is looked for in its usual place',
		text: `${head}k3s:\n  config:\n    data-dir: /srv/k3s\n`,
		lines: [/^home\.yaml:5:5 k3s\.config\.data-dir: must stay as K3s has it/],
	},
];

for (const {title, text, lines} of table) {
	test(`a cluster file with ${title} is refused at its line`, () => {
		const found = linesOf(text);
		assert.equal(found.length, lines.length, found.join('\n'));
		for (const [index, pattern] of lines.entries()) {
			assert.match(found[index]!, pattern);
		}
	});
}

test('a secret is named, and its value is not', () => {
	const found = linesOf(`${head}k3s: {config: {token: hunter2}}\n`);
	assert.doesNotMatch(found.join('\n'), /hunter2/);
});

test('defaults are filled in', () => {
	const parsed = parseClusterText(
		`${head}nodes:\n  - {name: a, role: server, ssh: root@198.51.100.11:2222}\n`,
	);
	assert.ok(parsed.ok);
	assert.deepEqual(parsed.cluster.network, {
		podCidr: ['10.42.0.0/16'],
		serviceCidr: ['10.43.0.0/16'],
	});
	assert.deepEqual(parsed.cluster.nodes[0]!.ssh, {
		host: '198.51.100.11',
		user: 'root',
		port: 2222,
	});
});

test('an alias bomb is a problem of the file, not of the program', () => {
	const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`;
	assert.equal(problemsOf(bomb).length, 1);
});

test('the example file is valid and has a word on each part', () => {
	const text = readFileSync(
		new URL('../../media/example-cluster.yaml', import.meta.url),
		'utf8',
	);
	const parsed = parseClusterText(text);
	assert.ok(
		parsed.ok,
		parsed.ok ? '' : formatProblems(parsed.problems, 'example').join('\n'),
	);
	assert.ok(parsed.cluster.nodes.length >= 3);
	assert.ok(text.split('\n').filter((line) => line.includes('#')).length >= 10);
});

test('a new file begins with the line that lets editors check it', () => {
	const text = newClusterText(emptyCluster('home'));
	assert.match(
		text,
		/^# yaml-language-server: \$schema=cluster\.schema\.json\n/,
	);
	assert.match(text, /\nnodes: \[\]\n/);
});
