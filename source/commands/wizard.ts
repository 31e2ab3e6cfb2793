import os from 'node:os';
import process from 'node:process';
import {checkAll} from '../checks/check.js';
import {UserError, exitCodes, type ExitCode} from '../errors.js';
import {noMeasurements} from '../facts/measurements.js';
import {makeDemoWorld} from '../host/simulated/demo-world.js';
import {sshAliases} from '../host/ssh/ssh-aliases.js';
import {openRunLog} from '../install/run-log.js';
import {startApply} from '../operations/apply.js';
import {checkCluster} from '../operations/check.js';
import {applyFixes, proposeFixes} from '../operations/fix.js';
import {openFleet} from '../operations/fleet.js';
import {fetchKubeconfig} from '../operations/kubeconfig.js';
import {comparePolicy} from '../operations/policy.js';
import {saveFile} from '../operations/save-file.js';
import {makePlan} from '../operations/plan.js';
import {makeWorld} from '../operations/world.js';
import {openStore, openTemporaryStore} from '../store/store.js';
import {runApp, type Demo, type InitialScreen} from '../ui/app.js';
import type {UiOperations} from '../ui/operations.js';
import {makeCell} from '../ui/state/observable.js';
import type {Invocation} from './arguments.js';
import {printLines} from './print.js';
import {writeNote} from './session.js';

/** What the screens do, with everything real behind it. */
export const operations: UiOperations = {
	openFleet,
	checkCluster,
	proposeFixes,
	applyFixes,
	makePlan,
	startApply,
	fetchKubeconfig,
	comparePolicy,
	saveFile,
	findings: (cluster, facts) =>
		checkAll({cluster, facts, measurements: noMeasurements}),
	sshAliases: async () => sshAliases(os.homedir()),
	openRunLog: async ({path, world}) =>
		openRunLog({
			path,
			isOwnFolder: true,
			redact: (text) => world.redactor.redact(text),
		}),
};

/** The simulated world at the pace of real machines, with files of its own. */
const openDemo = async (): Promise<Demo> => {
	const {store, remove} = await openTemporaryStore();
	const {world, cluster} = makeDemoWorld({
		pace: 1,
		now: Date.now,
		random: Math.random,
	});
	return {world, store, cluster, remove};
};

const show = async (
	initial: InitialScreen,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => {
	if (!process.stdin.isTTY || !process.stdout.isTTY) {
		throw new UserError(
			'The wizard needs a terminal, and there is none here.',
			{
				exitCode: exitCodes.usage,
				tryNext: [
					'check, plan, apply and kubeconfig work without one: k3s-mesh-tui --help',
				],
			},
		);
	}

	const notes = makeCell<readonly string[]>([]);
	const {exitCode, summary} = await runApp({
		world: makeWorld((note) => {
			notes.update((known) => [...known, note]);
		}),
		notes,
		store: openStore(),
		operations,
		openDemo,
		initial,
		signal,
		atOnce,
	});
	printLines(process.stdout, summary);
	// The screen has shown each cut to a line; here they are whole.
	for (const note of notes.latest()) {
		writeNote(note);
	}

	return exitCode;
};

/** No command: the wizard, on the screen with the saved clusters. */
export const wizard = async (
	_invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => show({kind: 'home'}, signal, atOnce);

/** `demo`: the wizard on simulated machines. */
export const demo = async (
	_invocation: Invocation,
	signal: AbortSignal,
	atOnce: AbortSignal,
): Promise<ExitCode> => show({kind: 'demo'}, signal, atOnce);
