import {Box} from 'ink';
import type {TextEdit} from '../state/text-edit.js';
import {Toned} from '../theme.js';
import {TextLine} from './text-line.js';

/** The line in which machines are named, and what it takes. */
export const AddLine = ({
	edit,
	columns,
	onChange,
	onSubmit,
	onPaste,
	onLeave,
}: {
	readonly edit: TextEdit;
	readonly columns: number;
	readonly onChange: (edit: TextEdit) => void;
	readonly onSubmit: (text: string) => void;
	readonly onPaste: (text: string) => void;
	/** Back to the list: Esc, or Enter with nothing typed. */
	readonly onLeave: () => void;
}) => (
	<>
		<Box height={1} flexShrink={0}>
			<Toned tone="accent">{' > '}</Toned>
			<TextLine
				edit={edit}
				columns={columns - 4}
				onChange={onChange}
				onKey={(key, {text}) => {
					if (key === 'escape' || (key === 'enter' && text.trim() === '')) {
						onLeave();
					} else if (key === 'enter') {
						onSubmit(text);
					}
				}}
				onPaste={onPaste}
			/>
		</Box>
		<Toned tone="muted">
			{'   user@host[:port], an ssh alias, or paste a list'}
		</Toned>
	</>
);
