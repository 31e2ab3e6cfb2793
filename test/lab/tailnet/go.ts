/** The Go that builds the programs of a tailnet. */
import {existsSync} from 'node:fs';
import {
	chmod,
	mkdtemp,
	readdir,
	readFile,
	rm,
	writeFile,
} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type {TestContext} from 'node:test';
import {LabError, run, runOrFail} from '../run.js';

/** The Go that the pinned programs want, by their go.mod; a later one is as good. */
const wanted = '1.26.8';

const folders = [
	...(process.env.PATH ?? '').split(path.delimiter),
	'/usr/local/go/bin',
];

const installed = (): string | undefined =>
	folders
		.map((folder) => path.join(folder, 'go'))
		.find((file) => existsSync(file));

/** Whether this machine has a Go, of any age. */
export const hasGo = (): boolean => installed() !== undefined;

/** Skips a test by name where no Go is. Returns whether it may go on. */
export const requireGo = (t: TestContext): boolean => {
	if (hasGo()) {
		return true;
	}

	t.skip(
		'no Go is here to build headscale and Tailscale with: install it, or run `npm run lab -- install --tailnet`',
	);
	return false;
};

/** Go builds without C, without the person's own flags, and never fetches another Go by itself. */
const environment = (): NodeJS.ProcessEnv => ({
	...process.env,
	CGO_ENABLED: '0',
	GOFLAGS: '-mod=mod',
	GOTOOLCHAIN: 'local',
	GO111MODULE: 'on',
	GOWORK: 'off',
});

/** `go version` says `go version go1.26.8 linux/amd64`. */
const isNewEnough = (said: string): boolean => {
	const version = /\bgo(?<version>\d+(?:\.\d+)+)/.exec(said)?.groups?.version;
	return (
		version !== undefined &&
		version.localeCompare(wanted, 'en', {numeric: true}) >= 0
	);
};

type Module = {readonly Dir: string};

/** Where Go keeps a module, fetched through its module proxy unless it is there already. */
export const moduleFolder = async (
	go: string,
	module: string,
	signal?: AbortSignal,
): Promise<string> => {
	const text = await runOrFail([go, 'mod', 'download', '-json', module], {
		cwd: '/',
		env: environment(),
		signal,
	});
	return (JSON.parse(text) as Module).Dir;
};

/** The toolchain is a module as well, but only Go itself knows which of its files are programs. */
const toolchain = async (go: string, signal?: AbortSignal): Promise<string> => {
	const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
	const folder = await moduleFolder(
		go,
		`golang.org/toolchain@v0.0.1-go${wanted}.linux-${architecture}`,
		signal,
	);
	const tools = path.join(folder, 'pkg', 'tool');
	for (const where of [
		path.join(folder, 'bin'),
		...(await readdir(tools)).map((name) => path.join(tools, name)),
	]) {
		for (const name of await readdir(where)) {
			await chmod(path.join(where, name), 0o755);
		}
	}

	return path.join(folder, 'bin', 'go');
};

/** A Go that is new enough: this machine's own, or one that an older one fetches through the module proxy. */
export const goProgram = async (signal?: AbortSignal): Promise<string> => {
	const go = installed();
	if (go === undefined) {
		throw new LabError(
			'The tailnet is made of headscale and Tailscale, built with Go, and no Go is here. Install it: npm run lab -- install --tailnet',
		);
	}

	const {stdout} = await run([go, 'version'], {env: environment()});
	return isNewEnough(stdout) ? go : toolchain(go, signal);
};

/** A program that is built from the pinned source of its module. */
export type GoProgram = {
	readonly module: string;
	/** With its `v`. */
	readonly version: string;
	/** The folder of the program in the module. */
	readonly folder: string;
	readonly tags?: readonly string[];
	/** Text variables that the build sets. */
	readonly values?: Readonly<Record<string, string>>;
};

/**
 * Builds a program to `target`, with the versions and checksums of all its parts as its own module pins them. It is
 * built as a dependency of an empty module: `go install` also asks which other versions there are, and not every
 * module proxy says.
 */
export const goBuild = async (
	go: string,
	{module, version, folder, tags = [], values = {}}: GoProgram,
	target: string,
	signal?: AbortSignal,
): Promise<void> => {
	const source = await moduleFolder(go, `${module}@${version}`, signal);
	const empty = await mkdtemp(path.join(tmpdir(), 'k3s-mesh-lab-go-'));
	try {
		await writeFile(
			path.join(empty, 'go.mod'),
			`module lab\n\ngo ${wanted}\n\nrequire ${module} ${version}\n`,
		);
		await writeFile(
			path.join(empty, 'go.sum'),
			await readFile(path.join(source, 'go.sum')),
		);
		const settings = Object.entries(values).map(
			([name, value]) => `-X ${name}=${value}`,
		);
		await runOrFail(
			[
				go,
				'build',
				'-trimpath',
				'-tags',
				tags.join(','),
				'-ldflags',
				['-s -w', ...settings].join(' '),
				'-o',
				target,
				`${module}/${folder}`,
			],
			{cwd: empty, env: environment(), signal},
		);
	} finally {
		await rm(empty, {recursive: true, force: true});
	}
};
