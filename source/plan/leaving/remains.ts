import type {Role} from '../../cluster/schema.js';
import type {FirewallRule, StepAction} from '../plan.js';

/** What our list on a machine says that we did there. */
export type ListedChanges = {
	/** The cluster for which it was done. */
	readonly cluster: string;
	readonly role: Role;
	/** Absolute paths that we wrote where nothing was before. */
	readonly files: readonly string[];
	/** Absolute paths that we wrote, and whose earlier content is kept beside them. */
	readonly kept: readonly string[];
	readonly firewall:
		| {
				readonly kind: Extract<
					StepAction,
					{readonly kind: 'firewall'}
				>['firewall'];
				readonly rules: readonly FirewallRule[];
		  }
		| undefined;
	/** Did we run K3s's installer here? */
	readonly installed: boolean;
	/** The K3s release that we put there. */
	readonly k3s: string | undefined;
	/** How we installed Tailscale; `undefined` where it was there before. */
	readonly tailscale: 'script' | 'archive' | undefined;
	/** Did we log the machine in to its tailnet? */
	readonly tailnetLogin: boolean;
};

/** What of K3s, and of ours, is on a machine that is to be given back. */
export type Remains = {
	/** `undefined` when there is no list of ours. */
	readonly listed: ListedChanges | undefined;
	/** Roles whose unit is there. */
	readonly units: readonly Role[];
	/** Roles whose uninstall script, K3s's own, is there. */
	readonly uninstallers: readonly Role[];
	/** Was a unit of K3s there before we installed it? */
	readonly wasThereBefore: boolean;
	/** Are the owner's files still set aside, because an uninstall was cut off? */
	readonly hasSetAside: boolean;
	/** Units of further K3s services, which are not ours. */
	readonly otherServices: readonly string[];
	/** Files in K3s's folder, ours and the owner's; those that are set aside count as there. */
	readonly configFiles: readonly string[];
	/** How many volumes of local-path lie there. */
	readonly volumes: number;
	/** Which datastore of K3s lies there. */
	readonly datastore: 'sqlite' | 'etcd' | undefined;
	/** Is our folder there? It goes last. */
	readonly hasFolder: boolean;
};
