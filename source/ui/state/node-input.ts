import {isAddress} from '../../cluster/addresses.js';
import type {Cluster, NodeSpec, Role} from '../../cluster/schema.js';
import {
	formatSshTarget,
	parseSshTarget,
	type SshTarget,
} from '../../cluster/ssh-target.js';

const maximumLabel = 63;

/** Text as a node name (RFC 1123 label), or empty when nothing of it can be used. */
const toLabel = (text: string): string =>
	text
		.toLowerCase()
		.replaceAll(/[^a-z\d-]+/g, '-')
		.slice(0, maximumLabel)
		.replaceAll(/^-+|-+$/g, '');

/** Names that a freshly installed machine has and that tell nothing. */
const tellsNothing = new Set(['localhost', 'debian', 'ubuntu', 'raspberrypi']);

/** The name, or the first of `name-2`, `name-3`… that nobody has. */
const free = (name: string, taken: ReadonlySet<string>): string => {
	for (let number = 1; ; number += 1) {
		const candidate = number === 1 ? name : `${name}-${number}`;
		if (!taken.has(candidate)) {
			return candidate;
		}
	}
};

/** A name for a node before it is known: from what was typed. */
export const nameFromTarget = (
	host: string,
	taken: ReadonlySet<string>,
): string => {
	const label = isAddress(host) ? '' : toLabel(host.split('.')[0]!);
	if (label !== '') {
		return free(label, taken);
	}

	for (let number = 1; ; number += 1) {
		const candidate = `node${number}`;
		if (!taken.has(candidate)) {
			return candidate;
		}
	}
};

/** A better name once the machine has said its own; `undefined` when that tells nothing. */
export const nameFromHostname = (
	hostname: string,
	taken: ReadonlySet<string>,
): string | undefined => {
	const label = toLabel(hostname.split('.')[0]!);
	return label === '' || tellsNothing.has(label)
		? undefined
		: free(label, taken);
};

/** Do two logins lead to the same place, as far as their text tells? */
export const sameTarget = (one: SshTarget, other: SshTarget): boolean =>
	one.host === other.host &&
	one.user === other.user &&
	(one.port ?? 22) === (other.port ?? 22);

export type NodeLines = {
	readonly nodes: readonly NodeSpec[];
	/** A sentence for each line that is none. */
	readonly problems: readonly string[];
};

const roleWord = /\s(?<role>server|agent)$/;

/**
 * Reads what a person typed or pasted: a login in each line, `#` begins a comment, list marks in front and a role
 * behind are understood. The first node of a cluster becomes its server.
 */
export const parseNodeLines = (text: string, cluster: Cluster): NodeLines => {
	const nodes: NodeSpec[] = [];
	const problems: string[] = [];
	for (const raw of text.split(/[\r\n]+/)) {
		const line = raw
			.replace(/#.*$/, '')
			.replace(/^\s*[-*]\s+/, '')
			.replace(/,\s*$/, '')
			.trim();
		if (line === '') {
			continue;
		}

		const role = roleWord.exec(line)?.groups!.role as Role | undefined;
		const parsed = parseSshTarget(line.replace(roleWord, ''));
		if (!parsed.ok) {
			problems.push(parsed.message);
			continue;
		}

		const known = [...cluster.nodes, ...nodes];
		const same = known.find((node) => sameTarget(node.ssh, parsed.target));
		if (same !== undefined) {
			problems.push(
				`${formatSshTarget(parsed.target)} is in the list already, as ${same.name}.`,
			);
			continue;
		}

		nodes.push({
			name: nameFromTarget(
				parsed.target.host,
				new Set(known.map(({name}) => name)),
			),
			role: role ?? (known.length === 0 ? 'server' : 'agent'),
			ssh: parsed.target,
		});
	}

	return {nodes, problems};
};
