import {factsGather} from './facts-gather.js';
import {filesHash, filesRead, filesWrite} from './files.js';
import {firewallArm, firewallSettle} from './firewall-rollback.js';
import {firewallApply} from './firewall.js';
import {hello} from './hello.js';
import {k3sDownload, k3sInstall, k3sResolveVersion} from './k3s-get.js';
import {k3sKubeconfig, k3sNodes, k3sTokens} from './k3s-read.js';
import {k3sJournal, k3sPing, k3sStart, k3sState} from './k3s-run.js';
import {lockRefresh, lockRelease, lockTake} from './lock.js';
import {manifestRead, manifestWrite} from './manifest.js';
import {probeAgent} from './probe-agent.js';
import {probeHandshakes} from './probe-handshakes.js';
import type {Script} from './script.js';
import {
	verifyClusterDns,
	verifyKubelet,
	verifyLogs,
	verifyMetrics,
} from './verify-api.js';
import {verifyPodNetwork} from './verify-pod-network.js';
import {verifyPodsDown, verifyPodsList, verifyPodsUp} from './verify-pods.js';
import {verifyStandInDown, verifyStandInUp} from './verify-stand-in.js';
import {verifyHandshakes, verifyPing} from './verify.js';

/** What a reader needs to know of a script, whatever goes in and comes out. */
export type CatalogueEntry = Pick<
	Script<never, unknown>,
	'name' | 'purpose' | 'as' | 'source'
>;

/** Everything that this program ever runs on a machine. */
export const catalogue: readonly CatalogueEntry[] = [
	hello,
	factsGather,
	probeAgent,
	probeHandshakes,
	filesWrite,
	filesHash,
	filesRead,
	firewallApply,
	firewallArm,
	firewallSettle,
	k3sResolveVersion,
	k3sDownload,
	k3sInstall,
	k3sTokens,
	k3sKubeconfig,
	k3sNodes,
	k3sStart,
	k3sState,
	k3sJournal,
	k3sPing,
	lockTake,
	lockRefresh,
	lockRelease,
	manifestRead,
	manifestWrite,
	verifyHandshakes,
	verifyPing,
	verifyPodsUp,
	verifyPodsList,
	verifyPodsDown,
	verifyStandInUp,
	verifyStandInDown,
	verifyPodNetwork,
	verifyClusterDns,
	verifyLogs,
	verifyKubelet,
	verifyMetrics,
];
