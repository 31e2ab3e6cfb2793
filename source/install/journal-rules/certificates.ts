import type {JournalRule} from './rule.js';

/** Certificates, and the clocks by which they are valid. */
export const certificateRules: readonly JournalRule[] = [
	{
		// Issues 2112, 5163, k3os 260.
		pattern:
			/x509: certificate has expired or is not yet valid: current time (\S+) is (before|after) ([\dTZ:+-]+)/i,
		cause: ({match}) =>
			match[2]!.toLowerCase() === 'before'
				? `a certificate is valid only from ${match[3]}, and it is ${match[1]} on this machine: a clock is wrong`
				: `a certificate was valid until ${match[3]}, and it is ${match[1]} on this machine: it has expired, or a clock is wrong`,
		tryNext: ({node}) => [
			`Compare the clock of ${node} with that of the server (date -u), switch on NTP, then run the same command again.`,
		],
	},
	{
		pattern: /x509: certificate has expired or is not yet valid/i,
		cause: 'a certificate is not valid yet or any more: a clock is wrong',
		tryNext: [
			'Compare the clocks of the machines (date -u), switch on NTP, then run the same command again.',
		],
	},
	{
		pattern: /x509: certificate is (?:valid for|not valid for any names)/i,
		cause:
			"the server's certificate is not made for the address by which this node reaches it",
		tryNext: [
			'Look for tls-san or tls-san-security in a config.yaml of your own on the server: the address must be among them.',
		],
	},
];
