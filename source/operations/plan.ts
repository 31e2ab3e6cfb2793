import {buildPlan} from '../plan/build.js';
import {readLocalRelease} from './local-release.js';
import type {MakePlan} from './operations.js';
import {resolveVersion} from './version.js';

/** Resolves the K3s release and lays out every step. Changes nothing. */
export const makePlan: MakePlan = async ({
	cluster,
	fleet,
	measurements,
	signal,
}) =>
	buildPlan({
		cluster,
		facts: fleet.facts(),
		measurements,
		version: await resolveVersion(cluster, fleet, signal),
		release: await readLocalRelease(cluster, fleet.facts(), signal),
	});
