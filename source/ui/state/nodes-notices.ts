import type {Cluster} from '../../cluster/schema.js';
import type {Notice} from '../components/notices.js';
import type {UiOperations} from '../operations.js';
import {groupAlike} from './finding-groups.js';
import type {NodeRow} from './node-rows.js';
import type {NodeContacts} from './nodes-model.js';

/** Why the journey can not go on yet; `undefined` when it can. */
export const obstacle = (rows: readonly NodeRow[]): string | undefined => {
	if (rows.length === 0) {
		return 'Add a machine first.';
	}

	const failed = rows.filter(({state}) => state === 'failed');
	if (failed.length > 0) {
		return `${failed.map(({name}) => name).join(', ')} could not be contacted: edit (e), try again (t) or take off the list (d).`;
	}

	return rows.some(({role}) => role === 'server')
		? undefined
		: 'One node must be a server: choose it and press r.';
};

/** The newest of the notes on SSH, and how many there are; all are told in full when the screen is left. */
export const noteLine = (notes: readonly string[]): string | undefined =>
	notes.length < 2
		? notes[0]
		: `${notes.length} notes on SSH, the last: ${notes.at(-1)!}`;

/** What is found of the nodes that have answered. Of one that has not, nothing is known yet. */
export const contactNotices = (
	cluster: Cluster,
	{contacts}: NodeContacts,
	operations: Pick<UiOperations, 'findings'>,
): readonly Notice[] => {
	const facts = new Map(
		[...contacts].flatMap(([name, contact]) =>
			contact.state === 'ready' ? [[name, contact.facts] as const] : [],
		),
	);
	return facts.size === 0
		? []
		: groupAlike(
				operations
					.findings(cluster, facts)
					.filter(
						({id, severity, nodes}) =>
							severity !== 'info' &&
							!cluster.ignore.includes(id) &&
							nodes.every((name) => facts.has(name)),
					),
			).map(({severity, message}): Notice => ({
				tone: severity === 'error' ? 'bad' : 'warning',
				text: message,
			}));
};
