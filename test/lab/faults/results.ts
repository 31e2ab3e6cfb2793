import type {Role} from '../../../source/cluster/schema.js';
import {allCases, caseName, spared, stepsOfServer, type Case} from './cases.js';
import {faultNames, faults} from './faults.js';
import type {CaseRecord} from './records.js';
import {stepsOf, type Course} from './steps.js';

const signs = {killed: '●', 'went-on': '○', told: '●'} as const;
const failedSign = '✖';
const notPlayed = '?';

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** Why a cell is empty, numbered in the order of appearance. */
const makeNotes = () => {
	const notes: string[] = [];
	return {
		notes,
		numberOf(why: string): number {
			if (!notes.includes(why)) {
				notes.push(why);
			}

			return notes.indexOf(why) + 1;
		},
	};
};

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** When and with what the cells were played. */
const playedWhen = (records: readonly CaseRecord[]): string => {
	const days = [...new Set(records.map(({day}) => day))].toSorted();
	const states = [...new Set(records.map(({sources}) => sources))];
	return `Played ${days.length <= 1 ? `on ${days.join('')}` : `from ${days[0]} to ${days.at(-1)}`}, with ${
		states.length === 1
			? `one state of the program (\`source\` is the tree ${states[0]})`
			: `${states.length} states of the program (results.json has the tree of \`source\` of each cell)`
	}.`;
};

/** The whole matrix with its numbers, as Markdown. */
export const renderResults = (records: readonly CaseRecord[]): string => {
	const {notes, numberOf} = makeNotes();
	const recordOf = (one: Case) =>
		records.find((record) => record.case === caseName(one));
	const cellOf = (one: Case): string => {
		const why = spared(one);
		if (why !== undefined) {
			return `–${numberOf(why)}`;
		}

		const outcome = recordOf(one)?.outcome;
		return outcome === undefined
			? notPlayed
			: outcome.held
				? `${signs[outcome.ended]} ${seconds(outcome.endedAfterMs)}`
				: failedSign;
	};

	const tableOf = (course: Course, role: Role): string => {
		const steps = stepsOf(course).filter((step) =>
			allCases.some((one) => one.role === role && one.step === step),
		);
		const rows = faultNames.filter((fault) =>
			steps.some((step) => spared({fault, step, role}) === undefined),
		);
		return [
			row(['fault', ...steps]),
			row(['---', ...steps.map(() => '---')]),
			...rows.map((fault) =>
				row([
					faults[fault].title,
					...steps.map((step) => cellOf({fault, step, role})),
				]),
			),
		].join('\n');
	};

	// In this order, so that the notes are numbered as they are read.
	const ofAgent = tableOf('install', 'agent');
	const ofServer = tableOf('install', 'server');
	const ofTailnet = tableOf('tailnet', 'agent');
	const ofLeaving = tableOf('leaving', 'agent');
	const held = records.flatMap(({outcome}) => (outcome.held ? [outcome] : []));
	const wentOn = held.filter(({ended}) => ended === 'went-on');
	const lost = records.filter(({outcome}) => !outcome.held && outcome.lost);
	const unplayed = allCases.length - records.length;
	const examples = faultNames.flatMap((fault) => {
		for (const one of allCases) {
			const outcome = recordOf(one)?.outcome;
			if (one.fault === fault && outcome?.held && outcome.ended === 'told') {
				return [
					`- **${faults[fault].title}**, on the ${one.role} in the step \`${one.step}\`:`,
					...outcome.said.map((line) => `  > ${line}\n  >`),
				];
			}
		}

		return [];
	});
	return `# What an install and an uninstall survive

Written by \`npm run faults\`, not by hand. Each cell is one \`apply\` on real hosts (a server and an agent; the K3s
[double](../k3s-double/README.md)) that is struck in the middle of a step of one of them, and the \`apply\` after it; or
an \`uninstall\`, and the one after that.

**${records.length} cases, ${held.length} survived, ${lost.length} lost something.** In ${wentOn.length} the struck run itself got over it.${
		unplayed === 0
			? ''
			: ` ${unplayed} have not been played yet (${notPlayed}).`
	}
${playedWhen(records)}

A case has survived when the struck run ends by its deadline, and either gets over the fault (○) or says on which node,
in which step and why it failed and what to try next (●; a program that is killed says nothing); when the next run ends
with a cluster that is proven, or an uninstall with machines that are as they were before, file by file; when no file is
left half-written; and when everything of the owner's (files, K3s configuration, firewall rules, cluster file, kubeconfig)
is as it was. What a run cannot get over it has to tell (●): one that ends well with a download that was changed has not
looked. The time is from the fault to the end of the run.

## The agent is struck

${ofAgent}

## The first server is struck

In the steps in which it is not as an agent is: ${Object.entries(stepsOfServer)
		.map(([step, why]) => `\`${step}\` (${why})`)
		.join(', ')}.

${ofServer}

## An agent of a tailnet is struck

With a real headscale and real Tailscale, in the steps that a cluster on a tailnet has besides: \`close-ports\` in one
whose K3s stands on tailnet addresses (\`tailscale-ip\`), all others in one with K3s's own integration (\`tailscale\`).

${ofTailnet}

## A machine that leaves is struck

Each \`uninstall\` takes a cluster away that was brought up before.

${ofLeaving}

${notes.map((why, index) => `–${index + 1}: does not apply, ${why}.`).join('\\\n')}

## What is said

The first sentence of each fault, and what it tells to try:

${examples.join('\n')}
`;
};
