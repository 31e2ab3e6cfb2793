import process from 'node:process';
import {setTimeout} from 'node:timers/promises';

/** A process that was told to stop does nothing for as long as it is stopped; so it gets past this pause, in ms, only afterwards. */
const pauseMs = 50;

/** Gives the terminal back for as long as the callback runs. */
type SuspendTerminal = (callback: () => Promise<void>) => Promise<unknown>;

/**
 * Ctrl-Z, as in any other program: gives the terminal back as it was, stops, and draws the screen anew when it is
 * continued. Does so too when another program sends SIGTSTP, and draws anew after a stop that nobody could prepare
 * (SIGSTOP).
 */
export const makeSuspension = (
	suspendTerminal: SuspendTerminal,
): {readonly suspend: () => void; readonly dispose: () => void} => {
	let isSuspended = false;

	const away = async (work: () => Promise<void>): Promise<void> => {
		if (isSuspended) {
			return;
		}

		isSuspended = true;
		try {
			await suspendTerminal(work);
		} finally {
			isSuspended = false;
		}
	};

	const suspend = (): void => {
		void away(async () => {
			process.off('SIGTSTP', suspend);
			// The whole group, as a terminal does it: npx and the shell's job are in it. Where nobody could continue the
			// job, the system does not stop it.
			process.kill(0, 'SIGTSTP');
			await setTimeout(pauseMs);
			process.on('SIGTSTP', suspend);
		});
	};

	const drawAnew = (): void => {
		void away(async () => undefined);
	};

	process.on('SIGTSTP', suspend);
	process.on('SIGCONT', drawAnew);
	return {
		suspend,
		dispose() {
			process.off('SIGTSTP', suspend);
			process.off('SIGCONT', drawAnew);
		},
	};
};
