/** The base of both doubles: an HTTP server on loopback that answers by a function and remembers what it was asked. */
import {Buffer} from 'node:buffer';
import http from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';

export type DoubleRequest = {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: http.IncomingHttpHeaders;
	readonly body: string;
};

export type DoubleAnswer = {
	readonly status: number;
	/** Sent as JSON unless it is a text. */
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
};

export type HttpDouble = AsyncDisposable & {
	/** Without a slash at its end. */
	readonly url: string;
	/** All requests up to now. */
	readonly requests: readonly DoubleRequest[];
	/** Answers the next request in this way, instead of its own. */
	answerNext(answer: DoubleAnswer | 'never'): void;
};

const readBody = async (request: http.IncomingMessage): Promise<string> => {
	const chunks: Buffer[] = [];
	for await (const chunk of request as AsyncIterable<Buffer>) {
		chunks.push(chunk);
	}

	return Buffer.concat(chunks).toString('utf8');
};

/** Starts a double on a free port. */
export const startDouble = async (
	answer: (request: DoubleRequest) => DoubleAnswer,
	tls?: {readonly key: string; readonly cert: string},
): Promise<HttpDouble> => {
	const requests: DoubleRequest[] = [];
	const planned: Array<DoubleAnswer | 'never'> = [];
	const listen = (
		incoming: http.IncomingMessage,
		response: http.ServerResponse,
	): void => {
		void (async () => {
			const url = new URL(incoming.url ?? '/', 'http://double');
			const request: DoubleRequest = {
				method: incoming.method ?? '',
				path: url.pathname,
				query: url.searchParams,
				headers: incoming.headers,
				body: await readBody(incoming),
			};
			requests.push(request);
			const result = planned.shift() ?? answer(request);
			if (result === 'never') {
				return;
			}

			const {status, body, headers} = result;
			const isText = typeof body === 'string';
			response.writeHead(status, {
				'content-type': isText ? 'text/plain' : 'application/json',
				...headers,
			});
			response.end(isText || body === undefined ? body : JSON.stringify(body));
		})();
	};

	const server =
		tls === undefined
			? http.createServer(listen)
			: https.createServer(tls, listen);
	await new Promise<void>((resolve) => {
		server.listen(0, '127.0.0.1', resolve);
	});
	const {port} = server.address() as AddressInfo;
	return {
		url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
		requests,
		answerNext(next) {
			planned.push(next);
		},
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			await new Promise((resolve) => {
				server.close(resolve);
			});
		},
	};
};
