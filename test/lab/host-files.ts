import {randomUUID} from 'node:crypto';
import {chmod, chown, mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {users} from './base-tree.js';
import {runOrFail} from './run.js';
import {addressOf, mirrorAddress, type HostSpec} from './topology.js';

/** A file or folder (no content) that one host has beyond the tree. */
export type HostFile = {
	/** Absolute, inside the host; parents come first in a list. */
	readonly path: string;
	readonly mode: number;
	readonly uid?: number;
	readonly content?: string;
};

/** A key pair in OpenSSH's formats. */
export type KeyPair = {readonly privateKey: string; readonly publicKey: string};

/** Makes an ed25519 key pair at `file` and `file.pub`. */
export const makeKey = async (
	file: string,
	comment: string,
): Promise<KeyPair> => {
	await runOrFail([
		'ssh-keygen',
		'-q',
		'-t',
		'ed25519',
		'-N',
		'',
		'-C',
		comment,
		'-f',
		file,
	]);
	return {
		privateKey: await readFile(file, 'utf8'),
		publicKey: await readFile(`${file}.pub`, 'utf8'),
	};
};

/** What makes a host a machine of its own: its names, its identity, its host key, and who may log in. */
export const hostFiles = (
	host: HostSpec,
	hostKey: KeyPair,
	clientPublicKey: string,
): HostFile[] => {
	const folder = (where: string, mode = 0o755, uid = 0): HostFile => ({
		path: where,
		mode,
		uid,
	});
	const file = (
		where: string,
		content: string,
		mode = 0o644,
		uid = 0,
	): HostFile => ({path: where, mode, uid, content});
	return [
		folder('/etc'),
		file('/etc/hostname', `${host.name}\n`),
		file(
			'/etc/hosts',
			`127.0.0.1 localhost\n${addressOf(host)} ${host.name}\n`,
		),
		file('/etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`, 0o444),
		file('/etc/resolv.conf', `nameserver ${mirrorAddress}\n`),
		folder('/etc/ssh'),
		file('/etc/ssh/ssh_host_ed25519_key', hostKey.privateKey, 0o600),
		file('/etc/ssh/ssh_host_ed25519_key.pub', hostKey.publicKey),
		folder('/root', 0o700),
		folder('/root/.ssh', 0o700),
		file('/root/.ssh/authorized_keys', clientPublicKey, 0o600),
		folder('/home'),
		...users.flatMap(({name, uid}) => [
			folder(`/home/${name}`, 0o755, uid),
			folder(`/home/${name}/.ssh`, 0o700, uid),
			file(`/home/${name}/.ssh/authorized_keys`, clientPublicKey, 0o600, uid),
		]),
	];
};

/** Writes files under a folder that becomes the host's root. */
export const writeHostFiles = async (
	root: string,
	files: readonly HostFile[],
): Promise<void> => {
	await mkdir(root, {recursive: true, mode: 0o755});
	for (const {path: where, mode, uid = 0, content} of files) {
		const target = path.join(root, where);
		await (content === undefined ? mkdir(target) : writeFile(target, content));

		// Both again: the umask took part above.
		await chmod(target, mode);
		await chown(target, uid, uid);
	}
};
