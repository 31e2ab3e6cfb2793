import {z} from 'zod';

/** Words that several outputs use. */
export const role = z.enum(['server', 'agent']);

export const severity = z
	.enum(['error', 'warning', 'info'])
	.describe('error blocks an install, warning asks, info is only told');

export const stage = z.enum([
	// Of an install, then of leaving.
	'reach',
	'prepare',
	'download',
	'configure',
	'start',
	'join',
	'ready',
	'verify',
	'drain',
	'leave',
	'uninstall',
	'clean',
]);

export const mesh = {
	addressKind: z
		.enum(['internal', 'external', 'external-ipv6', 'tailscale'])
		.describe('which address of the node that should answer'),
	protocol: z.enum(['tcp', 'udp']),
};

export const atMs = z.number().describe('ms since 1970');
