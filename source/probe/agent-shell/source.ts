import {baseSource} from './base.js';
import {listenersSource} from './listeners.js';
import {mainSource} from './main.js';
import {samplesSource} from './samples.js';
import {servicesSource} from './services.js';
import {triesSource} from './tries.js';

/** The probe agent in bash, whole: sent to a node that has neither Python nor Perl, and never written to its disk. */
export const shellAgentSource = [
	baseSource,
	triesSource,
	samplesSource,
	servicesSource,
	listenersSource,
	mainSource,
].join('\n');
