import {k3sDownload} from '../../host/scripts/k3s-get.js';
import {runLongStep} from './long-step.js';
import type {ActionOf, StepHandler} from './step.js';

/** Downloads K3s. The host itself finds out, under its lock, whether there is anything to do. */
export const download: StepHandler<ActionOf<'download'>> = {
	check: async () => false,
	async act({version, url, checksumUrl, fileName}, context) {
		await context.listInManifest({kind: 'k3s', version});
		return runLongStep(
			k3sDownload,
			{version, url, checksumUrl, fileName},
			context,
		);
	},
	async verify() {
		// The sha256 was compared before the binary was moved into place.
	},
};
