import {Box, useWindowSize} from 'ink';
import {useRef, useState} from 'react';
import {wrapWords} from '../format.js';
import {Toned} from '../theme.js';
import type {Binding} from '../hooks/use-keys.js';
import {Notices, noticeLines, type Notice} from './notices.js';
import type {Help} from './help-text.js';
import {Screen} from './screen.js';

type Properties = {
	readonly title: string;
	readonly lines: readonly string[];
	readonly onClose: () => void;
	/** Follows the end while lines are added, until the person scrolls up. */
	readonly follow?: boolean;
	/** Are lines that are too long broken at spaces? Default: their end is cut. */
	readonly isWrapped?: boolean;
	/** Keys besides those that scroll. */
	readonly further?: readonly Binding[];
	/** Something to tell below the text. */
	readonly notice?: Notice | undefined;
	readonly help?: Help;
};

/** A line in pieces that fit, all as far to the right as the first. */
const wrapped = (line: string, columns: number): readonly string[] => {
	const text = line.trimStart();
	const indent = ' '.repeat(line.length - text.length);
	return wrapWords(text, columns - indent.length).map(
		(piece) => indent + piece,
	);
};

const noKeys: readonly Binding[] = [];

const ownHelp = {
	title: 'Text',
	about: ['Secrets are shown by their names only.'],
	keys: [
		['↑ ↓', 'scroll'],
		['PgUp PgDn', 'scroll by a page'],
		['g G', 'to the beginning, to the end'],
		['Esc', 'back'],
	],
} as const;

/** Text that can be scrolled: a file or a log. */
export const FileView = ({
	title,
	lines: given,
	onClose,
	follow = false,
	isWrapped = false,
	further = noKeys,
	notice,
	help = ownHelp,
}: Properties) => {
	/** First visible line; `undefined` follows the end. */
	const [top, setTop] = useState<number | undefined>(follow ? undefined : 0);
	/** Lines that fit, known once the screen is laid out. */
	const page = useRef(1);
	const {columns: width} = useWindowSize();
	const lines = isWrapped
		? given.flatMap((line) =>
				line.length + 3 > width ? wrapped(line, width - 3) : [line],
			)
		: given;
	const scroll = (pages: number, by: number) => () => {
		const end = Math.max(0, lines.length - page.current);
		const next = Math.max(
			0,
			Math.min(end, Math.min(top ?? end, end) + pages * page.current + by),
		);
		setTop(follow && next === end ? undefined : next);
	};

	return (
		<Screen
			mode="list"
			help={help}
			bindings={[
				{keys: ['up', 'k'], shown: '↑↓', label: 'scroll', run: scroll(0, -1)},
				{keys: ['down', 'j'], run: scroll(0, 1)},
				{keys: ['pageUp'], run: scroll(-1, 0)},
				{keys: ['pageDown', ' '], run: scroll(1, 0)},
				{keys: ['home', 'g'], run: scroll(0, -lines.length)},
				{keys: ['end', 'G'], run: scroll(0, lines.length)},
				...further,
				{
					keys: ['escape', 'enter', 'q'],
					shown: 'Esc',
					label: 'back',
					run: onClose,
				},
			]}
		>
			{({columns, rows}) => {
				const told =
					notice === undefined ? [] : noticeLines([notice], columns, 3);
				const room = Math.max(1, rows - 1 - told.length);
				page.current = room;
				const end = Math.max(0, lines.length - room);
				const first = Math.min(top ?? end, end);
				const shown = lines.slice(first, first + room);
				return (
					<>
						<Box width={columns} paddingX={1} justifyContent="space-between">
							<Toned bold>{title}</Toned>
							<Box flexShrink={0} marginLeft={2}>
								<Toned tone="muted">
									{lines.length === 0
										? 'empty'
										: `${first + 1}–${first + shown.length} of ${lines.length}`}
								</Toned>
							</Box>
						</Box>
						{shown.map((line, index) => (
							// Lines stay where they are in a file, and a log only grows.
							// eslint-disable-next-line react/no-array-index-key
							<Toned key={first + index}>{`  ${line}`}</Toned>
						))}
						<Box flexGrow={1} />
						<Notices lines={told} />
					</>
				);
			}}
		</Screen>
	);
};
