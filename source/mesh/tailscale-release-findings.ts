import type {Finding} from '../checks/finding.js';
import {meetsMinimum} from '../cluster/versions.js';
import {usesEmbeddedEtcd} from './k3s-requirements.js';
import type {MeshContext} from './mesh.js';
import {releaseOf, tailnetOf} from './tailnet.js';
import {finding} from './tailscale-finding.js';
import {
	controlServerReleases,
	vpnAuthFault,
	vpnAuthReleases,
	type VpnAuthFault,
} from './tailscale-versions.js';
import {needsRealKey} from './vpn-auth.js';

const or = (values: readonly string[]): string =>
	new Intl.ListFormat('en', {type: 'disjunction'}).format(values);

const otherMesh =
	'Or use the mesh "tailscale-ip", which works with any release of K3s.';

const tooOld = (
	{cluster}: MeshContext,
	release: string,
): readonly Finding[] => {
	const {controlServer} = tailnetOf(cluster);
	const needed =
		controlServer === undefined ? vpnAuthReleases : controlServerReleases;
	return meetsMinimum(release, needed)
		? []
		: [
				finding('tailscale.min-version', 'error', {
					message: `K3s ${release} is too old for its Tailscale integration${controlServer === undefined ? '' : ' with a control server of your own'}; ${or(needed)} are the first that have it.`,
					nodes: [],
					fixes: ['Set k3s.version to a release of today.', otherMesh],
				}),
			];
};

const faults: Readonly<
	Record<
		VpnAuthFault,
		{
			readonly severity: Finding['severity'];
			readonly says: (release: string) => string;
			readonly fixes: readonly string[];
		}
	>
> = {
	'address-missing': {
		severity: 'error',
		says: (release) =>
			`In K3s ${release} a node's address in the tailnet does not reach its kubelet: nodes keep their other address, or "kubectl logs" fails.`,
		fixes: [
			'Set k3s.version to v1.34.8, v1.35.5 or v1.36.1 at least.',
			otherMesh,
		],
	},
	'address-late': {
		severity: 'warning',
		says: (release) =>
			`In K3s ${release} a node's address in the tailnet comes into its certificates late: on some starts "kubectl logs" fails until K3s is started again.`,
		fixes: [
			'Set k3s.version to v1.34.8, v1.35.5 or v1.36.1 at least, where the servers share no embedded etcd.',
			otherMesh,
		],
	},
	'etcd-on-tailnet': {
		severity: 'error',
		says: (release) =>
			`In K3s ${release} the embedded etcd of several servers listens on their addresses in the tailnet, where it is slow and breaks with an update from before.`,
		fixes: [
			'Use one server, or an external datastore (datastore.endpointFrom).',
			'Or set k3s.version to v1.35.4 or v1.34.7, whose etcd stays on internal addresses.',
			otherMesh,
		],
	},
	'etcd-unknown': {
		severity: 'warning',
		says: (release) =>
			`Embedded etcd of K3s ${release} may listen on addresses in the tailnet, as it did in v1.35.5 to v1.36.3: which it takes in this release is not known here.`,
		fixes: [
			'Use one server, or an external datastore (datastore.endpointFrom), to be on the safe side.',
			otherMesh,
		],
	},
};

const broken = (context: MeshContext, release: string): readonly Finding[] => {
	const fault = vpnAuthFault(release, usesEmbeddedEtcd(context));
	if (fault === undefined) {
		return [];
	}

	const {severity, says, fixes} = faults[fault];
	return [
		finding('tailscale.broken-version', severity, {
			message: says(release),
			nodes: [],
			fixes,
		}),
	];
};

const keyOnHost = (
	context: MeshContext,
	release: string,
): readonly Finding[] => {
	if (!needsRealKey(context)) {
		return [];
	}

	const {authKeyFrom, apiKeyFrom} = tailnetOf(context.cluster);
	return authKeyFrom === undefined && apiKeyFrom !== undefined
		? [
				finding('tailscale.key-on-host', 'error', {
					message: `K3s ${release} logs in to the tailnet at each start by itself, so that a key must stay on every node; one that is made for a run through the API ends within the hour.`,
					nodes: [],
					fixes: [
						'Set k3s.version to v1.34.3 or later, which leaves a machine alone that is logged in.',
						'Or name under mesh.authKeyFrom a key that is valid as long as the cluster is to be.',
					],
				}),
			]
		: [
				finding('tailscale.key-on-host', 'warning', {
					message: `K3s ${release} logs in to the tailnet at each start by itself: the key stays on every node, in a file that only root reads, and is seen for a moment among the arguments of programs there.`,
					nodes: [],
					fixes: [
						'Set k3s.version to v1.34.3 or later, which leaves a machine alone that is logged in.',
						'Or give a key that is valid as long as the cluster is to be, reusable, and good for these tags only.',
					],
				}),
			];
};

/** K3s takes values apart at `,` and `=`, and forgets what stands behind the second. */
const controlServerText = ({cluster}: MeshContext): readonly Finding[] => {
	const {controlServer} = tailnetOf(cluster);
	return controlServer !== undefined && /[,=]/.test(controlServer)
		? [
				finding('tailscale.control-server', 'error', {
					message: `K3s can not read the control server ${controlServer}: it cuts it off at "," and "=".`,
					nodes: [],
					fixes: [
						'Give the control server a URL without "," and "=".',
						otherMesh,
					],
				}),
			]
		: [];
};

/** While the release is not known, what several servers should know of it. */
const unknownRelease = (context: MeshContext): readonly Finding[] =>
	usesEmbeddedEtcd(context)
		? [
				finding('tailscale.broken-version', 'warning', {
					message: `Which release the channel ${context.cluster.k3s.channel} gives is known only when nodes ask it, and in v1.35.5 to v1.36.3 the embedded etcd of several servers listens in the tailnet: the plan then refuses it.`,
					nodes: [],
					fixes: [...faults['etcd-on-tailnet'].fixes],
				}),
			]
		: [];

/** What the K3s release says against K3s's own integration. */
export const releaseFindings = (context: MeshContext): readonly Finding[] => {
	const release = releaseOf(context);
	if (release === undefined) {
		return [...controlServerText(context), ...unknownRelease(context)];
	}

	const old = tooOld(context, release);
	return [
		...controlServerText(context),
		...(old.length > 0
			? old
			: [...broken(context, release), ...keyOnHost(context, release)]),
	];
};
