/** What a fault must not take: what is the owner's and the person's, and the wholeness of files of ours. */
import assert, {AssertionError} from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import {binaryPath, configPath} from '../../../source/plan/paths.js';
import type {LabNode} from '../index.js';
import type {Stage} from '../support.js';
import {ownFiles} from './hosts.js';

/** Something of the owner's is not as it was, or a file is not whole. */
export class Lost extends AssertionError {}

/** The person's own kubeconfig, which gets one context more. */
export const ownKubeconfig = `apiVersion: v1
kind: Config
# The person's own.
clusters:
  - {name: own, cluster: {server: "https://192.0.2.200:6443"}}
users:
  - {name: own, user: {token: own}}
contexts:
  - {name: own, context: {cluster: own, user: own}}
current-context: own
`;

/** All that is the owner's on a host, in one text: files with mode and owner, and the firewall's rules that are not ours. */
const belongingsOn = async (node: LabNode): Promise<string> => {
	const {code, stdout, stderr} = await node.exec(`set -eu
for file in ${[...ownFiles.keys()].join(' ')}; do
	stat -c '%n %a %u:%g' $file
	cat $file
done
ufw status | grep -v k3s-mesh | grep . | tr -s ' '`);
	assert.equal(code, 0, `${node.name}: ${stderr}`);
	return stdout;
};

/** Files that were begun and have no name yet that anybody reads. */
const halfWrittenOn = async (node: LabNode): Promise<string> => {
	const {stdout} = await node.exec(
		"find / -xdev '(' -name '.*.k3s-mesh*' -o -name '*.k3s-mesh.new' -o -path '/var/lib/k3s-mesh/*.new' ')' -print",
	);
	return stdout.trim();
};

/** The hashes of those files of ours that K3s is, or reads, and that are there. */
const ourFilesOn = async (node: LabNode): Promise<readonly string[]> => {
	const {stdout} = await node.exec(
		`sha256sum ${binaryPath} ${configPath} 2>/dev/null || :`,
	);
	return stdout.split('\n').filter((line) => line !== '');
};

const onEach = async <Value>(
	{lab}: Stage,
	look: (node: LabNode) => Promise<Value>,
): Promise<readonly Value[]> =>
	Promise.all(lab.nodes.map(async (node) => look(node)));

/** What is lost of what. */
export type Watch = {
	/** Begins a case: gives the person a kubeconfig, and remembers the cluster file. */
	readonly begin: () => void;
	/** Our files as they are now: each must be whole. */
	readonly ours: () => Promise<ReadonlyArray<readonly string[]>>;
	/** Throws `Lost` when anything is missing, after the next run. */
	readonly assertNothingLost: (
		oursBefore: ReadonlyArray<readonly string[]>,
	) => Promise<void>;
};

/** Remembers what is the owner's on hosts that are as they were at first. */
export const watchBelongings = async (stage: Stage): Promise<Watch> => {
	const owned = await onEach(stage, belongingsOn);
	let clusterText = '';
	return {
		begin() {
			writeFileSync(stage.kubeconfigPath, ownKubeconfig, {mode: 0o600});
			clusterText = readFileSync(stage.clusterPath, 'utf8');
		},
		ours: async () => onEach(stage, ourFilesOn),
		async assertNothingLost(oursBefore) {
			const oursNow = await onEach(stage, ourFilesOn);
			const kubeconfig = readFileSync(stage.kubeconfigPath, 'utf8');
			try {
				assert.deepEqual(await onEach(stage, belongingsOn), owned);
				assert.deepEqual(
					await onEach(stage, halfWrittenOn),
					stage.lab.nodes.map(() => ''),
				);
				for (const [index, files] of oursBefore.entries()) {
					for (const line of files) {
						assert.ok(oursNow[index]!.includes(line), `not whole: ${line}`);
					}
				}

				assert.equal(readFileSync(stage.clusterPath, 'utf8'), clusterText);
				assert.match(kubeconfig, /# The person's own\./);
				assert.match(kubeconfig, /name: own, context/);
			} catch (error) {
				throw new Lost({message: (error as Error).message});
			}
		},
	};
};
