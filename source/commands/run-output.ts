import process from 'node:process';
import type {InstallEvent} from '../install/events.js';
import {openRunLog} from '../install/run-log.js';
import {runLogPath} from '../store/paths.js';
import type {Invocation} from './arguments.js';
import type {ApplyLine} from './json/apply-schema.js';
import {plainProgress} from './plain-progress.js';
import {printJson, printLines} from './print.js';
import type {Session} from './session.js';

/** Shows events as lines: JSON on standard output, or words on standard error. */
const progressSink = (
	invocation: Invocation,
): ((event: InstallEvent) => void) => {
	if (invocation.progress === 'json') {
		return (event) => {
			const line: ApplyLine = event;
			printJson(process.stdout, line, 'line');
		};
	}

	const lines = plainProgress({verbose: invocation.verbose});
	return (event) => {
		printLines(process.stderr, lines(event));
	};
};

/** Does something whose events are shown and kept in the log of the run, and says where that is. */
export const withRunOutput = async <Result>(
	{cluster, world}: Session,
	invocation: Invocation,
	work: (onEvent: (event: InstallEvent) => void) => Promise<Result>,
): Promise<Result> => {
	const log = await openRunLog({
		path: invocation.logFile ?? runLogPath(cluster.name, world.now()),
		isOwnFolder: invocation.logFile === undefined,
		redact: (text) => world.redactor.redact(text),
	});
	const show = progressSink(invocation);
	try {
		return await work((event) => {
			log.write(event);
			show(event);
		});
	} finally {
		await log.close();
		printLines(process.stderr, [`Log of this run: ${log.path}`]);
	}
};
