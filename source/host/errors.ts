import {UserError, exitCodes, type ExitCode} from '../errors.js';

/** The connection to a host went away. What ran there may have ended or may still run: nobody knows. */
export class HostLost extends UserError {
	constructor(node: string, detail: string) {
		super(`The connection to ${node} was lost (${detail}).`, {
			node,
			exitCode: exitCodes.unreachable,
			tryNext: [
				'Run the same command again: it looks at what is there and goes on from it.',
			],
		});
		this.name = 'HostLost';
	}
}

/** Something took longer than its limit. The connection stands. */
export class DeadlineExceeded extends UserError {
	constructor(
		node: string,
		what: string,
		limitMs: number,
		/** Where more is known than that it took too long. */
		known?: {
			readonly message: string;
			readonly tryNext: readonly string[];
			readonly exitCode?: ExitCode;
		},
	) {
		super(
			known?.message ??
				`${node}: ${what} did not end within ${Math.round(limitMs / 1000)} s.`,
			{
				node,
				tryNext: known?.tryNext ?? [
					'Look at the machine, then run the same command again.',
				],
				...(known?.exitCode !== undefined && {exitCode: known.exitCode}),
			},
		);
		this.name = 'DeadlineExceeded';
	}
}

/** A script ended with an exit code other than 0. */
export class ScriptFailed extends UserError {
	readonly script: string;
	readonly code: number;
	/** The last lines that it wrote to standard error, without control characters and secrets. */
	readonly lastLines: readonly string[];

	constructor(
		node: string,
		script: string,
		details: {
			readonly code: number;
			readonly lastLines: readonly string[];
		},
	) {
		const reason = details.lastLines.at(-1) ?? `exit code ${details.code}`;
		super(`${node}: ${script}: ${reason}`, {node});
		this.name = 'ScriptFailed';
		this.script = script;
		this.code = details.code;
		this.lastLines = details.lastLines;
	}
}
