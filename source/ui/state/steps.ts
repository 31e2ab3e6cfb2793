import type {ClusterProgress} from '../../store/preferences.js';

/** The steps of the journey with one cluster, in order. */
export const wizardSteps = [
	'nodes',
	'mesh',
	'settings',
	'checks',
	'review',
	'install',
	'done',
] as const;
export type WizardStep = (typeof wizardSteps)[number];

export const stepTitles: Readonly<Record<WizardStep, string>> = {
	nodes: 'Nodes',
	mesh: 'Mesh',
	settings: 'Settings',
	checks: 'Checks',
	review: 'Review',
	install: 'Install',
	done: 'Done',
};

/** Where a wizard that was left goes on. A plan needs fresh measurements, so nothing later than the checks. */
export const resumeStep = (progress: ClusterProgress): WizardStep => {
	switch (progress) {
		case 'review':
		case 'install': {
			return 'checks';
		}

		case 'done':
		case 'uninstalled': {
			return 'nodes';
		}

		default: {
			return progress;
		}
	}
};
