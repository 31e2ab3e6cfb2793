import type {NodeSpec} from '../cluster/schema.js';
import {UserError} from '../errors.js';
import type {HostFacts} from '../facts/host-facts.js';
import {
	flannelConf,
	flannelConfPath,
	neededOuterMtu,
} from '../mesh/flannel-conf.js';
import type {Mesh, MeshContext, MeshStep} from '../mesh/mesh.js';
import {afterStartSteps} from './after-start-steps.js';
import {
	configExpectation,
	fileExpectation,
	firewallExpectation,
	installExpectation,
	runningExpectation,
} from './expectation.js';
import {nodeFirewall} from './firewall/node-firewall.js';
import {nodeConfig} from './node-config.js';
import {
	configPath,
	environmentDropInPath,
	environmentPath,
	k3sFolder,
	unitName,
} from './paths.js';
import {type Stage, type Step, type StepId, type Template} from './plan.js';
import {mirrorsOf, releaseFolder, type LocalRelease} from './releases.js';
import {releaseSteps, type AddStep} from './release-steps.js';
import {
	environmentDropIn,
	environmentExpectation,
	environmentFile,
} from './proxy.js';
import {yamlTemplate} from './template.js';

/** Ids of the steps that other nodes' steps wait for. */
export const joinStep = (node: string): StepId => `${node}/join/k3s`;
export const readyStep = (node: string): StepId => `${node}/ready/node`;

const meshStep = (node: string, {stage, what}: MeshStep): StepId =>
	`${node}/${stage}/${what}`;

/** The step after which a node's mesh can be proven. */
export const provableStep = (
	mesh: Mesh,
	context: MeshContext,
	node: NodeSpec,
	facts: HostFacts,
): StepId => {
	const last = mesh.steps(context, node, facts).afterReady.at(-1);
	return last === undefined ? readyStep(node.name) : meshStep(node.name, last);
};

/** What a node's steps wait for on other nodes. */
export type OtherNodes = {
	/** Steps that must have ended well before its config can be written: the token is known only then. */
	readonly beforeConfig: readonly StepId[];
	/** Steps that must have ended well before it may start. */
	readonly beforeStart: readonly StepId[];
	/** Steps that must have ended well before the mesh can be proven. */
	readonly beforeVerify: readonly StepId[];
};

const fileName = (path: string): string =>
	path.slice(path.lastIndexOf('/') + 1);

const configComments = (context: MeshContext): readonly string[] => [
	`Written by k3s-mesh-tui for the cluster "${context.cluster.name}".`,
	'Its next run puts back what is changed here: change the cluster file instead.',
];

/** Everything that is done to one node, in the order of the stages. Throws a `UserError` when K3s has no build for it. */
export const nodeSteps = (
	{
		context,
		mesh,
		version,
		release,
	}: {
		context: MeshContext;
		mesh: Mesh;
		version: string;
		release: LocalRelease | undefined;
	},
	node: NodeSpec,
	facts: HostFacts,
	others: OtherNodes,
): readonly Step[] => {
	const {cluster} = context;
	const {role, name} = node;
	if (facts.architecture === undefined) {
		throw new UserError(
			`${name} is a ${facts.machine} machine, and there is no K3s for that.`,
			{node: name, tryNext: [`Leave ${name} out of the cluster.`]},
		);
	}

	const steps: Step[] = [];
	const add: AddStep = (stage, what, title, action, rest) => {
		const id = `${name}/${stage}/${what}`;
		steps.push({id, node: name, stage, title, action, ...rest});
		return id;
	};

	const prepared: StepId[] = [];
	const firewall = nodeFirewall(context, mesh, node);
	if (firewall !== undefined) {
		prepared.push(
			add(
				'prepare',
				'firewall',
				`open what the cluster needs in ${firewall.firewall}`,
				firewall,
				{needs: [], expectation: firewallExpectation(facts, firewall.rules)},
			),
		);
	}

	const ofMesh = mesh.steps(context, node, facts);
	const configured: StepId[] = [];
	// The files of the mesh that K3s reads when it starts.
	const configFiles: string[] = ofMesh.beforeConfig.flatMap(({action}) =>
		action.kind === 'write-file' && action.path.startsWith(`${k3sFolder}/`)
			? [action.path]
			: [],
	);
	const writeFile = (
		stage: Stage,
		path: string,
		mode: number,
		content: Template,
		rest: Pick<Step, 'needs' | 'expectation'>,
	): StepId => {
		configFiles.push(path);
		const id = add(
			stage,
			fileName(path),
			`write ${path}`,
			{kind: 'write-file', path, mode, content, quoting: 'yaml'},
			rest,
		);
		configured.push(id);
		return id;
	};

	// Before the download, which goes through the same proxy.
	const environment = environmentFile(context, facts);
	const environmentExpected =
		environment === undefined
			? 'unchanged'
			: environmentExpectation(facts, environment);
	const proxied =
		environment === undefined
			? []
			: [
					writeFile('prepare', environmentPath, 0o600, environment, {
						needs: [],
						expectation: environmentExpected,
					}),
				];

	/** Adds steps of the mesh, each after the one before it. Returns what comes after them waits for. */
	const addMeshSteps = (
		wanted: readonly MeshStep[],
		after: readonly StepId[],
	): readonly StepId[] => {
		let needs = after;
		for (const {stage, what, title, action, expectation} of wanted) {
			needs = [add(stage, what, title, action, {needs, expectation})];
		}

		return needs;
	};

	const connected = addMeshSteps(ofMesh.beforeConfig, [
		...prepared,
		...proxied,
	]);

	const {download, scriptSent, imagesSent} = releaseSteps(
		{cluster, version, release},
		node,
		facts.architecture,
		{facts, add, after: proxied},
	);

	// The files come before the unit: whatever starts the unit, it finds its configuration.
	const outerMtu = neededOuterMtu(context, node);
	if (outerMtu !== undefined) {
		writeFile(
			'configure',
			flannelConfPath,
			0o644,
			[flannelConf(context, outerMtu)],
			{
				needs: connected,
				expectation: fileExpectation(facts, flannelConfPath),
			},
		);
	}

	if (environment !== undefined) {
		const path = environmentDropInPath(role);
		writeFile('configure', path, 0o644, [environmentDropIn], {
			needs: [],
			expectation: fileExpectation(facts, path),
		});
	}

	const config = nodeConfig(context, mesh, node);
	const content = yamlTemplate(config, configComments(context));
	const configExpected = configExpectation(facts, content, context.facts);
	writeFile('configure', configPath, 0o600, content, {
		needs: [...connected, ...others.beforeConfig],
		expectation: configExpected,
	});
	const installExpected = installExpectation(facts, version, role);
	const install = add(
		'configure',
		'install',
		`set up the service ${unitName(role)}`,
		{
			kind: 'install',
			role,
			version,
			scriptUrl:
				release === undefined
					? mirrorsOf(cluster).installScript
					: `file://${releaseFolder}/${release.installScript.fileName}`,
		},
		{
			needs: [download, ...scriptSent, ...configured],
			expectation: installExpected,
		},
	);

	const runningExpected = runningExpectation(facts, role);
	const steady =
		runningExpected === 'unchanged' &&
		configExpected === 'unchanged' &&
		ofMesh.beforeConfig.every(({expectation}) => expectation === 'unchanged') &&
		environmentExpected === 'unchanged' &&
		installExpected === 'unchanged'
			? 'unchanged'
			: 'change';
	const start = add(
		'start',
		'k3s',
		`start ${unitName(role)}`,
		{
			kind: 'start',
			role,
			configFiles: [
				...new Set([
					...configFiles,
					...(facts.k3s?.configFiles ?? []).map(({path}) => path),
				]),
			].toSorted(),
			version,
		},
		{
			needs: [install, ...imagesSent, ...others.beforeStart],
			expectation: steady,
		},
	);

	afterStartSteps(
		{
			context,
			mesh,
			joinUrl: config.server,
			start,
			expectation: steady,
			beforeVerify: others.beforeVerify,
		},
		node,
		{
			add,
			addAfterReady: (after) => addMeshSteps(ofMesh.afterReady, after),
		},
	);
	return steps;
};
