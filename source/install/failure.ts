import {UserError, describeError} from '../errors.js';
import {ScriptFailed} from '../host/errors.js';
import {classify} from './journal-signatures.js';

/** A failure in words for a node's row. */
export type FailureText = {
	readonly message: string;
	readonly tryNext: readonly string[];
};

type Known = {readonly pattern: RegExp; readonly tryNext: readonly string[]};

/** What programs on a host say when they fail, and what helps. */
const known: readonly Known[] = [
	{
		pattern: /no space left|database or disk is full/i,
		tryNext: ['Free some space there, then try again.'],
	},
	{
		pattern: /read-only file system|cannot be written/i,
		tryNext: [
			'Is the file system mounted read-only? K3s needs to write there.',
		],
	},
	{
		pattern: /could not resolve host|name or service not known/i,
		tryNext: [
			'Look at the name servers of that machine: it cannot resolve names.',
		],
	},
	{
		pattern: /downloaded.*(?:transfer closed|connection reset|recv failure)/is,
		tryNext: [
			'The connection broke off half-way: try again, or name a mirror in the cluster file that is nearer.',
		],
	},
	{
		pattern: /cannot be downloaded|gives no answer/i,
		tryNext: [
			'Look whether that machine can reach the internet, or name mirrors in the cluster file.',
		],
	},
	{
		pattern: /another sha256|has no checksum/i,
		tryNext: [
			'Try again: the download may have been cut. When it stays so, the mirror holds something else than K3s.',
		],
	},
	{
		pattern: /ufw has a rule that forbids/i,
		tryNext: [
			'Take that rule away there (ufw delete and its words), then try again.',
		],
	},
	{
		pattern: /is not installed on this machine/i,
		tryNext: ['Install it there, then try again.'],
	},
];

/** Puts an error into the words of a node's row. The name of the node is left out: the row has it. */
export const failureText = (error: unknown, node: string): FailureText => {
	const message = (
		error instanceof ScriptFailed
			? (error.lastLines.at(-1) ?? describeError(error))
			: describeError(error)
	).replace(new RegExp(`^${node}: `), '');
	if (error instanceof UserError && error.tryNext.length > 0) {
		return {message, tryNext: error.tryNext};
	}

	return {
		message,
		tryNext: known.find(({pattern}) => pattern.test(message))?.tryNext ??
			classify(message, node)?.tryNext ?? ['The log of this node says more.'],
	};
};
