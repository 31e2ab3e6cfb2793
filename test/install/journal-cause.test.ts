import assert from 'node:assert/strict';
import {test} from 'node:test';
import {makeJournalCause} from '../../source/install/journal-cause.js';

const startsAgain = (times: number) =>
	`k3s-agent.service: Scheduled restart job, restart counter is at ${times}.`;
const ends = [
	'k3s-agent.service: Main process exited, code=exited, status=1/FAILURE',
	"k3s-agent.service: Failed with result 'exit-code'.",
];
const refused = String.raw`level=error msg="failed to get CA certs: Get \"https://198.51.100.1:6443/cacerts\": dial tcp 198.51.100.1:6443: connect: connection refused"`;

const after = (lines: readonly string[]) => {
	const journal = makeJournalCause('nuc');
	for (const line of lines) {
		journal.hear(line);
	}

	return journal;
};

test('K3s that ends again and again for a reason that nobody knows is said with its last words', () => {
	const journal = after([
		'the last words',
		...ends,
		startsAgain(1),
		'the last words',
		...ends,
		startsAgain(2),
	]);
	assert.equal(
		journal.loop()?.text,
		'K3s ends right after each start, and says last: the last words',
	);
	assert.deepEqual(journal.cause(), journal.loop());
	assert.match(journal.loop()!.tryNext.join(' '), /journalctl -u k3s-agent /);
});

test('one start again is no loop', () => {
	assert.equal(after(['words', ...ends, startsAgain(1)]).cause(), undefined);
});

test('words of an earlier life are not why a later one ends', () => {
	const early = after([refused, ...ends, startsAgain(1)]);
	assert.match(early.cause()!.text, /it refuses the connection/);
	const late = after([
		refused,
		...ends,
		startsAgain(1),
		'the last words',
		...ends,
		startsAgain(2),
	]);
	assert.match(late.cause()!.text, /^K3s ends right .* the last words$/);
});

test('words that each life has are why it ends', () => {
	const journal = after(
		[1, 2, 3].flatMap((times) => [refused, ...ends, startsAgain(times)]),
	);
	assert.match(journal.loop()!.text, /it refuses the connection/);
});

const otherCluster =
	'level=fatal msg="token CA hash does not match the Cluster CA certificate hash: a != b"';
const otherSettings = [
	'level=warning msg="critical configuration mismatched: secrets-encryption"',
	'level=fatal msg="critical configuration value mismatch between servers"',
];

test('what no waiting cures ends all hope when three lives have said so', () => {
	for (const words of [[otherCluster], [otherCluster, ...otherSettings]]) {
		const life = [...words, ...words, ...ends];
		const two = [...life, startsAgain(1), ...life, startsAgain(2)];
		assert.equal(after(two).isHopeless(), false);
		assert.equal(after([...two, ...words]).isHopeless(), true);
	}
});

test('what no waiting cures is forgotten when one whole life does not say so', () => {
	const quiet = [otherCluster, ...ends, startsAgain(1), 'words', ...ends];
	assert.match(after(quiet).final()!.text, /another cluster/);
	const later = after([...quiet, startsAgain(2), refused]);
	assert.equal(later.final(), undefined);
	assert.match(later.cause()!.text, /it refuses the connection/);
	const again = [...quiet, startsAgain(2), otherCluster, startsAgain(3)];
	assert.equal(after([...again, otherCluster]).isHopeless(), false);
});

test('what a server says of another node is not why it does not come up itself', () => {
	const journal = after([
		refused,
		'level=error msg="Sending HTTP 502 response to 127.0.0.1:39310: failed to find Session for client nuc2"',
		'level=error msg="Sending HTTP 401 response to 10.0.0.7:51946: not authorized"',
	]);
	assert.match(journal.cause()!.text, /it refuses the connection/);
});
