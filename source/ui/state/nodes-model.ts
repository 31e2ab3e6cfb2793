import type {Cluster, NodeSpec, Role} from '../../cluster/schema.js';
import {formatSshTarget} from '../../cluster/ssh-target.js';
import {
	proposeExternalAddress,
	proposeInternalAddress,
} from '../../facts/external-address.js';
import type {HostFacts} from '../../facts/host-facts.js';
import type {Fleet, NodeContact} from '../../operations/operations.js';
import {withNode, type ClusterDocument} from './cluster-document.js';
import {nameFromHostname, parseNodeLines, sameTarget} from './node-input.js';
import {eventInterval, makeCell, type Observable} from './observable.js';

/** What is known of each node's machine. */
export type NodeContacts = {
	readonly contacts: ReadonlyMap<string, NodeContact>;
	/** What a machine last said, by login: a node that is contacted again still shows it. */
	readonly lastFacts: ReadonlyMap<string, HostFacts>;
};

export type NodesModel = {
	readonly state: Observable<NodeContacts>;
	/** Adds the nodes that the text names and contacts them. Returns a sentence for each line that names none. */
	readonly add: (text: string) => readonly string[];
	/** Puts another description in place of a node; it is contacted again when its name or login changed. */
	readonly replace: (name: string, node: NodeSpec) => void;
	readonly setRole: (name: string, role: Role) => void;
	readonly remove: (name: string) => void;
	/** Contacts a node again. */
	readonly retry: (name: string) => void;
	/** Contacts all nodes that have not been yet. */
	readonly contactAll: () => void;
	/** Contacts all nodes anew: what was true of them before an install is not true any more. */
	readonly refresh: () => void;
	/** Ends when no contact is under way. */
	readonly settled: () => Promise<void>;
	readonly close: () => void;
};

const names = (cluster: Cluster): ReadonlySet<string> =>
	new Set(cluster.nodes.map(({name}) => name));

export const makeNodesModel = (options: {
	readonly document: ClusterDocument;
	readonly fleet: Fleet;
}): NodesModel => {
	const {document, fleet} = options;
	const state = makeCell<NodeContacts>(
		{contacts: new Map(), lastFacts: new Map()},
		eventInterval,
	);
	/** Nodes whose name is ours and not the person's: they take their machine's name when it says one. */
	const unnamed = new Set<string>();

	const follow = () => {
		const contacts = new Map<string, NodeContact>();
		const lastFacts = new Map(state.latest().lastFacts);
		for (const {name, ssh} of document.cluster.latest().nodes) {
			const contact = fleet.contact(name);
			if (contact !== undefined) {
				contacts.set(name, contact);
			}

			if (contact?.state === 'ready') {
				lastFacts.set(formatSshTarget(ssh), contact.facts);
			}
		}

		state.set({contacts, lastFacts});
	};

	const underWay = new Set<Promise<void>>();

	const contact = (node: NodeSpec): void => {
		const work = (async () => {
			settle(node, await fleet.add(node));
		})();
		underWay.add(work);
		void work.finally(() => {
			underWay.delete(work);
		});
	};

	const rename = (node: NodeSpec, name: string) => {
		unnamed.delete(node.name);
		document.change((cluster) =>
			withNode(cluster, node.name, (known) => ({...known, name})),
		);
		void fleet.remove(node.name);
		contact({...node, name});
	};

	/** Fills in what the machine has told and the person has not. */
	const settle = (node: NodeSpec, result: NodeContact) => {
		const current = document.cluster
			.latest()
			.nodes.find(({name}) => name === node.name);
		if (
			result.state !== 'ready' ||
			current === undefined ||
			!sameTarget(current.ssh, node.ssh)
		) {
			return;
		}

		const external =
			current.externalIp ??
			proposeExternalAddress(current.ssh, result.facts).address;
		const internal =
			current.internalIp ?? proposeInternalAddress(result.facts).address;
		if (external !== current.externalIp || internal !== current.internalIp) {
			document.change((cluster) =>
				withNode(cluster, node.name, (known) => ({
					...known,
					...(external === undefined ? {} : {externalIp: external}),
					...(internal === undefined ? {} : {internalIp: internal}),
				})),
			);
		}

		if (unnamed.has(node.name)) {
			const others = new Set(names(document.cluster.latest()));
			others.delete(node.name);
			const name = nameFromHostname(result.facts.hostname, others);
			if (name !== undefined && name !== node.name) {
				const named = document.cluster
					.latest()
					.nodes.find((known) => known.name === node.name)!;
				rename(named, name);
			}
		}
	};

	const unsubscribeFleet = fleet.subscribe(follow);
	const unsubscribeCluster = document.cluster.subscribe(follow);

	return {
		state,
		add(text) {
			const cluster = document.cluster.latest();
			const {nodes, problems} = parseNodeLines(text, cluster);
			if (nodes.length > 0) {
				document.change((known) => ({
					...known,
					nodes: [...known.nodes, ...nodes],
				}));
			}

			for (const node of nodes) {
				if (/^node\d+$/.test(node.name)) {
					unnamed.add(node.name);
				}

				contact(node);
			}

			return problems;
		},
		replace(name, node) {
			const before = document.cluster
				.latest()
				.nodes.find((known) => known.name === name);
			unnamed.delete(name);
			document.change((cluster) => withNode(cluster, name, () => node));
			if (before?.name !== node.name || !sameTarget(before.ssh, node.ssh)) {
				void fleet.remove(name);
				contact(node);
				return;
			}

			const known = fleet.contact(name);
			if (known !== undefined) {
				settle(node, known);
			}
		},
		setRole(name, role) {
			document.change((cluster) =>
				withNode(cluster, name, (node) => ({...node, role})),
			);
		},
		remove(name) {
			unnamed.delete(name);
			document.change((cluster) => ({
				...cluster,
				nodes: cluster.nodes.filter((node) => node.name !== name),
			}));
			void fleet.remove(name);
		},
		retry(name) {
			const node = document.cluster
				.latest()
				.nodes.find((known) => known.name === name);
			if (node !== undefined) {
				contact(node);
			}
		},
		contactAll() {
			for (const node of document.cluster.latest().nodes) {
				if (fleet.contact(node.name) === undefined) {
					contact(node);
				}
			}
		},
		refresh() {
			for (const node of document.cluster.latest().nodes) {
				void fleet.remove(node.name);
				contact(node);
			}
		},
		async settled() {
			while (underWay.size > 0) {
				await Promise.allSettled(underWay);
			}
		},
		close() {
			unsubscribeFleet();
			unsubscribeCluster();
		},
	};
};
