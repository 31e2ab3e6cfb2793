/**
 * The dependency rule of the architecture, checked: pure rooms import no I/O and only pure rooms, and each outside
 * library that must stay in one room does. Types may come from anywhere: they leave no trace at run time.
 */
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';

const source = path.join(
	path.dirname(path.dirname(fileURLToPath(import.meta.url))),
	'source',
);

const pureRooms = new Set(['cluster', 'facts', 'mesh', 'checks', 'plan']);
/** Files outside of every room that are pure, too. */
const pureFiles = new Set(['errors.ts']);
/** Node modules that compute and touch nothing. */
const pureModules = new Set(['node:path/posix']);
/** Libraries without I/O that pure rooms may use. */
const pureLibraries = new Set(['zod', 'yaml', 'ipaddr.js', 'jsonc-parser']);
/** Globals that bring in the clock, chance or the process. */
const impureGlobals =
	/\b(?:Date\.now|new Date\(\)|Math\.random|process\.|performance\.|setTimeout|setInterval|fetch)\b/;

/** Which room alone may import a library, or a module of Node's. */
const keepers: ReadonlyMap<string, string> = new Map([
	['node:http', 'control'],
	['node:https', 'control'],
	['ssh2', 'host'],
	['conf', 'store'],
	['ink', 'ui'],
	['react', 'ui'],
	['ink-select-input', 'ui'],
]);

type Import = {readonly from: string; readonly line: number};

/** Imports of a file that exist at run time. */
const runtimeImports = (file: string, text: string): Import[] => {
	const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
	const found: Import[] = [];
	const add = (node: ts.Node, specifier: ts.Expression | undefined) => {
		if (specifier && ts.isStringLiteral(specifier)) {
			const {line} = tree.getLineAndCharacterOfPosition(node.getStart());
			found.push({from: specifier.text, line: line + 1});
		}
	};

	const visit = (node: ts.Node): void => {
		if (ts.isImportDeclaration(node)) {
			if (node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword) {
				add(node, node.moduleSpecifier);
			}
		} else if (ts.isExportDeclaration(node)) {
			if (!node.isTypeOnly) {
				add(node, node.moduleSpecifier);
			}
		} else if (
			ts.isCallExpression(node) &&
			node.expression.kind === ts.SyntaxKind.ImportKeyword
		) {
			add(node, node.arguments[0]);
		}

		ts.forEachChild(node, visit);
	};

	visit(tree);
	return found;
};

const roomOf = (file: string): string => {
	const [room, ...rest] = path.relative(source, file).split(path.sep);
	return rest.length === 0 ? '' : room!;
};

const libraryOf = (specifier: string): string =>
	specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

const problems: string[] = [];
const files = readdirSync(source, {recursive: true, encoding: 'utf8'})
	.filter((file) => /\.tsx?$/.test(file))
	.map((file) => path.join(source, file));

for (const file of files) {
	const text = readFileSync(file, 'utf8');
	const room = roomOf(file);
	const pure =
		pureRooms.has(room) || pureFiles.has(path.relative(source, file));
	const where = path.relative(path.dirname(source), file);
	for (const {from, line} of runtimeImports(file, text)) {
		if (from.startsWith('.')) {
			const targetFile = path
				.resolve(path.dirname(file), from)
				.replace(/\.js$/, '.ts');
			const target = roomOf(targetFile);
			if (
				pure &&
				!pureRooms.has(target) &&
				!pureFiles.has(path.relative(source, targetFile))
			) {
				problems.push(
					`${where}:${line} ${room}/ is pure and imports ${target === '' ? from : `${target}/`}`,
				);
			}

			if (target === 'ui' && room !== 'ui' && room !== 'commands') {
				problems.push(`${where}:${line} only commands/ may start ui/`);
			}
		} else if (from.startsWith('node:')) {
			const keeper = keepers.get(from);
			if (keeper !== undefined && keeper !== room) {
				problems.push(`${where}:${line} only ${keeper}/ may import ${from}`);
			} else if (pure && !pureModules.has(from)) {
				problems.push(`${where}:${line} ${room}/ is pure and imports ${from}`);
			}
		} else {
			const library = libraryOf(from);
			const keeper = keepers.get(library);
			if (keeper !== undefined && keeper !== room) {
				problems.push(`${where}:${line} only ${keeper}/ may import ${library}`);
			} else if (pure && !pureLibraries.has(library)) {
				problems.push(
					`${where}:${line} ${room}/ is pure and imports ${library}`,
				);
			}
		}
	}

	if (pure) {
		for (const [index, line] of text.split('\n').entries()) {
			const code = line.replace(/\/\/.*$|^\s*\*.*$/, '');
			const match = impureGlobals.exec(code);
			if (match) {
				problems.push(
					`${where}:${index + 1} ${room}/ is pure and uses ${match[0]}`,
				);
			}
		}
	}
}

if (files.length === 0) {
	problems.push('no source file found');
}

for (const problem of problems) {
	console.error(problem);
}

console.log(
	`${files.length} files, ${problems.length} breaches of the dependency rule`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
