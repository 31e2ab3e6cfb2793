import {errorsSource} from './errors.js';
import {listenersSource} from './listeners.js';
import {loopSource} from './loop.js';
import {mainSource} from './main.js';
import {mappingSource} from './mapping.js';
import {samplesSource} from './samples.js';
import {servicesSource} from './services.js';
import {tlsSource} from './tls.js';
import {triesSource} from './tries.js';

/** The probe agent, whole: one Python program that is sent to a node and never written to its disk. */
export const agentSource = [
	loopSource,
	listenersSource,
	errorsSource,
	triesSource,
	samplesSource,
	mappingSource,
	tlsSource,
	servicesSource,
	mainSource,
].join('\n');
