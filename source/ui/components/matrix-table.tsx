import {Box, Text} from 'ink';
import {Toned, type Tone} from '../theme.js';
import {visibleWindow} from '../visible-window.js';

/** A cell as text. */
export type MatrixCell = {readonly text: string; readonly tone: Tone};

const nameColumn = {minimum: 4, maximum: 14};
const cellColumn = {minimum: 6, maximum: 10};
const fromWidth = 7;

const clamp = (
	value: number,
	{minimum, maximum}: {readonly minimum: number; readonly maximum: number},
): number => Math.max(minimum, Math.min(maximum, value));

const cut = (text: string, width: number): string =>
	text.length > width ? `${text.slice(0, width - 1)}…` : text;

/** Rows that the matrix takes for this many nodes when it has its way. */
export const matrixRows = (nodes: number): number => nodes + 1;

/** From every node (rows) to every node (columns). It scrolls both ways around the cursor. */
export const MatrixTable = ({
	names,
	cursor,
	cellOf,
	columns,
	rows,
}: {
	readonly names: readonly string[];
	readonly cursor: {readonly row: number; readonly column: number};
	readonly cellOf: (from: string, to: string) => MatrixCell;
	readonly columns: number;
	readonly rows: number;
}) => {
	const longest = Math.max(...names.map((name) => name.length));
	const nameWidth = clamp(longest, nameColumn);
	const cellWidth = clamp(longest + 1, cellColumn);
	const fitting = Math.max(
		1,
		Math.floor((columns - fromWidth - nameWidth - 5) / cellWidth),
	);
	const across = visibleWindow(
		names.map(() => 1),
		cursor.column,
		fitting,
	);
	const down = visibleWindow(
		names.map(() => 1),
		cursor.row,
		Math.max(1, rows - 1),
	);
	const shown = names.slice(across.start, across.end);
	return (
		<Box flexDirection="column" flexShrink={0}>
			<Text wrap="truncate-end">
				<Toned tone="muted">
					{`${' '.repeat(fromWidth + nameWidth - 2)}to ${across.above > 0 ? '←' : ' '}`}
				</Toned>
				{shown.map((name) => (
					<Text key={name}>
						<Toned bold={name === names[cursor.column]} tone="plain">
							{cut(name, cellWidth - 1).padEnd(cellWidth)}
						</Toned>
					</Text>
				))}
				{across.below > 0 && <Toned tone="muted">→</Toned>}
			</Text>
			{down.above > 0 && (
				<Toned tone="muted">{`       ↑ ${down.above} more`}</Toned>
			)}
			{names.slice(down.start, down.end).map((from, index) => (
				<Text key={from} wrap="truncate-end">
					<Toned tone="muted">
						{(index === 0 ? ' from' : '').padEnd(fromWidth)}
					</Toned>
					<Toned bold={from === names[cursor.row]}>
						{cut(from, nameWidth).padEnd(nameWidth + 2)}
					</Toned>
					{shown.map((to) => {
						const {text, tone} = cellOf(from, to);
						const isSelected =
							from === names[cursor.row] && to === names[cursor.column];
						return (
							<Text key={to}>
								<Toned tone={tone} inverse={isSelected}>
									{text.padEnd(4)}
								</Toned>
								{' '.repeat(cellWidth - Math.max(4, text.length))}
							</Text>
						);
					})}
				</Text>
			))}
			{down.below > 0 && (
				<Toned tone="muted">{`       ↓ ${down.below} more`}</Toned>
			)}
		</Box>
	);
};
