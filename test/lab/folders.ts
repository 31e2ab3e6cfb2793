import path from 'node:path';

/** Instances: one folder each, with `state.json`. Gone after a reboot of the machine, as the instances are. */
export const runFolder = '/run/k3s-mesh-lab';
/** Disks of hosts: on a real disk, as `/run` may be small. */
export const dataFolder = '/var/lib/k3s-mesh-lab';
/** Trees, images and releases that are made once, named by the hash of what they are made from. */
export const cacheFolder = '/var/cache/k3s-mesh-lab';

/** What an instance has in `/run`. */
export const instanceFolder = (instance: string): string =>
	path.join(runFolder, instance);
/** The disks of an instance's hosts. */
export const instanceData = (instance: string): string =>
	path.join(dataFolder, instance);
