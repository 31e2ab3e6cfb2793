/** What a person would type instead of running the program: a loop over all pairs and ports. */
import {controller, type Path} from '../../source/facts/measurements.js';
import type {Lab} from '../lab/index.js';

/** How ssh is started against hosts of a lab. */
export const sshWords = (lab: Lab): readonly string[] => [
	'ssh',
	'-F',
	'none',
	'-i',
	lab.sshKey,
	'-o',
	'BatchMode=yes',
	'-o',
	'StrictHostKeyChecking=yes',
	'-o',
	`UserKnownHostsFile=${lab.home}/.ssh/known_hosts`,
];

const tools = {
	nc: ({address, protocol, port}: Path) =>
		`nc -z ${protocol === 'udp' ? '-u ' : ''}-w 3 ${address} ${port}`,
	'/dev/tcp': ({address, protocol, port}: Path) =>
		`timeout 3 bash -c ': >/dev/${protocol}/${address}/${port}'`,
} as const;

export type PersonTool = keyof typeof tools;

/**
 * Asks the same questions as the program, one SSH login each, and returns how long that took, in ms. Nobody has to
 * start listeners first: a refused connection counts as an answer, which is generous.
 */
export const personLoop = async (
	lab: Lab,
	paths: readonly Path[],
	tool: PersonTool,
	atOnce: number,
): Promise<number> => {
	const began = performance.now();
	await lab.client.exec(
		[
			'xargs',
			'-P',
			String(atOnce),
			'-d',
			String.raw`\n`,
			'-n',
			'2',
			'sh',
			'-c',
			`${sshWords(lab)
				.map((word) => `'${word}'`)
				.join(' ')} "root@$1" "$2" </dev/null >/dev/null 2>&1 ; :`,
			'question',
		],
		{
			input: paths
				// What this machine asks itself needs no login.
				.filter(({from}) => from !== controller)
				.map(
					(path) => `${lab.node(path.from).sshAddress}\n${tools[tool](path)}\n`,
				)
				.join(''),
		},
	);
	return performance.now() - began;
};
