import {errorsSource} from './errors.js';
import {listenersSource} from './listeners.js';
import {loopSource} from './loop.js';
import {mainSource} from './main.js';
import {mappingSource} from './mapping.js';
import {messagesSource} from './messages.js';
import {samplesSource} from './samples.js';
import {servicesSource} from './services.js';
import {triesSource} from './tries.js';

/** The probe agent in Perl, whole: sent to a node that has no Python 3, and never written to its disk. */
export const perlAgentSource = [
	loopSource,
	messagesSource,
	errorsSource,
	listenersSource,
	triesSource,
	samplesSource,
	mappingSource,
	servicesSource,
	mainSource,
].join('\n');
