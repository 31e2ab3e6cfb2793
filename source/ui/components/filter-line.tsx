import {Box} from 'ink';
import type {TextEdit} from '../state/text-edit.js';
import {Toned} from '../theme.js';
import {TextLine} from './text-line.js';

const hint = '  "pi nuc" rows, "> fra" columns, "pi > fra" both';

/** The line in which nodes are filtered by their names, while it is typed. */
export const FilterLine = ({
	edit,
	columns,
	onChange,
	onClose,
}: {
	readonly edit: TextEdit;
	readonly columns: number;
	readonly onChange: (edit: TextEdit) => void;
	/** Enter keeps the filter, Esc takes it off. */
	readonly onClose: (isKept: boolean) => void;
}) => (
	<Box height={1} flexShrink={0}>
		<Toned tone="accent">{' / '}</Toned>
		<TextLine
			edit={edit}
			columns={Math.min(columns - 4, Math.max(20, edit.text.length + 2))}
			onChange={onChange}
			onKey={(key) => {
				if (key === 'enter' || key === 'escape') {
					onClose(key === 'enter');
				}
			}}
		/>
		<Toned tone="muted">{hint}</Toned>
	</Box>
);
