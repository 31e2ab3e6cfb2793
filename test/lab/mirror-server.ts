/**
 * The mirror of a lab: K3s's install script, releases and channels, and Tailscale's tarballs, answering as the real
 * places do.
 * mirror-server.ts RELEASE_FOLDER MIRROR_FOLDER ADDRESS [TAILSCALE_FOLDER]
 *
 * In MIRROR_FOLDER it reads `control.json` (see mirror.ts) at every request and every chunk, appends a line for each
 * request to `requests.jsonl`, and writes `ready` once it listens.
 */
import {Buffer} from 'node:buffer';
import {appendFileSync, existsSync, readFileSync, writeFileSync} from 'node:fs';
import {open, readFile, stat} from 'node:fs/promises';
import {
	createServer,
	type IncomingMessage,
	type ServerResponse,
} from 'node:http';
import path from 'node:path';
import process from 'node:process';
import type {MirrorControl} from './mirror.js';
import {channels, releases} from './releases.js';

const [releaseFolder, mirrorFolder, address, tailscaleFolder] =
	process.argv.slice(2) as [string, string, string, string?];

const control = (): MirrorControl => {
	try {
		return JSON.parse(
			readFileSync(path.join(mirrorFolder, 'control.json'), 'utf8'),
		) as MirrorControl;
	} catch {
		return {};
	}
};

const answer = (
	response: ServerResponse,
	status: number,
	body: string,
	headers: Record<string, string> = {},
): void => {
	response.writeHead(status, {
		'content-type': 'text/plain',
		'content-length': String(Buffer.byteLength(body)),
		...headers,
	});
	response.end(body);
};

/** How much goes out before the rate is looked at again, ten times a second. */
const chunkOf = (rate: number | undefined): number =>
	rate === undefined ? 256 * 1024 : Math.max(1, Math.ceil(rate / 10));

const pause = async (milliseconds: number): Promise<void> =>
	new Promise((resolve) => {
		setTimeout(resolve, milliseconds);
	});

/** Sends a file, or the rest of it from the `Range` that was asked for, no faster than the control says. */
const sendFile = async (
	request: IncomingMessage,
	response: ServerResponse,
	file: string,
): Promise<void> => {
	const {size} = await stat(file);
	const range = /^bytes=(?<start>\d+)-$/.exec(request.headers.range ?? '');
	const from = range ? Number(range.groups!.start) : 0;
	if (from >= size && range) {
		answer(response, 416, '', {'content-range': `bytes */${size}`});
		return;
	}

	response.writeHead(range ? 206 : 200, {
		'content-type': 'application/octet-stream',
		'content-length': String(size - from),
		'accept-ranges': 'bytes',
		...(range && {'content-range': `bytes ${from}-${size - 1}/${size}`}),
	});
	if (request.method === 'HEAD') {
		response.end();
		return;
	}

	const handle = await open(file);
	try {
		let position = from;
		while (position < size && !response.destroyed) {
			const {bytesPerSecond: rate, cutsFiles} = control();
			if (cutsFiles && position >= size / 2) {
				response.destroy();
				break;
			}

			if (rate === 0) {
				await pause(100);
				continue;
			}

			const {buffer, bytesRead} = await handle.read({
				buffer: Buffer.alloc(
					Math.min(chunkOf(rate), cutsFiles ? Math.ceil(size / 2) : Infinity),
				),
				position,
			});
			position += bytesRead;
			if (!response.write(buffer.subarray(0, bytesRead))) {
				await new Promise((resolve) => {
					response.once('drain', resolve).once('close', resolve);
				});
			}

			if (rate !== undefined) {
				await pause(100);
			}
		}
	} finally {
		await handle.close();
	}

	response.end();
};

const sendChecksum = async (
	response: ServerResponse,
	file: string,
): Promise<void> => {
	const text = await readFile(file, 'utf8');
	answer(
		response,
		200,
		control().wrongChecksums
			? text.replace(/^[\da-f]{64}/, '0'.repeat(64))
			: text,
	);
};

/** What pkgs.tailscale.com has of one track: the index when it is asked for as JSON, tarballs and their checksums. */
const sendTailscale = async (
	request: IncomingMessage,
	response: ServerResponse,
	folder: string,
	name: string,
): Promise<void> => {
	if (name === '' && request.url!.endsWith('?mode=json')) {
		const index = await readFile(path.join(folder, 'index.json'), 'utf8');
		answer(response, 200, index, {'content-type': 'application/json'});
		return;
	}

	const file = path.join(folder, name);
	if (!/\.tgz(?:\.sha256)?$/.test(name) || !existsSync(file)) {
		answer(response, 404, '404 page not found\n');
	} else if (name.endsWith('.sha256')) {
		await sendChecksum(response, file);
	} else {
		await sendFile(request, response, file);
	}
};

const route = async (
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> => {
	const base = `http://${request.headers.host ?? address}`;
	const where = decodeURIComponent(new URL(request.url ?? '/', base).pathname);
	const isRelease = (version: string | undefined): version is string =>
		(releases as ReadonlyArray<string | undefined>).includes(version);
	const {status} = control();
	if (status !== undefined) {
		answer(response, status, `the mirror was told to answer ${status}\n`);
		return;
	}

	if (where === '/install.sh') {
		await sendFile(request, response, path.join(releaseFolder, 'install.sh'));
		return;
	}

	if (where === '/channels') {
		const data = Object.entries(channels).map(([name, latest]) => ({
			id: name,
			type: 'channel',
			links: {self: `${base}/channels/${name}`},
			name,
			latest,
		}));
		const body = {
			type: 'collection',
			links: {self: `${base}/channels`},
			resourceType: 'channels',
			data,
		};
		answer(response, 200, JSON.stringify(body), {
			'content-type': 'application/json',
		});
		return;
	}

	const channel = /^\/channels\/(?<name>[^/]+)$/.exec(where)?.groups?.name;
	const latest = channel === undefined ? undefined : channels[channel];
	if (latest !== undefined) {
		answer(response, 302, '', {
			location: `${base}/releases/tag/${latest}`,
		});
		return;
	}

	const tag = /^\/releases\/tag\/(?<version>[^/]+)$/.exec(where)?.groups;
	if (isRelease(tag?.version)) {
		answer(response, 200, `Release ${tag.version}\n`);
		return;
	}

	const download =
		/^\/releases\/download\/(?<version>[^/]+)\/(?<file>[^/]+)$/.exec(
			where,
		)?.groups;
	if (isRelease(download?.version)) {
		const file = path.join(releaseFolder, download.version, download.file!);
		if (/^k3s(?:-arm64)?$/.test(download.file!)) {
			await sendFile(request, response, file);
			return;
		}

		if (/^sha256sum-(?:amd64|arm64)\.txt$/.test(download.file!)) {
			await sendChecksum(response, file);
			return;
		}
	}

	const tailscale = /^\/tailscale\/stable\/(?<file>[\w.]*)$/.exec(
		where,
	)?.groups;
	if (tailscale && tailscaleFolder !== undefined) {
		await sendTailscale(request, response, tailscaleFolder, tailscale.file!);
		return;
	}

	answer(response, 404, `There is no ${where} here.\n`);
};

const server = createServer((request, response) => {
	response.once('close', () => {
		const line = {
			method: request.method,
			url: request.url,
			from: request.socket.remoteAddress,
			status: response.statusCode,
			complete: response.writableFinished,
		};
		appendFileSync(
			path.join(mirrorFolder, 'requests.jsonl'),
			`${JSON.stringify(line)}\n`,
		);
	});
	route(request, response).catch((error: unknown) => {
		console.error(error);
		response.destroy();
	});
});
server.listen(80, address, () => {
	writeFileSync(path.join(mirrorFolder, 'ready'), '');
});
