import {Box, Text} from 'ink';
import {isAddress} from '../../cluster/addresses.js';
import {fitColumns} from '../fit-columns.js';
import {wrapWords} from '../format.js';
import type {NodeRow} from '../state/node-rows.js';
import {Toned, glyphs} from '../theme.js';
import {ScrollList, type ListItem} from './scroll-list.js';
import {TableRow} from './table-row.js';
import {Spinner} from './ticker.js';

/** The addresses decide about the mesh and stay whole longest; the rest stands below the table too. */
const allColumns = [
	{id: 'name', title: 'NAME', minimum: 6, order: 2},
	{id: 'role', title: 'ROLE', minimum: 6, order: 3},
	{id: 'ssh', title: 'SSH', minimum: 10, order: 1},
	{id: 'external', title: 'EXTERNAL', minimum: 15, order: 3},
	{id: 'internal', title: 'INTERNAL', minimum: 8, order: 3},
	{id: 'host', title: 'HOST', minimum: 10, order: 0},
	{id: 'rtt', title: 'RTT', minimum: 5, order: 3},
] as const;

/** Where no node has an internal address, the column only takes room from others. */
const columnsFor = (rows: readonly NodeRow[]) =>
	allColumns.filter(
		({id}) =>
			id !== 'internal' || rows.some(({internal}) => isAddress(internal)),
	);

/** Rows that a failure takes below its node: the cause and what to do, with the keys when they act. */
const failureLines = (
	row: NodeRow,
	isPointing: boolean,
	columns: number,
): readonly string[] =>
	row.failure === undefined
		? []
		: wrapWords(
				[
					row.failure.message,
					...row.failure.tryNext,
					isPointing
						? '(e edit, t try again)'
						: '(Esc, then e edit or t try again)',
				].join(' '),
				columns - 6,
			).slice(0, 3);

const Row = ({
	row,
	shown,
	widths,
	isSelected,
}: {
	readonly row: NodeRow;
	readonly shown: ReturnType<typeof columnsFor>;
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
			cells={shown.map(({id}) => ({
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
	const shown = columnsFor(rows);
	const widths = fitColumns(
		shown.map(({id, title, minimum, order}) => ({
			natural: Math.max(title.length, ...rows.map((row) => row[id].length)),
			minimum,
			order,
		})),
		columns - 4 - shown.length,
	);
	const items = rows.map((row, index): ListItem => {
		const failure = failureLines(row, isPointing, columns);
		return {
			key: row.name,
			rows: 1 + failure.length,
			render: () => (
				<>
					<Row
						row={row}
						shown={shown}
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
					cells={shown.map(({id, title}) => ({
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
