import {Buffer} from 'node:buffer';
import process from 'node:process';
import {render, useApp, useInput, usePaste, type Key} from 'ink';
import {useEffect, useRef} from 'react';
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
import type {Observable} from './state/observable.js';
import {makeSuspension} from './suspend.js';

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

const handleInput = (
	input: string,
	key: Key,
	router: KeyRouter,
	model: AppModel,
	suspend: () => void,
): void => {
	if (key.ctrl && input === 'c') {
		void model.interrupt();
		return;
	}

	if (key.ctrl && input === 'z') {
		suspend();
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
	const {suspendTerminal} = useApp();
	const suspension = useRef<ReturnType<typeof makeSuspension>>(undefined);
	useEffect(() => {
		const made = makeSuspension(suspendTerminal);
		suspension.current = made;
		return made.dispose;
	}, [suspendTerminal]);
	useInput((input, key) => {
		handleInput(input, key, router, model, () => {
			suspension.current?.suspend();
		});
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
	/** What SSH did or left out without a question, as it comes; shown where machines are contacted. */
	readonly notes?: Observable<readonly string[]>;
	/** Ends the program in good order: SIGTERM, SIGHUP. */
	readonly signal: AbortSignal;
	/** Gives the terminal back at once, and ends as soon as can be: a second signal, or an error that nobody caught. */
	readonly atOnce?: AbortSignal;
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
		void model.interrupt();
	};

	const cut = () => {
		ink.unmount();
		void model.quit(exitCodes.stopped);
	};

	options.signal.addEventListener('abort', stop, {once: true});
	options.atOnce?.addEventListener('abort', cut, {once: true});
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

		// It rejects when a screen breaks.
		const gone = ink.waitUntilExit().then(async () => {
			await model.quit(exitCodes.stopped);
			return model.ended;
		});
		return await Promise.race([model.ended, gone]);
	} catch (error) {
		await model.quit(exitCodes.failed);
		throw error;
	} finally {
		options.signal.removeEventListener('abort', stop);
		options.atOnce?.removeEventListener('abort', cut);
		ink.unmount();
		ink.cleanup();
	}
};
