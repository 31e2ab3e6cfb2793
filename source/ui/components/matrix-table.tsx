import {Box, Text} from 'ink';
import type {MatrixEntry, MatrixOrder} from '../state/matrix-order.js';
import {Toned, type Tone} from '../theme.js';
import {visibleWindow} from '../visible-window.js';

/** A cell as text. */
export type MatrixCell = {readonly text: string; readonly tone: Tone};

/** The pair that is looked at. */
export type MatrixCursor = {readonly from: string; readonly to: string};

const nameColumn = {minimum: 4, maximum: 18};
const namedCell = {minimum: 6, maximum: 10};
const siteColumn = {minimum: 4, maximum: 10};
/** Space before the first column, and after the last one for the sign that there are more. */
const margins = 4;

const clamp = (
	value: number,
	{minimum, maximum}: {readonly minimum: number; readonly maximum: number},
): number => Math.max(minimum, Math.min(maximum, value));

const cut = (text: string, width: number): string =>
	text.length > width ? `${text.slice(0, width - 1)}…` : text;

const longest = (texts: readonly string[]): number =>
	Math.max(0, ...texts.map((text) => text.length));

/** Rows that the matrix takes when it has its way. */
export const matrixRows = ({rows}: MatrixOrder): number => rows.length + 1;

type Layout = {
	/** 0 when nothing is grouped. */
	readonly siteWidth: number;
	/** 0 when columns have their names. */
	readonly numberWidth: number;
	readonly nameWidth: number;
	readonly cellWidth: number;
};

/** Columns have their names where all of them fit, and else the numbers that stand before the names of the rows. */
const layoutFor = (
	{rows, columns}: MatrixOrder,
	width: number,
	textWidth: number,
): Layout => {
	const sites = rows.flatMap(({site}) => (site === undefined ? [] : [site]));
	const siteWidth =
		sites.length === 0 ? 0 : clamp(longest(sites), siteColumn) + 1;
	const nameWidth = clamp(longest(rows.map(({name}) => name)), nameColumn);
	const cellWidth = Math.max(
		textWidth + 1,
		clamp(longest(columns.map(({name}) => name)) + 1, namedCell),
	);
	const areNamed =
		margins + siteWidth + nameWidth + cellWidth * columns.length <= width;
	const numberWidth = String(
		Math.max(0, ...rows.map(({number}) => number ?? 0)),
	).length;
	return {
		siteWidth,
		nameWidth,
		numberWidth: areNamed ? 0 : numberWidth + 1,
		cellWidth: areNamed ? cellWidth : Math.max(textWidth, numberWidth) + 1,
	};
};

const gutterWidth = ({siteWidth, numberWidth, nameWidth}: Layout): number =>
	siteWidth + numberWidth + nameWidth;

/** Which columns are drawn: the chosen one about in the middle. Signs for the rest stand in the margins. */
const span = (
	total: number,
	selected: number,
	fitting: number,
): {readonly start: number; readonly end: number} => {
	const room = Math.max(1, fitting);
	const start = clamp(selected - Math.floor(room / 2), {
		minimum: 0,
		maximum: Math.max(0, total - room),
	});
	return {start, end: Math.min(total, start + room)};
};

/** What rows and columns are, as far as there is room to say so. */
const headText = (width: number): string =>
	(
		['from ↓  to →', 'from ↓', 'from'].find((text) => text.length <= width) ??
		''
	).padEnd(width);

/** A bar stands where the next column is at another site. */
const gap = (next: MatrixEntry | undefined): string =>
	next?.startsGroup === true ? '│' : ' ';

/** From every node (rows) to every node (columns). Its heads stay; the rest scrolls both ways around the cursor. */
export const MatrixTable = ({
	order,
	cursor,
	cellOf,
	textWidth,
	columns,
	rows,
}: {
	readonly order: MatrixOrder;
	readonly cursor: MatrixCursor;
	readonly cellOf: (from: string, to: string) => MatrixCell;
	/** The longest text of a cell. */
	readonly textWidth: number;
	readonly columns: number;
	readonly rows: number;
}) => {
	const layout = layoutFor(order, columns, textWidth);
	const {siteWidth, numberWidth, nameWidth, cellWidth} = layout;
	const across = span(
		order.columns.length,
		order.columns.findIndex(({name}) => name === cursor.to),
		Math.floor((columns - gutterWidth(layout) - margins) / cellWidth),
	);
	const down = visibleWindow(
		order.rows.map(() => 1),
		order.rows.findIndex(({name}) => name === cursor.from),
		Math.max(1, rows - 1),
	);
	const shown = order.columns.slice(across.start, across.end);
	const shownRows = order.rows.slice(down.start, down.end);
	const siteOf = (index: number): string | undefined =>
		index === 0
			? order.rows
					.slice(0, down.start + 1)
					.findLast(({site, startsGroup}) => startsGroup || site !== undefined)
					?.site
			: shownRows[index]!.site;
	return (
		<Box flexDirection="column" flexShrink={0}>
			<Text wrap="truncate-end">
				<Toned tone="muted">
					{` ${headText(gutterWidth(layout))}${across.start > 0 ? '←' : ' '} `}
				</Toned>
				{shown.map(({name, number}, index) => (
					<Text key={name}>
						<Toned bold={name === cursor.to}>
							{cut(
								numberWidth === 0 ? name : String(number ?? ''),
								cellWidth - 1,
							).padEnd(cellWidth - 1)}
						</Toned>
						<Toned tone="muted">{gap(shown[index + 1])}</Toned>
					</Text>
				))}
				{across.end < order.columns.length && <Toned tone="muted">→</Toned>}
			</Text>
			{down.above > 0 && (
				<Toned tone="muted">{`   ↑ ${down.above} more`}</Toned>
			)}
			{shownRows.map(({name: from, number}, index) => (
				<Text key={from} wrap="truncate-end">
					<Toned tone="muted">
						{` ${siteWidth === 0 ? '' : cut(siteOf(index) ?? '', siteWidth - 1).padEnd(siteWidth)}`}
						{numberWidth === 0
							? ''
							: `${String(number ?? '').padStart(numberWidth - 1)} `}
					</Toned>
					<Toned bold={from === cursor.from}>
						{`${cut(from, nameWidth).padEnd(nameWidth)}  `}
					</Toned>
					{shown.map(({name: to}, column) => {
						const {text, tone} = cellOf(from, to);
						return (
							<Text key={to}>
								<Toned
									tone={tone}
									inverse={from === cursor.from && to === cursor.to}
								>
									{text.padEnd(textWidth)}
								</Toned>
								<Toned tone="muted">
									{' '.repeat(
										Math.max(
											0,
											cellWidth - 1 - Math.max(textWidth, text.length),
										),
									) + gap(shown[column + 1])}
								</Toned>
							</Text>
						);
					})}
				</Text>
			))}
			{down.below > 0 && (
				<Toned tone="muted">{`   ↓ ${down.below} more`}</Toned>
			)}
		</Box>
	);
};
