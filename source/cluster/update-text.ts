import {
	isMap,
	isNode,
	isSeq,
	parseDocument,
	visit,
	type Node,
	type Pair,
	type YAMLMap,
	type YAMLSeq,
} from 'yaml';
import {UserError, exitCodes} from '../errors.js';
import {
	clusterInput,
	defaultInput,
	isDataMap,
	sshInput,
	type Data,
	type DataMap,
} from './input.js';
import {newClusterText} from './new-text.js';
import {sameData} from './same-data.js';
import {clusterSchema, type Cluster} from './schema.js';
import {parseSshTarget} from './ssh-target.js';
import {
	addPairs,
	applyEdits,
	rebuildList,
	removePairs,
	replaceValue,
	type Edit,
	type ListPart,
} from './text-edits.js';

/** What a field means, however it is written: `root@host` and `{host, user}` are one login. */
const canonical = (value: Data, key: string): Data => {
	if (key !== 'ssh') {
		return value;
	}

	if (typeof value === 'string') {
		const parsed = parseSshTarget(value);
		return parsed.ok ? sshInput(parsed.target) : value;
	}

	return isDataMap(value) && typeof value.host === 'string'
		? sshInput(value as unknown as Parameters<typeof sshInput>[0])
		: value;
};

const keyText = (pair: Pair): string =>
	String(isNode(pair.key) ? pair.key.toJSON() : pair.key);

const same = (node: Node, wanted: Data, key: string): boolean =>
	sameData(canonical(node.toJSON() as Data, key), canonical(wanted, key));

/** Which item of the list is the wanted one: for nodes by name, then by login; for plain values by value. */
const findItem = (
	items: readonly Node[],
	wanted: Data,
	taken: ReadonlySet<number>,
	wantedNames: ReadonlySet<unknown>,
): number => {
	const field = (item: Node, name: string): unknown =>
		isMap(item)
			? (item.toJSON() as Readonly<Record<string, unknown>>)[name]
			: undefined;
	const free = (test: (item: Node) => boolean): number =>
		items.findIndex((item, index) => !taken.has(index) && test(item));
	if (!isDataMap(wanted)) {
		return free((item) => same(item, wanted, ''));
	}

	const byName = free((item) => field(item, 'name') === wanted.name);
	return byName === -1
		? free(
				(item) =>
					!wantedNames.has(field(item, 'name')) &&
					sameData(
						canonical(field(item, 'ssh') as Data, 'ssh'),
						canonical(wanted.ssh, 'ssh'),
					),
			)
		: byName;
};

const listEdits = (
	text: string,
	list: YAMLSeq<Node>,
	wanted: readonly Data[],
): readonly Edit[] => {
	const names = new Set(
		wanted.map((item) => (isDataMap(item) ? item.name : undefined)),
	);
	const taken = new Set<number>();
	const parts = wanted.map((item): ListPart => {
		const index = findItem(list.items, item, taken, names);
		if (index === -1) {
			return {add: item};
		}

		taken.add(index);
		return {keep: index, edits: valueEdits(text, list.items[index]!, item, {})};
	});
	const inPlace =
		parts.length === list.items.length &&
		parts.every((part, index) => 'keep' in part && part.keep === index);
	return inPlace
		? parts.flatMap((part) => ('keep' in part ? part.edits : []))
		: rebuildList(text, list, parts);
};

/** Edits that make a value what is wanted and leave everything else as it is written. */
const valueEdits = (
	text: string,
	node: Node,
	wanted: Data,
	{key = '', defaults}: {readonly key?: string; readonly defaults?: Data},
): readonly Edit[] => {
	if (same(node, wanted, key)) {
		return [];
	}

	if (isMap(node) && isDataMap(wanted) && node.items.length > 0) {
		return mapEdits(text, node, wanted, defaults);
	}

	if (isSeq(node) && Array.isArray(wanted)) {
		return listEdits(text, node as YAMLSeq<Node>, wanted as readonly Data[]);
	}

	return replaceValue(text, node, wanted);
};

const mapEdits = (
	text: string,
	map: YAMLMap,
	wanted: DataMap,
	defaults: Data,
): readonly Edit[] => {
	const present = new Map(map.items.map((pair) => [keyText(pair), pair]));
	const known: DataMap = isDataMap(defaults) ? defaults : {};
	const edits: Edit[] = [];
	const added: Record<string, Data> = {};
	for (const [key, value] of Object.entries(wanted)) {
		const pair = present.get(key);
		if (pair !== undefined && isNode(pair.value)) {
			edits.push(
				...valueEdits(text, pair.value, value, {key, defaults: known[key]}),
			);
		} else if (pair === undefined && !sameData(value, known[key])) {
			added[key] = withoutDefaults(value, known[key]);
		}
	}

	const removed = new Set(
		map.items.filter((pair) => wanted[keyText(pair)] === undefined),
	);
	if (removed.size === map.items.length) {
		return replaceValue(text, map, wanted);
	}

	if (Object.keys(added).length > 0) {
		edits.push(...addPairs(text, map, added));
	}

	if (removed.size > 0) {
		edits.push(...removePairs(text, map, removed));
	}

	return edits;
};

const withoutDefaults = (value: Data, defaults: Data): Data =>
	isDataMap(value) && isDataMap(defaults)
		? Object.fromEntries(
				Object.entries(value).filter(
					([key, one]) => !sameData(one, defaults[key]),
				),
			)
		: value;

const means = (text: string, wanted: Cluster): boolean => {
	const document = parseDocument(text, {uniqueKeys: true});
	if (document.errors.length > 0) {
		return false;
	}

	const parsed = clusterSchema.safeParse(document.toJS());
	return (
		parsed.success && sameData(clusterInput(parsed.data), clusterInput(wanted))
	);
};

/**
 * The text of a cluster file, changed so that it means this cluster. Comments, order and spelling stay; only what is
 * different is edited. Throws a `UserError` when the text is no YAML: then nothing must be written over it.
 */
export const updateClusterText = (text: string, cluster: Cluster): string => {
	const document = parseDocument(text, {uniqueKeys: true});
	if (document.errors.length > 0) {
		throw new UserError(
			'The cluster file is not valid YAML, so that it can not be changed in place. Mend the file, or move it away.',
			{exitCode: exitCodes.usage},
		);
	}

	const {contents} = document;
	if (!isMap(contents) || contents.items.length === 0) {
		return newClusterText(cluster);
	}

	const wanted = clusterInput(cluster);
	let aliases = false;
	visit(document, {
		Alias() {
			aliases = true;
			return visit.BREAK;
		},
	});
	if (!aliases) {
		const updated = applyEdits(
			text,
			mapEdits(text, contents, wanted, defaultInput()),
		);
		if (means(updated, cluster)) {
			return updated;
		}
	}

	// Aliases share one text between several places: the parts that differ are written anew, without aliases.
	const current = document.toJS() as DataMap;
	const defaults = defaultInput();
	for (const key of new Set([
		...Object.keys(current),
		...Object.keys(wanted),
	])) {
		if (wanted[key] === undefined) {
			document.delete(key);
		} else if (!sameData(current[key] ?? defaults[key], wanted[key])) {
			document.set(key, document.createNode(wanted[key]));
		}
	}

	const rewritten = document.toString({lineWidth: 0});
	return means(rewritten, cluster) ? rewritten : newClusterText(cluster);
};
