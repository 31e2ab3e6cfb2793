import {randomInt} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import process from 'node:process';
import {withDeadline} from '../deadline.js';
import {UserError, exitCodes} from '../errors.js';
import {openControlPlane} from '../control/open.js';
import {findRelays} from '../control/relays.js';
import {makeRedactor} from '../host/redactor.js';
import {environmentAnswer} from '../host/secret-environment.js';
import {makeSshConnector} from '../host/ssh/connect.js';
import {knock} from '../probe/knock.js';
import type {World} from './operations.js';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const connectLimitMs = 5000;

/** Reads `env:NAME` or `file:PATH`; a path may begin with `~/`. */
const readSecret = async (from: string): Promise<string> => {
	const separator = from.indexOf(':');
	const name = from.slice(separator + 1);
	if (from.startsWith('env:')) {
		const value = process.env[name];
		if (value === undefined || value === '') {
			throw new UserError(
				`The cluster file takes a secret from the environment variable ${name}, which is not set.`,
				{
					exitCode: exitCodes.usage,
					tryNext: [`Set it before the command: ${name}=… k3s-mesh-tui …`],
				},
			);
		}

		return value;
	}

	try {
		const file = name.replace(/^~(?=\/)/, os.homedir());
		return (await readFile(file, 'utf8')).trim();
	} catch (error) {
		throw new UserError(
			`The cluster file takes a secret from the file ${name}, which can not be read.`,
			{exitCode: exitCodes.usage, cause: error},
		);
	}
};

const canReach = async (
	address: string,
	port: number,
	signal: AbortSignal,
): Promise<boolean> =>
	new Promise((resolve) => {
		const socket = net.connect({host: address, port});
		const limit = withDeadline(signal, connectLimitMs);
		const end = (reached: boolean) => {
			limit.removeEventListener('abort', onAbort);
			socket.destroy();
			resolve(reached);
		};

		const onAbort = () => {
			end(false);
		};

		limit.addEventListener('abort', onAbort);
		socket.once('connect', () => {
			end(true);
		});
		socket.once('error', () => {
			end(false);
		});
	});

/**
 * The real world: SSH, the clock and the machine's own randomness. `onNote` hears, once for each, of what the SSH
 * configuration asks for and does not get, of host keys that it has accepted without a question, and of known_hosts files
 * that can not be read or written.
 */
export const makeWorld = (onNote: (text: string) => void): World => {
	const redactor = makeRedactor();
	return {
		connect: makeSshConnector({
			home: os.homedir(),
			environment: process.env,
			redactor,
			onNote,
		}),
		redactor,
		now: () => Date.now(),
		randomText: (length) =>
			Array.from({length}, () => alphabet[randomInt(alphabet.length)]).join(''),
		demo: false,
		readSecret,
		environmentAnswer: async (question) =>
			environmentAnswer(question, process.env),
		openControlPlane: async (access, signal) =>
			openControlPlane(access, {redactor}, {signal}),
		findRelays: async (source, signal) => findRelays(source, {signal}),
		canReach,
		knock,
	};
};
