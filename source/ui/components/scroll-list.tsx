import {Box} from 'ink';
import type {ReactNode} from 'react';
import {Toned} from '../theme.js';
import {visibleWindow} from '../visible-window.js';

/** An item of a list and the rows that it takes. */
export type ListItem = {
	readonly key: string;
	readonly rows: number;
	readonly render: () => ReactNode;
};

/** A list that draws only what fits, with the selected item in sight and markers for the rest. */
export const ScrollList = ({
	items,
	selected,
	rows,
}: {
	readonly items: readonly ListItem[];
	readonly selected: number;
	readonly rows: number;
}) => {
	const {start, end, above, below} = visibleWindow(
		items.map((item) => item.rows),
		selected,
		rows,
	);
	return (
		<Box flexDirection="column" flexShrink={0}>
			{above > 0 && <Toned tone="muted">{`   ↑ ${above} more`}</Toned>}
			{items.slice(start, end).map((item) => (
				<Box
					key={item.key}
					flexDirection="column"
					height={item.rows}
					flexShrink={0}
					overflow="hidden"
				>
					{item.render()}
				</Box>
			))}
			{below > 0 && <Toned tone="muted">{`   ↓ ${below} more`}</Toned>}
		</Box>
	);
};
