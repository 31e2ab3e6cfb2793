/** The text of a cluster file cannot be changed in place; nothing must be written over it. */
export class ClusterTextError extends Error {
	constructor() {
		super(
			'The cluster file is not valid YAML, so that it cannot be changed in place. Mend the file, or move it away.',
		);
		this.name = 'ClusterTextError';
	}
}
