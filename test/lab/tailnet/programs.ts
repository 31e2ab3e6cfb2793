/** The programs of a tailnet, built once from their pinned source. */
import {createHash} from 'node:crypto';
import {copyFile, mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {cached, contentHash} from '../cached.js';
import {runOrFail} from '../run.js';
import {goBuild, goProgram, moduleFolder} from './go.js';

/** The Tailscale of the lab. */
export const tailscaleVersion = '1.102.5';

/** The lines of headscale that the lab has: keys of 0.29 have a prefix and are shown once, those of 0.26 are bare. */
export const headscaleVersions = {
	current: '0.29.2',
	older: '0.26.1',
} as const;

export type HeadscaleLine = keyof typeof headscaleVersions;

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** The command and the daemon as one program, without what no node of a cluster uses: it builds in half the time. */
const tags = [
	'ts_include_cli',
	'ts_omit_aws',
	'ts_omit_bird',
	'ts_omit_desktop_sessions',
	'ts_omit_drive',
	'ts_omit_kube',
	'ts_omit_synology',
	'ts_omit_tap',
	'ts_omit_webclient',
];

/** The name of Tailscale's tarball for this machine, without `.tgz`; also the folder in it. */
export const tailscaleRelease = `tailscale_${tailscaleVersion}_${architecture}`;

/**
 * A folder with Tailscale's static tarball, its checksum (as bare hex digits) and the index of the track, named and
 * laid out as on pkgs.tailscale.com. The first time it takes minutes.
 */
export const tailscalePackages = async (
	signal?: AbortSignal,
): Promise<string> =>
	cached(
		`tailscale-${contentHash(tailscaleVersion, tags.join(','), architecture)}`,
		async (target) => {
			const go = await goProgram(signal);
			const release = path.join(target, tailscaleRelease);
			await mkdir(path.join(release, 'systemd'), {recursive: true});
			await goBuild(
				go,
				{
					module: 'tailscale.com',
					version: `v${tailscaleVersion}`,
					folder: 'cmd/tailscaled',
					tags,
					values: {
						'tailscale.com/version.shortStamp': tailscaleVersion,
						'tailscale.com/version.longStamp': tailscaleVersion,
					},
				},
				path.join(release, 'tailscaled'),
				signal,
			);
			await copyFile(
				path.join(release, 'tailscaled'),
				path.join(release, 'tailscale'),
			);
			const source = await moduleFolder(
				go,
				`tailscale.com@v${tailscaleVersion}`,
				signal,
			);
			for (const file of ['tailscaled.defaults', 'tailscaled.service']) {
				await writeFile(
					path.join(release, 'systemd', file),
					await readFile(path.join(source, 'cmd', 'tailscaled', file)),
				);
			}

			const tarball = `${tailscaleRelease}.tgz`;
			const file = path.join(target, tarball);
			await runOrFail(
				[
					'tar',
					'--create',
					'--use-compress-program=gzip -1',
					`--file=${file}`,
					'--owner=0',
					'--group=0',
					`--directory=${target}`,
					tailscaleRelease,
				],
				{signal},
			);
			await rm(release, {recursive: true});
			await writeFile(
				`${file}.sha256`,
				createHash('sha256')
					.update(await readFile(file))
					.digest('hex'),
			);
			await writeFile(
				path.join(target, 'index.json'),
				JSON.stringify({
					Tarballs: {[architecture]: tarball},
					TarballsVersion: tailscaleVersion,
				}),
			);
		},
		signal,
	);

/** The folder that holds the program `headscale` of a line. The first time it takes minutes. */
export const headscaleFolder = async (
	line: HeadscaleLine,
	signal?: AbortSignal,
): Promise<string> => {
	const version = headscaleVersions[line];
	return cached(
		`headscale-${version}-${contentHash(architecture)}`,
		async (target) => {
			await mkdir(target);
			await goBuild(
				await goProgram(signal),
				{
					module: 'github.com/juanfont/headscale',
					version: `v${version}`,
					folder: 'cmd/headscale',
				},
				path.join(target, 'headscale'),
				signal,
			);
		},
		signal,
	);
};

/** Builds all of them, one after the other: each takes all processors. */
export const buildTailnetPrograms = async (
	say: (sentence: string) => void,
): Promise<void> => {
	say('Tailscale is built, unless it is there.');
	await tailscalePackages();
	for (const line of Object.keys(headscaleVersions) as HeadscaleLine[]) {
		say(`headscale ${headscaleVersions[line]} is built, unless it is there.`);
		await headscaleFolder(line);
	}
};
