import {stripControls} from '../../host/terminal-text.js';
import type {KeyName} from './key-router.js';

/** A line of text that is being edited. */
export type TextEdit = {
	readonly text: string;
	/** Where the next character goes, in UTF-16 units. */
	readonly cursor: number;
	/** Is it a proposal? Then the first character that is typed takes its place; any other key makes it one's own. */
	readonly isProposal?: boolean;
};

export const editText = (text: string): TextEdit => ({
	text,
	cursor: text.length,
});

/** Text that is offered: Enter takes it, typing replaces it. */
export const proposalText = (text: string): TextEdit => ({
	...editText(text),
	isProposal: true,
});

/** Puts text in at the cursor; control characters have no place in one line. */
export const insertText = (edit: TextEdit, text: string): TextEdit => {
	const clean = stripControls(text);
	if (edit.isProposal === true) {
		return editText(clean);
	}

	return {
		text:
			edit.text.slice(0, edit.cursor) + clean + edit.text.slice(edit.cursor),
		cursor: edit.cursor + clean.length,
	};
};

/** What a key does to the line; `undefined` when the key is not about editing. */
export const editKey = (edit: TextEdit, key: KeyName): TextEdit | undefined => {
	const {text, cursor} = edit;
	switch (key) {
		case 'backspace': {
			return cursor === 0
				? {text, cursor}
				: {
						text: text.slice(0, cursor - 1) + text.slice(cursor),
						cursor: cursor - 1,
					};
		}

		case 'delete': {
			return {text: text.slice(0, cursor) + text.slice(cursor + 1), cursor};
		}

		case 'left': {
			return {text, cursor: Math.max(0, cursor - 1)};
		}

		case 'right': {
			return {text, cursor: Math.min(text.length, cursor + 1)};
		}

		case 'home': {
			return {text, cursor: 0};
		}

		case 'end': {
			return editText(text);
		}

		case 'clear': {
			return editText('');
		}

		default: {
			return undefined;
		}
	}
};
