import {Box, useWindowSize} from 'ink';
import {useRef, useState} from 'react';
import type {FirewallFix} from '../../operations/operations.js';
import {count, wrapWords} from '../format.js';
import {Toned} from '../theme.js';
import {Screen} from './screen.js';

const help = {
	title: 'Open a firewall',
	about: [
		'These lines run on the node when you say yes, and only then. The node takes them back by itself when it can not be reached over a new SSH connection afterwards.',
		'What they should have opened is measured again at once.',
	],
	keys: [
		['y', 'run these lines on the node'],
		['c', 'copy them'],
		['↑ ↓', 'scroll'],
		['n Esc', 'leave everything as it is'],
	],
} as const;

/** What opens the firewall of one host, shown whole before it is run there. */
export const FixView = ({
	fix,
	onApply,
	onCopy,
	onClose,
}: {
	readonly fix: FirewallFix;
	readonly onApply: () => void;
	readonly onCopy: () => void;
	readonly onClose: () => void;
}) => {
	const [top, setTop] = useState(0);
	/** Lines that fit, known once the screen is laid out. */
	const page = useRef(1);
	const {columns: width} = useWindowSize();
	// Broken at spaces, the rest of a line further in: nothing that will run stays unseen.
	const lines = fix.lines.flatMap((line) =>
		wrapWords(line, width - 8).map((piece, index) =>
			index === 0 ? piece : `    ${piece}`,
		),
	);
	const scroll = (by: number) => () => {
		setTop((known) =>
			Math.max(0, Math.min(lines.length - page.current, known + by)),
		);
	};

	return (
		<Screen
			mode="list"
			help={help}
			bindings={[
				{keys: ['y'], shown: 'y', label: `run on ${fix.node}`, run: onApply},
				{keys: ['c'], shown: 'c', label: 'copy', run: onCopy},
				{keys: ['up', 'k'], shown: '↑↓', label: 'scroll', run: scroll(-1)},
				{keys: ['down', 'j'], run: scroll(1)},
				{keys: ['pageUp'], run: scroll(-10)},
				{keys: ['pageDown', ' '], run: scroll(10)},
				{
					keys: ['n', 'escape', 'q'],
					shown: 'n',
					label: 'leave it',
					run: onClose,
				},
			]}
		>
			{({columns, rows}) => {
				const room = Math.max(1, rows - 4);
				page.current = room;
				const shown = lines.slice(top, top + room);
				return (
					<>
						<Box width={columns} paddingX={1} justifyContent="space-between">
							<Toned bold>{`Open ${fix.firewall} on ${fix.node}?`}</Toned>
							<Box flexShrink={0} marginLeft={2}>
								<Toned tone="muted">
									{`${top + 1}–${top + shown.length} of ${count(lines.length, 'line')}`}
								</Toned>
							</Box>
						</Box>
						<Toned tone="muted">
							{` For ${count(fix.paths.length, 'closed path')}. Taken back by itself should SSH not get through then.`}
						</Toned>
						<Box height={1} />
						{shown.map((line, index) => (
							// Lines stay where they are.
							// eslint-disable-next-line react/no-array-index-key
							<Toned key={top + index}>{`   ${line}`}</Toned>
						))}
					</>
				);
			}}
		</Screen>
	);
};
