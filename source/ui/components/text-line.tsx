import {Text} from 'ink';
import {useLayoutEffect, useRef} from 'react';
import {useKeyHandler} from '../hooks/use-keys.js';
import {layers, type KeyName} from '../state/key-router.js';
import {editKey, insertText, type TextEdit} from '../state/text-edit.js';

type Properties = {
	readonly edit: TextEdit;
	readonly onChange: (edit: TextEdit) => void;
	/** Keys that are not about editing: enter, escape, tab, up, down. */
	readonly onKey: (key: KeyName, edit: TextEdit) => void;
	/** Takes pasted text instead of inserting it. */
	readonly onPaste?: ((text: string) => void) | undefined;
	readonly columns: number;
};

/** The part of the text that is drawn: the cursor is always in it. */
const visiblePart = (edit: TextEdit, columns: number) => {
	const width = Math.max(2, columns);
	const start = Math.max(0, edit.cursor - width + 1);
	return {
		before: edit.text.slice(start, edit.cursor),
		at: edit.text[edit.cursor] ?? ' ',
		after: edit.text.slice(edit.cursor + 1, start + width),
	};
};

/** A line of text with its cursor. */
export const DrawnLine = ({
	edit,
	columns,
}: {
	readonly edit: TextEdit;
	readonly columns: number;
}) => {
	const {before, at, after} = visiblePart(edit, columns);
	return (
		<Text wrap="truncate-end">
			{before}
			<Text inverse>{at}</Text>
			{after}
		</Text>
	);
};

/** One line of text in input mode: keys are text until Enter or Esc. */
export const TextLine = ({
	edit,
	onChange,
	onKey,
	onPaste,
	columns,
}: Properties) => {
	/** Keys can be faster than React: the next one starts from what the last one left. */
	const latest = useRef(edit);
	useLayoutEffect(() => {
		latest.current = edit;
	}, [edit]);
	const change = (next: TextEdit) => {
		latest.current = next;
		onChange(next);
	};

	const insert = (text: string) => {
		change(insertText(latest.current, text));
	};

	useKeyHandler({
		layer: layers.field,
		mode: 'input',
		onText: insert,
		onKey(key) {
			const next = editKey(latest.current, key);
			if (next === undefined) {
				onKey(key, latest.current);
			} else {
				change(next);
			}
		},
		onPaste: onPaste ?? insert,
	});
	return <DrawnLine edit={edit} columns={columns} />;
};
