import {Box} from 'ink';
import {wrapWords} from '../format.js';
import {useBindings, type Binding} from '../hooks/use-keys.js';
import {layers} from '../state/key-router.js';
import type {AskedQuestion, Questions} from '../state/questions.js';
import {Toned, glyphs} from '../theme.js';
import {SecretLine} from './secret-line.js';

const questionText = (question: AskedQuestion, columns: number) => ({
	title: wrapWords(
		question.title +
			(question.waiting > 0 ? `  (${question.waiting} more to answer)` : ''),
		columns - 4,
	),
	lines: question.lines.flatMap((line) => wrapWords(line, columns - 4)),
});

/** How many rows the question takes. */
export const questionRows = (
	question: AskedQuestion,
	columns: number,
): number => {
	const {title, lines} = questionText(question, columns);
	return 1 + title.length + lines.length + (question.kind === 'secret' ? 1 : 0);
};

/** The keys that answer. For a choice nothing but these two does: Enter pressed by habit trusts nobody. */
export const questionBindings = (
	question: AskedQuestion,
	questions: Questions,
): readonly Binding[] =>
	question.kind === 'secret'
		? [
				{keys: [], shown: 'Enter', label: 'answer'},
				{keys: [], shown: 'Esc', label: 'no answer'},
			]
		: [
				{
					keys: ['y'],
					shown: 'y',
					label: question.yes,
					run() {
						questions.answer(true);
					},
				},
				{
					keys: ['n', 'escape'],
					shown: 'n',
					label: question.no,
					run() {
						questions.answer(false);
					},
				},
			];

/** A question with its grounds, inside the screen that it came up on. */
export const QuestionBox = ({
	question,
	questions,
	bindings,
	isActive,
	columns,
}: {
	readonly question: AskedQuestion;
	readonly questions: Questions;
	readonly bindings: readonly Binding[];
	/** May keys answer now? */
	readonly isActive: boolean;
	readonly columns: number;
}) => {
	useBindings(bindings, {
		layer: layers.question,
		isActive: isActive && question.kind === 'choice',
	});
	const {title, lines} = questionText(question, columns);
	return (
		<Box
			flexDirection="column"
			flexShrink={0}
			height={questionRows(question, columns)}
		>
			<Toned tone="muted">{'─'.repeat(columns)}</Toned>
			{title.map((line, index) => (
				<Toned key={line} bold>
					{index === 0 ? ` ${glyphs.pointer} ` : '   '}
					{line}
				</Toned>
			))}
			{lines.map((line) => (
				<Toned key={line}>{`   ${line}`}</Toned>
			))}
			{question.kind === 'secret' && (
				<SecretLine
					key={question.id}
					question={question}
					questions={questions}
					isActive={isActive}
					columns={columns}
				/>
			)}
		</Box>
	);
};
