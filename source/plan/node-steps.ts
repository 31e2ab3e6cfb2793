import type {NodeSpec} from '../cluster/schema.js';
import {UserError} from '../errors.js';
import type {HostFacts} from '../facts/host-facts.js';
import {
	flannelConf,
	flannelConfPath,
	neededOuterMtu,
} from '../mesh/flannel-conf.js';
import {joinUrl} from '../mesh/k3s-config.js';
import type {Mesh, MeshContext} from '../mesh/mesh.js';
import {
	binaryExpectation,
	configExpectation,
	fileExpectation,
	firewallExpectation,
	installExpectation,
	runningExpectation,
} from './expectation.js';
import {nodeFirewall} from './firewall/node-firewall.js';
import {nodeConfig} from './node-config.js';
import {configPath, unitName} from './paths.js';
import type {Stage, Step, StepAction, StepId, Template} from './plan.js';
import {mirrorsOf, releaseFiles} from './releases.js';
import {yamlTemplate} from './template.js';

/** Ids of the steps that other nodes' steps wait for. */
export const joinStep = (node: string): StepId => `${node}/join/k3s`;
export const readyStep = (node: string): StepId => `${node}/ready/node`;

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
	{context, mesh, version}: {context: MeshContext; mesh: Mesh; version: string},
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
	const add = (
		stage: Stage,
		what: string,
		title: string,
		action: StepAction,
		rest: Pick<Step, 'needs' | 'expectation'>,
	): StepId => {
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

	const download = add(
		'download',
		'k3s',
		`download K3s ${version}`,
		{
			kind: 'download',
			version,
			...releaseFiles(cluster, version, facts.architecture),
		},
		{needs: [], expectation: binaryExpectation(facts, version)},
	);

	const configured: StepId[] = [];
	const configFiles: string[] = [];
	const writeFile = (
		path: string,
		mode: number,
		content: Template,
		rest: Pick<Step, 'needs' | 'expectation'>,
	) => {
		configFiles.push(path);
		configured.push(
			add(
				'configure',
				fileName(path),
				`write ${path}`,
				{kind: 'write-file', path, mode, content},
				rest,
			),
		);
	};

	// The files come before the unit: whatever starts the unit, it finds its configuration.
	const outerMtu = neededOuterMtu(context, node);
	if (outerMtu !== undefined) {
		writeFile(flannelConfPath, 0o644, [flannelConf(context, outerMtu)], {
			needs: prepared,
			expectation: fileExpectation(facts, flannelConfPath),
		});
	}

	const content = yamlTemplate(
		nodeConfig(context, mesh, node),
		configComments(context),
	);
	const configExpected = configExpectation(facts, content);
	writeFile(configPath, 0o600, content, {
		needs: [...prepared, ...others.beforeConfig],
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
			scriptUrl: mirrorsOf(cluster).installScript,
		},
		{
			needs: [download, ...configured],
			expectation: installExpected,
		},
	);

	const runningExpected = runningExpectation(facts, role);
	const steady =
		runningExpected === 'unchanged' &&
		configExpected === 'unchanged' &&
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
		{needs: [install, ...others.beforeStart], expectation: steady},
	);

	const url = joinUrl(context, node);
	const join = add(
		'join',
		'k3s',
		url === undefined ? 'wait until K3s serves' : `join ${url}`,
		{kind: 'await-join', role, joinUrl: url},
		{needs: [start], expectation: steady},
	);
	const ready = add(
		'ready',
		'node',
		'wait until the node is Ready with its addresses',
		{
			kind: 'await-ready',
			nodeName: name,
			internalIp: node.internalIp,
			externalIp: node.externalIp,
		},
		{needs: [join], expectation: steady},
	);
	add(
		'verify',
		'node',
		'prove mesh, pods, DNS, logs and metrics',
		{kind: 'verify', nodeName: name},
		{
			needs: [...new Set([ready, ...others.beforeVerify])],
			expectation: 'unchanged',
		},
	);
	return steps;
};
