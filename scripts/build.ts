/**
 * Makes the published program: one bundled file for the entry, one for what is loaded when it is needed, ssh2 left
 * outside, the JSON schemas, and the licences of every library that is in the bundle.
 */
import {mkdir, readFile, rm, writeFile, chmod} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build, type Metafile} from 'esbuild';
import {
	clusterJsonSchemaText,
	schemaFileName,
} from '../source/cluster/json-schema.js';
import {outputSchemaFiles} from '../source/commands/json/schema-files.js';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const out = path.join(root, 'dist');

type PackageJson = {
	readonly name: string;
	readonly version: string;
	readonly license?: string;
	readonly author?: string | {readonly name: string};
};

const readPackage = async (folder: string): Promise<PackageJson> =>
	JSON.parse(
		await readFile(path.join(folder, 'package.json'), 'utf8'),
	) as PackageJson;

/** Folders of the packages that have a file in the bundle, without repeats. */
const bundledPackages = (metafile: Metafile): string[] => {
	const pattern = /^(?<folder>.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;
	const folders = Object.values(metafile.outputs)
		.flatMap((output) => Object.entries(output.inputs))
		.filter(([, {bytesInOutput}]) => bytesInOutput > 0)
		.map(([input]) => pattern.exec(input)?.groups?.folder)
		.filter((folder) => folder !== undefined);
	return [...new Set(folders)].toSorted();
};

const licenceText = async (folder: string): Promise<string> => {
	for (const name of [
		'LICENSE',
		'LICENSE.md',
		'license',
		'license.md',
		'LICENSE.txt',
		'LICENCE',
		'LICENSE-MIT',
	]) {
		try {
			return await readFile(path.join(root, folder, name), 'utf8');
		} catch {}
	}

	const {license, author} = await readPackage(path.join(root, folder));
	if (license === undefined) {
		throw new Error(`${folder} has no licence: it can not be bundled`);
	}

	const holder = typeof author === 'object' ? author.name : author;
	return `Licence: ${license}${holder === undefined ? '' : `\nAuthor: ${holder}`}\n`;
};

const {version} = await readPackage(root);
await rm(out, {recursive: true, force: true});
await mkdir(out);

const {metafile} = await build({
	absWorkingDir: root,
	entryPoints: ['source/cli.ts'],
	outdir: out,
	bundle: true,
	splitting: true,
	chunkNames: 'chunks/[name]-[hash]',
	format: 'esm',
	platform: 'node',
	target: 'node20.19',
	jsx: 'automatic',
	minifySyntax: true,
	metafile: true,
	external: ['ssh2', 'react-devtools-core'],
	// Its main file asks for its parts in a way that no bundler can follow.
	alias: {'jsonc-parser': 'jsonc-parser/lib/esm/main.js'},
	define: {
		'process.env.NODE_ENV': '"production"',
		PROGRAM_VERSION: JSON.stringify(version),
	},
	banner: {
		// Libraries in CommonJS form call require for Node's own modules.
		js: "import {createRequire as makeRequire} from 'node:module';const require = makeRequire(import.meta.url);",
	},
	logLevel: 'warning',
});

await chmod(path.join(out, 'cli.js'), 0o755);
await writeFile(path.join(out, schemaFileName), clusterJsonSchemaText());
for (const [file, text] of outputSchemaFiles()) {
	await writeFile(path.join(out, file), text);
}

const notices: string[] = [
	'The program holds code of the following packages.\n',
];
for (const folder of bundledPackages(metafile)) {
	const {name, version: packageVersion} = await readPackage(
		path.join(root, folder),
	);
	notices.push(
		`--- ${name} ${packageVersion} ---\n\n${(await licenceText(folder)).trim()}\n`,
	);
}

await writeFile(path.join(out, 'THIRD-PARTY-LICENCES.txt'), notices.join('\n'));
