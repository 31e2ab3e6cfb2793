import type {FirewallRule} from '../plan.js';
import type {Opening} from './openings.js';

const rule = (
	program: 'iptables' | 'ip6tables',
	chain: 'INPUT' | 'FORWARD',
	why: string,
	match: readonly string[],
): FirewallRule => {
	const words = [
		...match,
		'-m',
		'comment',
		'--comment',
		`k3s-mesh ${why}`,
		'-j',
		'ACCEPT',
	];
	return {
		why,
		add: [program, '-w', '5', '-I', chain, '1', ...words],
		remove: [program, '-w', '5', '-D', chain, ...words],
	};
};

/** Rules for iptables, in front of what is there: a REJECT at the end of a cloud image's chains stays behind them. */
export const iptablesRules = (
	openings: readonly Opening[],
): readonly FirewallRule[] => {
	const ipv6 = openings.some(
		(opening) => 'family' in opening && opening.family === 6,
	);
	const programs = ipv6
		? (['iptables', 'ip6tables'] as const)
		: (['iptables'] as const);
	const programOf = (family: 4 | 6) =>
		family === 4 ? 'iptables' : 'ip6tables';
	const rulesOf = (opening: Opening): readonly FirewallRule[] => {
		switch (opening.kind) {
			case 'port': {
				return [
					rule(programOf(opening.family), 'INPUT', opening.why, [
						'-s',
						opening.source,
						'-p',
						opening.protocol,
						'--dport',
						String(opening.port),
					]),
				];
			}

			case 'public-port': {
				return programs.map((program) =>
					rule(program, 'INPUT', opening.why, [
						'-p',
						opening.protocol,
						'--dport',
						String(opening.port),
					]),
				);
			}

			case 'network': {
				return [
					rule(programOf(opening.family), 'INPUT', opening.why, [
						'-s',
						opening.cidr,
					]),
				];
			}

			case 'interface': {
				return programs.map((program) =>
					rule(program, 'INPUT', opening.why, ['-i', opening.device]),
				);
			}

			case 'forward': {
				return programs.flatMap((program) => [
					rule(program, 'FORWARD', opening.why, ['-i', opening.device]),
					rule(program, 'FORWARD', opening.why, ['-o', opening.device]),
				]);
			}
		}
	};

	return openings.flatMap((opening) => rulesOf(opening));
};
