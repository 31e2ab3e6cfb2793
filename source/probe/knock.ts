import type {Buffer} from 'node:buffer';
import {createHash} from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import {withDeadline} from '../deadline.js';
import type {Outcome} from './messages.js';

/** What this machine tries towards one address and port of a server. */
export type KnockTarget = {
	/** An address or a name. */
	readonly address: string;
	readonly port: number;
	/** To ask a probe for the run's token, by the number of this try; for one TLS handshake; or to connect and no more. */
	readonly what:
		{readonly token: string; readonly id: number} | 'tls' | 'connect';
};

/** Tries a port over TCP from this machine, with the same outcomes as the agents. Never throws. */
export type Knock = (
	target: KnockTarget,
	signal: AbortSignal,
) => Promise<Outcome>;

/** Silence for this long, in ms, is silence: as long as agents wait. */
const limitMs = 3500;
/** The format of packets is that of the agents (`probe/agent/loop.ts`). */
const magic = 'k3s-mesh-probe';
const requestBytes = 256;

const failureOf = ({code = ''}: NodeJS.ErrnoException): Outcome => {
	switch (code) {
		case 'ECONNREFUSED': {
			return {result: 'refused', by: null, reason: 'connection refused'};
		}

		// No neighbour, or nobody who says who he is: silence too.
		case 'EHOSTUNREACH':
		case 'ETIMEDOUT': {
			return {result: 'silent'};
		}

		case 'ENOTFOUND':
		case 'EAI_AGAIN': {
			return {result: 'failed', reason: 'the name has no address here'};
		}

		case 'ENETUNREACH': {
			return {result: 'failed', reason: 'there is no route from here'};
		}

		default: {
			return {result: 'failed', reason: code};
		}
	}
};

const readAnswer = (
	{token, id}: {readonly token: string; readonly id: number},
	heard: string,
	rtt: number,
): Outcome | undefined => {
	const words = heard.trim().split(' ');
	return words.length === 7 &&
		words[0] === magic &&
		words[1] === token &&
		words[2] === 'here' &&
		words[3] === String(id)
		? {result: 'answered', node: words[5]!, source: words[6]!, rtt}
		: undefined;
};

/** Who said something else is none of ours; who said nothing may be busy. */
const unanswered = ({bytesRead}: net.Socket, rtt: number): Outcome =>
	bytesRead === 0 ? {result: 'connected', rtt} : {result: 'stranger'};

/** Listens to a connection until it is known who speaks. */
const converse = (
	socket: net.Socket,
	what: KnockTarget['what'],
	rtt: number,
	end: (outcome: Outcome) => void,
): void => {
	if (what === 'connect') {
		end({result: 'connected', rtt});
		return;
	}

	const notOurs = () => {
		end(unanswered(socket, rtt));
	};

	if (what === 'tls') {
		const secure = tls.connect({
			socket,
			// Whose it is, is judged by its key: an address has no certificate that could be checked before K3s is joined.
			rejectUnauthorized: false,
		});
		secure.once('error', notOurs);
		secure.once('secureConnect', () => {
			const key = secure
				.getPeerX509Certificate()
				?.publicKey.export({type: 'spki', format: 'der'});
			if (key === undefined) {
				notOurs();
				return;
			}

			secure.end();
			end({
				result: 'tls',
				key: createHash('sha256').update(key).digest('hex'),
				rtt,
			});
		});
		return;
	}

	let heard = '';
	const judge = () => {
		end(readAnswer(what, heard, rtt) ?? unanswered(socket, rtt));
	};

	socket.on('data', (chunk: Buffer) => {
		heard += chunk.toString('latin1');
		if (heard.includes('\n') || heard.length >= requestBytes) {
			judge();
		}
	});
	socket.once('close', judge);
	const head = `${magic} ${what.token} ask ${what.id} 0 `;
	socket.write(`${head.padEnd(requestBytes - 1, '.')}\n`);
};

/** Knocks by the network of this machine. */
export const knock: Knock = async ({address, port, what}, signal) =>
	new Promise((resolve) => {
		const limit = withDeadline(signal, limitMs);
		const began = performance.now();
		let connectedAfter: number | undefined;
		const socket = net.connect({host: address, port});

		const end = (outcome: Outcome) => {
			limit.removeEventListener('abort', onLimit);
			socket.destroy();
			resolve(outcome);
		};

		const onLimit = () => {
			end(
				connectedAfter === undefined
					? {result: 'silent'}
					: unanswered(socket, connectedAfter),
			);
		};

		limit.addEventListener('abort', onLimit);
		socket.once('connect', () => {
			connectedAfter = performance.now() - began;
			converse(socket, what, connectedAfter, end);
		});
		socket.on('error', (error) => {
			end(
				connectedAfter === undefined
					? failureOf(error)
					: unanswered(socket, connectedAfter),
			);
		});
		if (limit.aborted) {
			onLimit();
		}
	});
