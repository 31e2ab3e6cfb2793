import {Box} from 'ink';
import {fitColumns} from '../fit-columns.js';
import type {HostCheckRow} from '../state/host-check-rows.js';
import {Toned, glyphs, stateLooks} from '../theme.js';
import {evidenceLine} from './cell-details.js';
import type {BodySize} from './screen.js';
import {ScrollList, type ListItem} from './scroll-list.js';
import {TableRow, type TableCell} from './table-row.js';

const columns = [
	{id: 'name', title: 'NODE', minimum: 6, order: 1},
	{id: 'probe', title: 'PROBE', minimum: 7, order: 2},
	{id: 'system', title: 'SYSTEM', minimum: 9, order: 0},
	{id: 'firewall', title: 'FIREWALL', minimum: 8, order: 2},
	{id: 'nat', title: 'NAT', minimum: 6, order: 1},
	{id: 'clock', title: 'CLOCK', minimum: 7, order: 3, align: 'right'},
	{id: 'outbound', title: 'OUT', minimum: 3, order: 3, align: 'right'},
	{id: 'mtu', title: 'MTU', minimum: 4, order: 3, align: 'right'},
] as const;

/** What each node is and measures with; the chosen one with its evidence below. */
export const HostsTable = ({
	hosts,
	selected,
	size,
}: {
	readonly hosts: readonly HostCheckRow[];
	readonly selected: number;
	readonly size: BodySize;
}) => {
	const current = hosts[selected];
	if (current === undefined) {
		return (
			<Toned tone="muted">
				{' No node has that in its name: / changes it.'}
			</Toned>
		);
	}

	const widths = fitColumns(
		columns.map(({id, title, minimum, order}) => ({
			natural: Math.max(title.length, ...hosts.map((host) => host[id].length)),
			minimum,
			order,
		})),
		size.columns - 4 - columns.length,
	);
	const row = (
		textOf: (column: (typeof columns)[number]) => TableCell,
	): readonly TableCell[] =>
		columns.map((column) => ({
			...textOf(column),
			...('align' in column ? {align: column.align} : {}),
		}));
	const items = hosts.map((host, index): ListItem => ({
		key: host.name,
		rows: 1,
		render() {
			const [glyph, tone] = stateLooks[host.state];
			const isSelected = index === selected;
			return (
				<Box height={1}>
					<Box width={4} flexShrink={0}>
						<Toned tone="accent">
							{isSelected ? `${glyphs.pointer} ` : '  '}
						</Toned>
						<Toned tone={tone}>{glyph}</Toned>
					</Box>
					<TableRow
						widths={widths}
						cells={row(({id}) => ({
							text: host[id],
							bold: isSelected && id === 'name',
						}))}
					/>
				</Box>
			);
		},
	}));
	const tableRows = Math.max(
		2,
		Math.min(items.length + 1, size.rows - Math.ceil(size.rows / 2)),
	);
	const room = Math.max(0, size.rows - tableRows - 2);
	const lines =
		current.details.length > room
			? current.details.slice(0, Math.max(0, room - 1))
			: current.details;
	return (
		<>
			<Box height={1} flexShrink={0} paddingLeft={4}>
				<TableRow
					widths={widths}
					cells={row(({title}) => ({text: title, tone: 'muted'}))}
				/>
			</Box>
			<ScrollList items={items} selected={selected} rows={tableRows - 1} />
			<Toned tone="muted">{` ${'─'.repeat(Math.max(1, size.columns - 2))}`}</Toned>
			<Toned bold>{` ${current.name}`}</Toned>
			{lines.map((line, index) => {
				const {tone, text} = evidenceLine(line);
				return (
					// eslint-disable-next-line react/no-array-index-key -- lines of one text can be alike
					<Toned key={`${index} ${text}`} tone={tone}>
						{`   ${text}`}
					</Toned>
				);
			})}
			{lines.length < current.details.length && room > 0 && (
				<Toned tone="muted">
					{`   … ${current.details.length - lines.length} more lines: v shows all`}
				</Toned>
			)}
		</>
	);
};
