import type {Path} from '../facts/measurements.js';
import {meshOf} from './catalogue.js';
import type {MeshContext, Requirement} from './mesh.js';

const keyOf = ({
	from,
	to,
	addressKind,
	protocol,
	port,
}: Pick<
	Requirement,
	'from' | 'to' | 'addressKind' | 'protocol' | 'port'
>): string => `${from}>${to}|${addressKind}|${protocol}/${port}`;

/** Finds what the cluster needs of a path; `undefined` for one that nothing needs. */
export const requirementFinder = (
	context: MeshContext,
): ((path: Path) => Requirement | undefined) => {
	const requirements = new Map(
		meshOf(context.cluster)
			.requirements(context)
			.map((requirement) => [keyOf(requirement), requirement]),
	);
	return (path) => requirements.get(keyOf(path));
};
