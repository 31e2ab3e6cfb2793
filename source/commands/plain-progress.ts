import type {InstallEvent} from '../install/events.js';
import {nodeEndLines} from '../install/node-ends.js';

const stateWords = {
	changed: '● done',
	unchanged: '● as wanted',
	failed: '✖ failed',
	skipped: '– skipped',
} as const;

const startLine = ({
	purpose,
	cluster,
	version,
	nodes,
}: Extract<InstallEvent, {type: 'run-started'}>): string => {
	switch (purpose) {
		case 'apply': {
			return `Installing ${cluster} with K3s ${version} on ${nodes.length} nodes`;
		}

		case 'remove': {
			return `Taking a node out of ${cluster}`;
		}

		case 'uninstall': {
			return `Uninstalling ${cluster} on ${nodes.length} nodes`;
		}
	}
};

const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8);

/** Turns the events of an install into lines for a log, a pipe or a CI page; keeps what it needs to say each thing once. */
export const plainProgress = (options: {
	readonly verbose: boolean;
}): ((event: InstallEvent) => readonly string[]) => {
	const titles = new Map<string, string>();
	const lastNow = new Map<string, string>();
	const lastTenth = new Map<string, number>();
	let width = 0;

	const line = (at: number, node: string, text: string): string =>
		`${clock(at)} ${node.padEnd(width)}  ${text}`;

	return (event) => {
		switch (event.type) {
			case 'run-started': {
				for (const node of event.nodes) {
					width = Math.max(width, node.name.length);
					for (const step of node.steps) {
						titles.set(step.id, step.title);
					}
				}

				return [startLine(event)];
			}

			case 'step': {
				if (event.state === 'waiting') {
					return [];
				}

				const title = titles.get(event.step) ?? event.step;
				const text =
					event.state === 'running'
						? `◌ ${title}`
						: `${stateWords[event.state]}: ${title}${event.message === undefined ? '' : `: ${event.message}`}`;
				return [
					line(event.at, event.node, text),
					...(event.tryNext ?? []).map((next) =>
						line(event.at, event.node, `    ${next}`),
					),
				];
			}

			case 'now': {
				if (!event.waiting || lastNow.get(event.node) === event.text) {
					return [];
				}

				lastNow.set(event.node, event.text);
				return [
					line(
						event.at,
						event.node,
						`▲ ${event.text}${
							event.deadlineAt === undefined
								? ''
								: ` (gives up in ${Math.max(0, Math.round((event.deadlineAt - event.at) / 1000))} s)`
						}`,
					),
				];
			}

			case 'progress': {
				if (event.totalBytes === undefined || event.totalBytes === 0) {
					return [];
				}

				const tenth = Math.floor((event.doneBytes / event.totalBytes) * 10);
				if (lastTenth.get(event.step) === tenth) {
					return [];
				}

				lastTenth.set(event.step, tenth);
				return [line(event.at, event.node, `  downloaded ${tenth * 10} %`)];
			}

			case 'log': {
				return options.verbose
					? [line(event.at, event.node, `  ${event.line}`)]
					: [];
			}

			case 'proof': {
				const {proof} = event;
				return proof.ok && !options.verbose
					? []
					: [
							line(
								event.at,
								proof.from,
								`${proof.ok ? '●' : '✖'} ${proof.kind}${proof.to === undefined ? '' : ` to ${proof.to}`}: ${proof.detail}`,
							),
						];
			}

			case 'stopping': {
				return event.steps.length === 0
					? ['Stopping.']
					: [
							'Stopping as soon as these have ended; Ctrl-C again stops at once:',
							...event.steps.map(
								({node, title}) => `  ${node.padEnd(width)}  ${title}`,
							),
						];
			}

			case 'run-ended': {
				return [event.message, ...nodeEndLines(event.nodes)];
			}
		}
	};
};
