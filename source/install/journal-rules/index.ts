import {certificateRules} from './certificates.js';
import {etcdRules} from './etcd.js';
import {imageRules} from './images.js';
import {joiningRules} from './joining.js';
import {machineRules} from './machine.js';
import {meshRules} from './mesh.js';
import {pathRules} from './paths.js';
import type {JournalRule} from './rule.js';

/** Whatever else K3s gives up for. */
const anyFatal: JournalRule = {
	pattern: /level=fatal msg="?(.{1,200})/i,
	cause: ({match}) =>
		`K3s gave up: ${(match[1] ?? '').replace(/"$/, '').trim()}`,
	tryNext: ['The log of this node says more.'],
};

/**
 * Texts of K3s, kubelet, containerd, flannel and etcd that tell why a node does not come up. The first that matches
 * counts, so that the particular stand before the general. Sources: the programs' own log texts, as the issues of
 * k3s-io/k3s that are named report them.
 */
export const journalRules: readonly JournalRule[] = [
	...joiningRules,
	...certificateRules,
	...etcdRules,
	...machineRules,
	...meshRules,
	...imageRules,
	...pathRules,
	anyFatal,
];
