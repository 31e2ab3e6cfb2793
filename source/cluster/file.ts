import {
	isCollection,
	isMap,
	isNode,
	LineCounter,
	parseDocument,
	type Document,
} from 'yaml';
import {isFixedKey, isSecretKey} from './k3s-flags.js';
import {dataProblems, formatField, type DataProblem} from './problems.js';
import {clusterSchema, type Cluster} from './schema.js';
import {syntaxProblems} from './syntax.js';

/** Something in a cluster file that must be mended, with its place. */
export type FileProblem = {
	/** From 1. */
	readonly line: number;
	/** From 1. */
	readonly column: number;
	/** `nodes[1].externalIp`; empty when it is about the text and not about a field. */
	readonly field: string;
	/** Follows the field's name in a sentence: `must be an IPv4 or IPv6 address`. */
	readonly message: string;
};

export type ParsedClusterFile =
	| {readonly ok: true; readonly cluster: Cluster}
	| {readonly ok: false; readonly problems: readonly FileProblem[]};

/** Where a field stands: at its key, at its value, or, when it is missing, at the nearest thing around it. */
const offsetOf = (document: Document, problem: DataProblem): number => {
	let node: unknown = document.contents;
	let offset = 0;
	for (const [depth, part] of problem.path.entries()) {
		if (isMap(node)) {
			const pair = node.items.find(
				({key}) => String(isNode(key) ? key.toJSON() : key) === String(part),
			);
			if (pair === undefined) {
				return node.range?.[0] ?? offset;
			}

			const key = pair.key as {range?: readonly number[]} | null;
			offset = key?.range?.[0] ?? offset;
			if (problem.atKey && depth === problem.path.length - 1) {
				return offset;
			}

			node = pair.value;
		} else if (isCollection(node)) {
			node = node.items[Number(part)];
		} else {
			return offset;
		}

		offset = (isNode(node) ? node.range?.[0] : undefined) ?? offset;
	}

	return offset;
};

/** What the schema cannot say: it concerns several fields, or a value's meaning. */
const furtherProblems = (cluster: Cluster): readonly DataProblem[] => {
	const problems: DataProblem[] = [];
	for (const [index, node] of cluster.nodes.entries()) {
		const first = cluster.nodes.findIndex(({name}) => name === node.name);
		if (first < index) {
			problems.push({
				path: ['nodes', index, 'name'],
				message: `must be unique: nodes[${first}] is called "${node.name}", too`,
				atKey: false,
			});
		}
	}

	if (cluster.airgap !== undefined && cluster.k3s.version === undefined) {
		problems.push({
			path: ['airgap'],
			message:
				'needs k3s.version, the release whose files are in the folder: no channel is asked then',
			atKey: true,
		});
	}

	for (const key of Object.keys(cluster.k3s.config)) {
		if (isSecretKey(key)) {
			problems.push({
				path: ['k3s', 'config', key],
				message:
					'is a secret, and a cluster file holds none: the token is made by this program, and a datastore is named by datastore.endpointFrom',
				atKey: true,
			});
		} else if (isFixedKey(key)) {
			problems.push({
				path: ['k3s', 'config', key],
				message:
					"must stay as K3s has it: tokens and readiness are looked for in K3s's usual place and on port 6443",
				atKey: true,
			});
		}
	}

	return problems;
};

/**
 * Reads a cluster file. All that is wrong is told at once, in the order of the text; of what makes it no YAML at all,
 * the first only.
 */
export const parseClusterText = (text: string): ParsedClusterFile => {
	const lineCounter = new LineCounter();
	const document = parseDocument(text, {
		lineCounter,
		prettyErrors: false,
		uniqueKeys: true,
	});
	const failed = (
		problems: ReadonlyArray<{
			offset: number;
			field: string;
			message: string;
		}>,
	): ParsedClusterFile => ({
		ok: false,
		problems: problems
			.toSorted((one, other) => one.offset - other.offset)
			.map(({offset, field, message}) => {
				const {line, col} = lineCounter.linePos(offset);
				return {
					line: Math.max(line, 1),
					column: Math.max(col, 1),
					field,
					message,
				};
			}),
	});

	if (document.errors.length > 0) {
		return failed(syntaxProblems(document));
	}

	let data: unknown;
	try {
		data = document.toJS({maxAliasCount: 100});
	} catch (error) {
		return failed([
			{
				offset: 0,
				field: '',
				message: error instanceof Error ? error.message : String(error),
			},
		]);
	}

	if (data === null || data === undefined) {
		return failed([
			{
				offset: 0,
				field: '',
				message:
					'the file is empty: a cluster file begins with "version: 1" and "name: …"',
			},
		]);
	}

	const parsed = clusterSchema.safeParse(data);
	const problems = parsed.success
		? furtherProblems(parsed.data)
		: dataProblems(parsed.error, data);
	if (parsed.success && problems.length === 0) {
		return {ok: true, cluster: parsed.data};
	}

	return failed(
		problems.map((problem) => ({
			offset: offsetOf(document, problem),
			field: formatField(problem.path),
			message:
				problem.path.length === 0
					? `the file ${problem.message}`
					: problem.message,
		})),
	);
};

/** One line for each problem: `home.yaml:12:5 nodes[1].externalIp: must be…`. */
export const formatProblems = (
	problems: readonly FileProblem[],
	fileName: string,
): readonly string[] =>
	problems.map(
		({line, column, field, message}) =>
			`${fileName}:${line}:${column} ${field === '' ? '' : `${field}: `}${message}`,
	);

export {newClusterText} from './new-text.js';
export {updateClusterText} from './update-text.js';
