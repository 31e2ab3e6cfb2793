import {
	clusterInput,
	defaultInput,
	isDataMap,
	type Data,
	type DataMap,
} from './input.js';
import {schemaFileName} from './json-schema.js';
import {sameData} from './same-data.js';
import type {Cluster} from './schema.js';
import {blockLines, itemLines} from './yaml-inline.js';

/** Why a field is there, for the person who opens the file. */
const comments: Readonly<Record<string, string>> = {
	k3s: 'The release: a channel (stable, latest, v1.36), or one version such as v1.36.3+k3s1.',
	network:
		'Networks of pods and services. They must not overlap any network that the nodes know, and stay as they are once K3s runs.',
	mesh: 'How nodes reach each other.',
	apiEndpoint: 'The name or address under which the API is reached.',
	datastore: 'Where the servers keep the state of the cluster.',
	nodes: 'The machines.',
	ignore: 'Checks that are overridden, by id.',
	airgap: 'A folder of this machine with the release, sent to the nodes.',
	proxy:
		'The proxy through which the nodes get out. A URL with a password in it is read from elsewhere: httpFrom: env:NAME or file:PATH.',
	mirrors: 'Other places to get K3s from.',
};

/** Written even when they are the default, so that a reader sees what can be set. */
const alwaysWritten = new Set([
	'version',
	'name',
	'k3s',
	'network',
	'mesh',
	'nodes',
]);

/** Leaves out the parts of a section that are empty by default. */
const withoutEmpty = (value: Data, defaults: Data): Data =>
	isDataMap(value) && isDataMap(defaults)
		? Object.fromEntries(
				Object.entries(value).filter(
					([key, one]) =>
						!sameData(one, defaults[key]) ||
						typeof one === 'string' ||
						(Array.isArray(one) && one.length > 0),
				),
			)
		: value;

const sectionLines = (key: string, value: Data): readonly string[] => {
	if (key === 'nodes' && Array.isArray(value) && value.length > 0) {
		return [
			'nodes:',
			...(value as readonly Data[]).flatMap((item) => itemLines(item, '  ')),
		];
	}

	return blockLines({[key]: value}, '');
};

/** The text of a new cluster file, with a header that lets editors check it, and a word on each part. */
export const newClusterText = (cluster: Cluster): string => {
	const input: DataMap = clusterInput(cluster);
	const defaults = defaultInput();
	const keys = [
		'version',
		'name',
		'k3s',
		'network',
		'mesh',
		'apiEndpoint',
		'datastore',
		'nodes',
		'ignore',
		'airgap',
		'proxy',
		'mirrors',
	].filter(
		(key) =>
			input[key] !== undefined &&
			(alwaysWritten.has(key) || !sameData(input[key], defaults[key])),
	);
	const lines = [
		`# yaml-language-server: $schema=${schemaFileName}`,
		'# A cluster of k3s-mesh-tui: what it is meant to be. It holds no secret.',
		...keys.flatMap((key) => [
			...(comments[key] === undefined ? [] : ['', `# ${comments[key]}`]),
			...sectionLines(key, withoutEmpty(input[key], defaults[key])),
		]),
	];
	return `${lines.join('\n')}\n`;
};
