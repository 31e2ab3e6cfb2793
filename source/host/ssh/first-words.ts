import {Buffer} from 'node:buffer';
import type {Readable} from 'node:stream';
import {stripControls} from '../terminal-text.js';

/** What a host offers for the connection, by kind; all in its own order (RFC 4253, 7.1). */
export type AlgorithmOffer = {
	readonly kex: readonly string[];
	readonly hostKey: readonly string[];
	/** From us to the host, and back. */
	readonly cipher: readonly [readonly string[], readonly string[]];
	readonly mac: readonly [readonly string[], readonly string[]];
};

/** What has come from the other end before anything else. */
export type FirstWords = {
	/** Did anything come? */
	readonly isSilent: () => boolean;
	/** Did it say that it speaks SSH? */
	readonly isSsh: () => boolean;
	/** The first line, safe to show and short. */
	readonly firstLine: () => string;
	readonly offer: () => AlgorithmOffer | undefined;
	/** No longer listens. */
	readonly end: () => void;
};

/** More than a host may say before its offer is complete (RFC 4253, 6.1: 35,000 bytes a packet). */
const limitBytes = 65_536;
const shownCharacters = 60;
const keyExchangeInit = 20;
const cookieBytes = 16;

/** Where the identification begins: at the start of a line (RFC 4253, 4.2). */
const identificationAt = (heard: Buffer): number => {
	if (heard.subarray(0, 4).toString('latin1') === 'SSH-') {
		return 0;
	}

	const found = heard.indexOf('\nSSH-');
	return found === -1 ? -1 : found + 1;
};

/** Reads name lists; markers of extensions are no algorithms. */
const readLists = (payload: Buffer): AlgorithmOffer | undefined => {
	const lists: string[][] = [];
	let at = 1 + cookieBytes;
	for (let index = 0; index < 6; index += 1) {
		if (at + 4 > payload.length) {
			return undefined;
		}

		const length = payload.readUInt32BE(at);
		at += 4;
		lists.push(
			stripControls(payload.subarray(at, at + length).toString('latin1'))
				.split(',')
				.filter(
					(name) => name !== '' && !/^(?:ext-info-|kex-strict-)/.test(name),
				),
		);
		at += length;
	}

	const [kex, hostKey, cipherOut, cipherIn, macOut, macIn] = lists;
	return {
		kex: kex!,
		hostKey: hostKey!,
		cipher: [cipherOut!, cipherIn!],
		mac: [macOut!, macIn!],
	};
};

const readOffer = (heard: Buffer): AlgorithmOffer | undefined => {
	const start = identificationAt(heard);
	const lineEnd = start === -1 ? -1 : heard.indexOf('\n', start);
	// One packet, not yet encrypted: its length, the length of its padding, its content (RFC 4253, 6).
	const packet = lineEnd + 1;
	if (lineEnd === -1 || heard.length < packet + 6) {
		return undefined;
	}

	const end = packet + 4 + heard.readUInt32BE(packet);
	return heard.length >= end && heard[packet + 5] === keyExchangeInit
		? readLists(heard.subarray(packet + 5, end))
		: undefined;
};

/** Listens to the start of a stream beside whoever reads it, who must begin in the same tick to miss nothing. */
export const listenToFirstWords = (stream: Readable): FirstWords => {
	let heard = Buffer.alloc(0);
	const onData = (bytes: Buffer): void => {
		heard = Buffer.concat([heard, bytes]).subarray(0, limitBytes);
		if (heard.length === limitBytes || readOffer(heard) !== undefined) {
			end();
		}
	};

	const end = (): void => {
		stream.removeListener('data', onData);
	};

	stream.on('data', onData);
	return {
		isSilent: () => heard.length === 0,
		isSsh: () => identificationAt(heard) !== -1,
		firstLine() {
			const line = stripControls(
				heard.toString('utf8').trimStart().split('\n', 1)[0]!,
			).trim();
			return line.length > shownCharacters
				? `${line.slice(0, shownCharacters)}…`
				: line;
		},
		offer: () => readOffer(heard),
		end,
	};
};
