import {Box, Text} from 'ink';
import {fitColumns} from '../fit-columns.js';
import {wrapWords} from '../format.js';
import type {NodeRow} from '../state/node-rows.js';
import {Toned, glyphs} from '../theme.js';
import {ScrollList, type ListItem} from './scroll-list.js';
import {TableRow} from './table-row.js';
import {Spinner} from './ticker.js';

const columnsOf = [
	{id: 'name', title: 'NAME', minimum: 6},
	{id: 'role', title: 'ROLE', minimum: 6},
	{id: 'ssh', title: 'SSH', minimum: 10},
	{id: 'external', title: 'EXTERNAL', minimum: 15},
	{id: 'internal', title: 'INTERNAL', minimum: 8},
	{id: 'host', title: 'HOST', minimum: 8},
	{id: 'rtt', title: 'RTT', minimum: 5},
] as const;

/** Rows that a failure takes below its node: the cause and what to do. */
const failureLines = (row: NodeRow, columns: number): readonly string[] =>
	row.failure === undefined
		? []
		: wrapWords(
				[
					row.failure.message,
					...row.failure.tryNext,
					'(e edit, t try again)',
				].join(' '),
				columns - 6,
			).slice(0, 3);

const Row = ({
	row,
	widths,
	isSelected,
}: {
	readonly row: NodeRow;
	readonly widths: readonly number[];
	readonly isSelected: boolean;
}) => (
	<Box height={1}>
		<Box width={4} flexShrink={0}>
			<Toned tone="accent">{isSelected ? `${glyphs.pointer} ` : '  '}</Toned>
			{row.state === 'working' ? (
				<Spinner />
			) : row.state === 'failed' ? (
				<Toned tone="bad">{glyphs.bad}</Toned>
			) : (
				<Toned tone="good">{glyphs.good}</Toned>
			)}
		</Box>
		<TableRow
			widths={widths}
			cells={columnsOf.map(({id}) => ({
				text: row[id],
				bold: isSelected && id === 'name',
				tone: id === 'role' && row.role === 'server' ? 'accent' : 'plain',
				align: id === 'rtt' ? 'right' : 'left',
			}))}
		/>
	</Box>
);

/** The nodes with what is known of them; failures stand below their row. */
export const NodeTable = ({
	rows,
	selected,
	isPointing,
	columns,
	height,
}: {
	readonly rows: readonly NodeRow[];
	/** Index of the row that must be in sight. */
	readonly selected: number;
	/** Has that row the pointer? */
	readonly isPointing: boolean;
	readonly columns: number;
	readonly height: number;
}) => {
	const widths = fitColumns(
		columnsOf.map(({id, title, minimum}) => ({
			natural: Math.max(title.length, ...rows.map((row) => row[id].length)),
			minimum,
		})),
		columns - 4 - columnsOf.length,
	);
	const items = rows.map((row, index): ListItem => {
		const failure = failureLines(row, columns);
		return {
			key: row.name,
			rows: 1 + failure.length,
			render: () => (
				<>
					<Row
						row={row}
						widths={widths}
						isSelected={index === selected ? isPointing : false}
					/>
					{failure.map((line) => (
						<Text key={line} wrap="truncate-end">
							{'      '}
							<Toned tone="bad">{line}</Toned>
						</Text>
					))}
				</>
			),
		};
	});
	return (
		<>
			<Box height={1} flexShrink={0} paddingLeft={4}>
				<TableRow
					widths={widths}
					cells={columnsOf.map(({id, title}) => ({
						text: title,
						tone: 'muted',
						align: id === 'rtt' ? 'right' : 'left',
					}))}
				/>
			</Box>
			<ScrollList items={items} selected={selected} rows={height - 1} />
		</>
	);
};
