import {Buffer} from 'node:buffer';
import process from 'node:process';
import {render, useInput, usePaste, type Key} from 'ink';
import type {World} from '../operations/operations.js';
import {exitCodes} from '../errors.js';
import type {Store} from '../store/store.js';
import {UiProvider, useUi, type UiContext} from './context.js';
import {useObservable} from './hooks/use-observable.js';
import type {UiOperations} from './operations.js';
import {ChecksScreen} from './screens/checks.js';
import {DoneScreen} from './screens/done.js';
import {HomeScreen} from './screens/home.js';
import {InstallScreen} from './screens/install.js';
import {MeshScreen} from './screens/mesh.js';
import {NodesScreen} from './screens/nodes.js';
import {ReviewScreen} from './screens/review.js';
import {SettingsScreen} from './screens/settings.js';
import {
	makeAppModel,
	type AppEnd,
	type AppModel,
	type Demo,
} from './state/app-model.js';
import type {ClusterSession} from './state/cluster-session.js';
import {
	makeKeyRouter,
	type KeyName,
	type KeyRouter,
} from './state/key-router.js';
import {stopQuestion} from './state/stop-question.js';

export type {AppEnd, Demo} from './state/app-model.js';

const keyNames: ReadonlyArray<readonly [keyof Key, KeyName]> = [
	['return', 'enter'],
	['escape', 'escape'],
	['tab', 'tab'],
	['backspace', 'backspace'],
	['delete', 'delete'],
	['upArrow', 'up'],
	['downArrow', 'down'],
	['leftArrow', 'left'],
	['rightArrow', 'right'],
	['pageUp', 'pageUp'],
	['pageDown', 'pageDown'],
	['home', 'home'],
	['end', 'end'],
];

/** Control keys that edit a line, as a shell knows them. */
const controlKeys: Readonly<Record<string, KeyName>> = {
	a: 'home',
	e: 'end',
	u: 'clear',
	h: 'backspace',
};

/** Text for the terminal's clipboard, by xterm's control sequence OSC 52; it draws nothing. */
const copySequence = (text: string): string =>
	`\u001B]52;c;${Buffer.from(text, 'utf8').toString('base64')}\u0007`;

/** Ctrl-C: asks when an install runs, ends at once otherwise or the second time. */
const interrupt = (model: AppModel): void => {
	const session = model.session.latest();
	const phase = session?.install.state.latest().phase;
	if (
		session !== undefined &&
		phase === 'running' &&
		session.questions.current.latest() === undefined
	) {
		void (async () => {
			if (await session.questions.ask(stopQuestion)) {
				session.install.stop();
			}
		})();
	} else {
		void model.quit(exitCodes.stopped);
	}
};

const handleInput = (
	input: string,
	key: Key,
	router: KeyRouter,
	model: AppModel,
): void => {
	if (key.ctrl && input === 'c') {
		interrupt(model);
		return;
	}

	const named = keyNames.find(([name]) => key[name] === true)?.[1];
	if (named !== undefined) {
		router.push(named);
	} else if (key.ctrl) {
		const control = controlKeys[input];
		if (control !== undefined) {
			router.push(control);
		}
	} else if (!key.meta && input !== '') {
		router.push({text: input});
	}
};

const SessionScreen = ({session}: {readonly session: ClusterSession}) => {
	const step = useObservable(session.step);
	switch (step) {
		case 'nodes': {
			return <NodesScreen session={session} />;
		}

		case 'mesh': {
			return <MeshScreen session={session} />;
		}

		case 'settings': {
			return <SettingsScreen session={session} />;
		}

		case 'checks': {
			return <ChecksScreen session={session} />;
		}

		case 'review': {
			return <ReviewScreen session={session} />;
		}

		case 'install': {
			return <InstallScreen session={session} />;
		}

		case 'done': {
			return <DoneScreen session={session} />;
		}
	}
};

const CurrentScreen = () => {
	const {model, router} = useUi();
	const session = useObservable(model.session);
	useInput((input, key) => {
		handleInput(input, key, router, model);
	});
	usePaste((text) => {
		router.paste(text);
	});
	return session === undefined ? (
		<HomeScreen />
	) : (
		<SessionScreen session={session} />
	);
};

/** The whole program on a screen. */
export const App = (context: UiContext) => (
	<UiProvider value={context}>
		<CurrentScreen />
	</UiProvider>
);

/** What is shown first. */
export type InitialScreen =
	| {readonly kind: 'home'}
	| {readonly kind: 'demo'}
	| {readonly kind: 'cluster'; readonly name: string};

export type RunAppOptions = {
	readonly world: World;
	readonly store: Store;
	readonly operations: UiOperations;
	/** Makes the demo's world; without it Home offers no demo. */
	readonly openDemo?: () => Promise<Demo>;
	readonly initial: InitialScreen;
	/** Ends the program in good order: SIGTERM, SIGHUP. */
	readonly signal: AbortSignal;
	readonly stdout?: NodeJS.WriteStream;
	readonly stdin?: NodeJS.ReadStream;
	/** How long a question that came up by itself takes no keys, in ms; default 600. */
	readonly reactionMs?: number;
	readonly environment?: Readonly<Record<string, string | undefined>>;
};

/**
 * Shows the wizard on the terminal's other screen until it is left, and gives the terminal back as it was, also after
 * an error (which is thrown) or a signal. The summary is for the caller to print.
 */
export const runApp = async (options: RunAppOptions): Promise<AppEnd> => {
	const stdout = options.stdout ?? process.stdout;
	const stdin = options.stdin ?? process.stdin;
	const environment = options.environment ?? process.env;
	const model = makeAppModel(options);
	const colors = (environment.NO_COLOR ?? '') === '';
	await model.refresh();
	if (options.initial.kind === 'demo') {
		await model.openDemo();
	} else if (options.initial.kind === 'cluster') {
		await model.openCluster(options.initial.name);
	}

	const stop = () => {
		void model.quit(exitCodes.stopped);
	};

	options.signal.addEventListener('abort', stop, {once: true});
	const ink = render(
		<App
			model={model}
			router={makeKeyRouter()}
			colors={colors}
			copy={(text) => {
				stdout.write(copySequence(text));
			}}
		/>,
		{
			stdout,
			stdin,
			exitOnCtrlC: false,
			patchConsole: false,
			maxFps: 30,
			alternateScreen: true,
			// CI variables of whoever started us say nothing about this terminal.
			interactive: stdout.isTTY,
		},
	);
	try {
		if (options.signal.aborted) {
			stop();
		}

		const crashed = ink.waitUntilExit().then(() => undefined);
		const end = await Promise.race([model.ended, crashed]);
		return end ?? {exitCode: exitCodes.stopped, summary: []};
	} catch (error) {
		await model.quit(exitCodes.failed);
		throw error;
	} finally {
		options.signal.removeEventListener('abort', stop);
		ink.unmount();
		ink.cleanup();
	}
};
