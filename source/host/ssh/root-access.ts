import type {ConnectQuestions} from '../host.js';
import type {Redactor} from '../redactor.js';
import {becomeRoot} from '../scripts/become-root.js';
import {rootCommand, type WayToRoot} from '../scripts/bootstrap.js';
import {encodeRequest} from '../scripts/prelude.js';
import {startCall} from './call.js';
import type {Connection} from './connection.js';
import {makeEndSudo} from './end-sudo.js';
import type {Login} from './greeting.js';
import {RootRefused, rootStuck, type Refusal} from './refusals.js';
import type {MachineAnswers, SudoAnswers} from './sudo-answers.js';
import {makeMark, makeSudoDoor} from './sudo-door.js';
import {findSudoPassword, type Knock} from './sudo-password.js';

/** How scripts run as root over a connection. */
export type RootAccess =
	/** The login is root. */
	| {readonly kind: 'login'}
	/** A program lets them in without a question. */
	| {readonly kind: 'free'; readonly way: WayToRoot}
	/** sudo or doas asks; an answer that was right is known. */
	| {
			readonly kind: 'password';
			readonly way: WayToRoot;
			readonly answers: MachineAnswers;
	  }
	| {readonly kind: 'refused'; readonly refusal: Refusal};

/** How long sudo may take to let us in, in ms: it may look up names, and waits two seconds after a wrong password. */
export const sudoListenMs = 60_000;

/** `sudo -n` of sudo and of sudo-rs, where a password would help. */
const needsPassword =
	/password is required|authentication is required|askpass/i;

/** `doas -n`, of OpenBSD and with PAM, where the user may become root and a password is missing; others may not at all. */
const doasNeedsPassword = /auth(?:orization|entication) required/i;

/** What sudo or doas said without a question, as a reason. */
const refusalOf = ({sudoSaid, doasSaid}: Login): Refusal => {
	if (sudoSaid !== undefined) {
		return {kind: 'said', program: 'sudo', text: sudoSaid};
	}

	if (doasSaid === undefined) {
		return {kind: 'no-program'};
	}

	return doasNeedsPassword.test(doasSaid)
		? {kind: 'no-terminal', said: doasSaid}
		: {kind: 'said', program: 'doas', text: doasSaid};
};

/**
 * What a password may help with. doas says of a user who may become root that a password is missing, sudo says it of
 * everybody: so doas comes first where it does.
 */
const wayWithPassword = (login: Login): WayToRoot | undefined => {
	const {sudoSaid = '', doasSaid = '', terminal, doasTerminal} = login;
	if (doasTerminal && doasNeedsPassword.test(doasSaid)) {
		return {program: 'doas', terminal: true};
	}

	return needsPassword.test(sudoSaid) ? {program: 'sudo', terminal} : undefined;
};

const knockOver =
	(
		connection: Connection,
		login: Login,
		way: WayToRoot,
		signal: AbortSignal,
	): Knock =>
	async (answer) => {
		const {node} = connection;
		const {user, sshConnection} = login;
		const {program} = way;
		const mark = makeMark();
		const call = await startCall({
			connection,
			command: rootCommand(way, mark),
			what: becomeRoot.name,
			request: (marker) =>
				encodeRequest(becomeRoot.source, [], 'run', {
					marker,
					sshConnection,
					lingers: true,
				}),
			timeoutMs: becomeRoot.timeoutMs,
			listenMs: sudoListenMs,
			signal,
			onOutput: () => undefined,
			onErrorOutput: () => undefined,
			door: makeSudoDoor({
				program,
				node,
				user,
				mark,
				answer,
				endSudo: makeEndSudo(connection),
			}),
			refused: (text) =>
				new RootRefused(node, user, {kind: 'said', program, text}),
			stuck: (limitMs, lastLine) => rootStuck(program, node, limitMs, lastLine),
		});
		await call.ended;
	};

/**
 * Finds out how this login becomes root, and asks for the password where that is what it takes. Throws `RootRefused`
 * when the answer is refused, or asks for something that nobody can give here.
 */
export const findRootAccess = async (details: {
	readonly connection: Connection;
	readonly login: Login;
	/** As the person knows the machine. */
	readonly host: string;
	readonly known: SudoAnswers;
	readonly answers: MachineAnswers;
	readonly redactor: Redactor;
	readonly questions: ConnectQuestions;
	readonly signal: AbortSignal;
}): Promise<RootAccess> => {
	const {connection, login, answers, signal} = details;
	const {privilege, terminal} = login;
	if (privilege === 'root') {
		return {kind: 'login'};
	}

	if (privilege !== 'none') {
		return {
			kind: 'free',
			way: {program: privilege, terminal: terminal && privilege === 'sudo'},
		};
	}

	const way = wayWithPassword(login);
	if (way === undefined) {
		return {kind: 'refused', refusal: refusalOf(login)};
	}

	const refusal = await findSudoPassword({
		...details,
		node: connection.node,
		user: login.user,
		knock: knockOver(connection, login, way, signal),
	});
	return refusal === undefined
		? {kind: 'password', way, answers}
		: {kind: 'refused', refusal};
};
