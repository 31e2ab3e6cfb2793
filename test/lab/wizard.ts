/** What the labs that drive the wizard share. */
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {stripVTControlCharacters} from 'node:util';
import {parse} from 'yaml';
import type {ClusterInput} from '../../source/cluster/schema.js';
import {startTerminal, type Terminal} from '../support/terminal.js';
import {program, type Stage} from './support.js';

/** Checks that hosts which share this machine's kernel may not pass. */
export const ignore = ['wireguard.kernel', 'cgroup.memory'];
/** The wizard in a pseudo-terminal on the client. */
export const startWizard = (stage: Stage): Terminal =>
	startTerminal({
		command: [process.execPath, program],
		wrapper: ['ip', 'netns', 'exec', stage.lab.client.netns],
		env: stage.env,
	});

/** Where the wizard keeps a cluster. */
export const savedFile = (stage: Stage, name: string): string =>
	path.join(
		stage.env.XDG_CONFIG_HOME!,
		'k3s-mesh-tui/clusters',
		`${name}.yaml`,
	);

/** What it keeps there. */
export const readSaved = (stage: Stage, name: string): ClusterInput =>
	parse(readFileSync(savedFile(stage, name), 'utf8')) as ClusterInput;

/** A cluster file with where the lab's downloads are and no node yet, as somebody without internet would begin. */
export const saveEmptyCluster = (stage: Stage, name: string): void => {
	mkdirSync(path.dirname(savedFile(stage, name)), {recursive: true});
	writeFileSync(
		savedFile(stage, name),
		stage.lab.clusterFile({name, nodes: [], ignore}),
	);
};

/** What a person types to add each node. */
export const logins = (stage: Stage): string[] =>
	stage.lab.nodes.map(
		({sshUser, sshAddress, sshPort}) =>
			`${sshUser}@${sshAddress}${sshPort === 22 ? '' : `:${sshPort}`}`,
	);

/** Text as a terminal delivers it when it is pasted. */
export const pasted = (text: string): string => `\u001B[200~${text}\u001B[201~`;

/** Text with dots as the source of a regular expression. */
export const literal = (text: string): string =>
	text.replaceAll('.', String.raw`\.`);

/** Matches a whole screen, down to these keys at its foot, without the text: while it is drawn anew, parts are missing. */
export const without = (text: string, footer: string): RegExp =>
	new RegExp(String.raw`^(?![\s\S]*${literal(text)})[\s\S]*(?:${footer})`);

/** No part of a secret was ever on the screen, not even one cut off by its edge. */
export const assertNeverShown = (
	secrets: readonly string[],
	...terminals: readonly Terminal[]
): void => {
	for (const terminal of terminals) {
		const shown = stripVTControlCharacters(terminal.raw());
		for (const secret of secrets) {
			assert.ok(secret.length >= 16);
			for (let start = 0; start + 12 <= secret.length; start += 1) {
				assert.ok(
					!shown.includes(secret.slice(start, start + 12)),
					'a part of a secret was on the screen',
				);
			}
		}
	}
};

/** No part of a token of the cluster was ever on the screen. */
export const assertNoSecretShown = async (
	stage: Stage,
	...terminals: readonly Terminal[]
): Promise<void> => {
	const server = stage.lab.nodes.find(({role}) => role === 'server')!;
	const {stdout} = await server.exec(
		'cat /var/lib/rancher/k3s/server/token /var/lib/rancher/k3s/server/agent-token',
	);
	const secrets = stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => line.split(':').at(-1)!);
	assert.ok(secrets.length > 0, 'the server has no token');
	const texts = terminals.map((terminal) =>
		stripVTControlCharacters(terminal.raw()),
	);
	assert.ok(
		texts.some((text) => text.includes('token: ‹server-token›')),
		'the file with the tokens was never on the screen',
	);
	assertNeverShown(secrets, ...terminals);
};
