import {becomeRoot} from './become-root.js';
import {hostClock} from './clock.js';
import {closePorts, openPorts} from './close-ports.js';
import {endSudo} from './end-sudo.js';
import {factsGather} from './facts-gather.js';
import {filesHash, filesRead, filesTakeBack, filesWrite} from './files.js';
import {filesReceive} from './files-receive.js';
import {firewallArm, firewallSettle} from './firewall-rollback.js';
import {firewallTakeBack} from './firewall-take-back.js';
import {firewallApply} from './firewall.js';
import {hello} from './hello.js';
import {k3sDownload, k3sInstall, k3sResolveVersion} from './k3s-get.js';
import {k3sDeleteNode, k3sDrain} from './k3s-leave.js';
import {k3sKubeconfig, k3sNodes, k3sTokens} from './k3s-read.js';
import {
	k3sJournal,
	k3sPing,
	k3sRecentJournal,
	k3sStart,
	k3sState,
} from './k3s-run.js';
import {k3sStop} from './k3s-stop.js';
import {k3sUninstall} from './k3s-uninstall.js';
import {leavingLook} from './leaving-look.js';
import {lockRefresh, lockRelease, lockTake} from './lock.js';
import {manifestForget, manifestRead, manifestWrite} from './manifest.js';
import {probeAgent} from './probe-agent.js';
import {probeHandshakes} from './probe-handshakes.js';
import type {Script} from './script.js';
import {systemdReload} from './systemd-reload.js';
import {tailscaleInstall} from './tailscale-get.js';
import {
	tailscaleAcceptRoutes,
	tailscaleLogin,
	tailscaleLogout,
	tailscaleStart,
} from './tailscale-login.js';
import {tailscaleNetcheck} from './tailscale-netcheck.js';
import {tailscalePing} from './tailscale-ping.js';
import {tailscaleUninstall} from './tailscale-remove.js';
import {tailscaleStatus} from './tailscale-status.js';
import {tailscaleTrust} from './tailscale-trust.js';
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
	becomeRoot,
	endSudo,
	hostClock,
	factsGather,
	probeAgent,
	probeHandshakes,
	filesWrite,
	filesHash,
	filesRead,
	filesReceive,
	filesTakeBack,
	firewallApply,
	firewallArm,
	firewallSettle,
	firewallTakeBack,
	closePorts,
	openPorts,
	systemdReload,
	tailscaleInstall,
	tailscaleStart,
	tailscaleLogin,
	tailscaleLogout,
	tailscaleAcceptRoutes,
	tailscaleUninstall,
	tailscaleStatus,
	tailscaleTrust,
	tailscaleNetcheck,
	tailscalePing,
	k3sResolveVersion,
	k3sDownload,
	k3sInstall,
	k3sTokens,
	k3sKubeconfig,
	k3sNodes,
	k3sStart,
	k3sState,
	k3sJournal,
	k3sRecentJournal,
	k3sPing,
	leavingLook,
	k3sDrain,
	k3sDeleteNode,
	k3sStop,
	k3sUninstall,
	lockTake,
	lockRefresh,
	lockRelease,
	manifestRead,
	manifestWrite,
	manifestForget,
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
