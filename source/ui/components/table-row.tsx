import {Box} from 'ink';
import {Toned, type Tone} from '../theme.js';

export type TableCell = {
	readonly text: string;
	readonly tone?: Tone;
	readonly bold?: boolean;
	readonly align?: 'left' | 'right';
};

/** Cells of fixed widths with one column between them; what is too long is cut. */
export const TableRow = ({
	cells,
	widths,
}: {
	readonly cells: readonly TableCell[];
	readonly widths: readonly number[];
}) => (
	<Box height={1} flexShrink={0}>
		{cells.map(({text, tone = 'plain', bold = false, align}, index) => (
			<Box
				// The columns of a table do not move.
				// eslint-disable-next-line react/no-array-index-key
				key={index}
				width={widths[index] ?? 0}
				flexShrink={0}
				marginRight={1}
				justifyContent={align === 'right' ? 'flex-end' : 'flex-start'}
			>
				<Toned tone={tone} bold={bold}>
					{text}
				</Toned>
			</Box>
		))}
	</Box>
);
