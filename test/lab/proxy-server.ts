/**
 * An HTTP proxy that asks for a login: forwards requests for plain HTTP, and tunnels by CONNECT.
 * proxy-server.ts FOLDER ADDRESS PORT LOGIN
 *
 * Appends a line for each request to `requests.jsonl` in FOLDER, and writes `ready` there once it listens.
 */
import {Buffer} from 'node:buffer';
import {appendFileSync, writeFileSync} from 'node:fs';
import {createServer, request, type IncomingMessage} from 'node:http';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import type {ProxyRequest} from './proxy.js';

const [folder, address, port, login] = process.argv.slice(2) as [
	string,
	string,
	string,
	string,
];
const wanted = `Basic ${Buffer.from(login).toString('base64')}`;

const note = (incoming: IncomingMessage): boolean => {
	const allowed = incoming.headers['proxy-authorization'] === wanted;
	const line: ProxyRequest = {
		method: incoming.method!,
		target: incoming.url!,
		from: incoming.socket.remoteAddress!,
		allowed,
	};
	appendFileSync(
		path.join(folder, 'requests.jsonl'),
		`${JSON.stringify(line)}\n`,
	);
	return allowed;
};

const server = createServer((incoming, outgoing) => {
	if (!note(incoming)) {
		outgoing.writeHead(407, {'proxy-authenticate': 'Basic realm="lab"'}).end();
		return;
	}

	const {range} = incoming.headers;
	const onward = request(
		incoming.url!,
		{method: incoming.method, headers: range === undefined ? {} : {range}},
		(answer) => {
			outgoing.writeHead(answer.statusCode!, answer.headers);
			answer.pipe(outgoing);
		},
	);
	onward.on('error', () => {
		outgoing.writeHead(502).end();
	});
	incoming.pipe(onward);
});
server.on('connect', (incoming, socket, head) => {
	if (!note(incoming)) {
		socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
		return;
	}

	const target = new URL(`http://${incoming.url!}`);
	const onward = net.connect(
		Number(target.port),
		target.hostname.replaceAll(/[[\]]/g, ''),
		() => {
			socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
			onward.write(head);
			onward.pipe(socket).pipe(onward);
		},
	);
	for (const one of [onward, socket]) {
		one.on('error', () => {
			onward.destroy();
			socket.destroy();
		});
	}
});
server.listen(Number(port), address, () => {
	writeFileSync(path.join(folder, 'ready'), '');
});
