import {Box} from 'ink';
import {useLayoutEffect, useRef, useState} from 'react';
import {useKeyHandler} from '../hooks/use-keys.js';
import {layers} from '../state/key-router.js';
import type {AskedSecret, Questions} from '../state/questions.js';
import {
	editKey,
	editText,
	insertText,
	type TextEdit,
} from '../state/text-edit.js';
import {Toned} from '../theme.js';
import {DrawnLine} from './text-line.js';

const empty = editText('');
const mark = editText('typed, not shown ');

/**
 * One line of text in input mode that is never drawn. ssh draws nothing at all; here a constant mark says that
 * something is typed, so that one sees a paste arrive, and not how much: the length of a password helps who looks on.
 */
export const SecretLine = ({
	question,
	questions,
	isActive,
	columns,
}: {
	readonly question: AskedSecret;
	readonly questions: Questions;
	readonly isActive: boolean;
	readonly columns: number;
}) => {
	const edit = useRef(empty);
	const [shown, setShown] = useState(empty);
	const change = (next: TextEdit) => {
		if (questions.takesKey()) {
			const hidden = next.text === '' ? empty : mark;
			edit.current = next;
			setShown(question.isHidden ? hidden : next);
		}
	};

	useLayoutEffect(() => {
		if (isActive) {
			questions.activate();
		}
	}, [isActive, questions]);
	useKeyHandler(
		{
			layer: layers.question,
			mode: 'input',
			onText(text) {
				change(insertText(edit.current, text));
			},
			onKey(key) {
				const next = editKey(edit.current, key);
				if (next !== undefined) {
					change(next);
				} else if (key === 'escape') {
					questions.answerSecret(undefined);
				} else if (
					key === 'enter' &&
					(question.mayBeEmpty || edit.current.text !== '')
				) {
					questions.answerSecret(edit.current.text);
				}
			},
			onPaste(text) {
				// What is copied often ends with the line that it stood on.
				change(insertText(edit.current, text.replace(/[\r\n]+$/, '')));
			},
		},
		isActive,
	);
	return (
		<Box height={1} flexShrink={0}>
			<Toned tone="accent">{'   > '}</Toned>
			<DrawnLine edit={shown} columns={columns - 6} />
		</Box>
	);
};
