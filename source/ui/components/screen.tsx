import {Box, useWindowSize} from 'ink';
import type {ReactNode} from 'react';
import {useUi} from '../context.js';
import {useBindings, type Binding} from '../hooks/use-keys.js';
import {useObservable} from '../hooks/use-observable.js';
import {layers} from '../state/key-router.js';
import {makeCell} from '../state/observable.js';
import type {AskedQuestion} from '../state/questions.js';
import {Toned, glyphs} from '../theme.js';
import {Footer} from './footer.js';
import {Header} from './header.js';
import {HelpText, type Help} from './help-text.js';
import {QuestionBox, questionBindings, questionRows} from './question.js';

/** The place that a screen's own part has. */
export type BodySize = {readonly columns: number; readonly rows: number};

type Properties = {
	/** Keys of the screen in the mode that it is in. */
	readonly bindings: readonly Binding[];
	/** In input mode the screen has a field that takes the keys; its bindings are only shown. */
	readonly mode: 'list' | 'input';
	/** Is a text half typed? Its letters must not answer a question that comes up meanwhile. */
	readonly isTyping?: boolean;
	readonly onPaste?: ((text: string) => void) | undefined;
	readonly help: Help;
	readonly children: (size: BodySize) => ReactNode;
};

const noQuestion = makeCell<AskedQuestion | undefined>(undefined);
const noProblem = makeCell<string | undefined>(undefined);
/** From this height on there is a row of air below the header. */
const airyRows = 20;

const HelpOverlay = ({
	help,
	size,
}: {
	readonly help: Help;
	readonly size: BodySize;
}) => {
	const {model} = useUi();
	const close = () => {
		model.help.set(false);
	};

	useBindings([{keys: ['?', 'escape', 'enter', 'q'], run: close}], {
		layer: layers.help,
	});
	return <HelpText help={help} size={size} />;
};

/** What all screens share: header, footer, the question of the moment and help. It takes exactly the terminal's rows. */
export const Screen = ({
	bindings,
	mode,
	isTyping = false,
	onPaste,
	help,
	children,
}: Properties) => {
	const {model} = useUi();
	const {columns, rows} = useWindowSize();
	const session = useObservable(model.session);
	const isHelp = useObservable(model.help);
	const question = useObservable(session?.questions.current ?? noQuestion);
	const problem = useObservable(session?.document.problem ?? noProblem);
	const own: readonly Binding[] =
		mode === 'list'
			? [
					...bindings,
					{
						keys: ['?'],
						shown: '?',
						label: 'help',
						run() {
							model.help.set(true);
						},
					},
				]
			: bindings;
	useBindings(own, {isActive: mode === 'list', onPaste});

	const headerRows = rows >= 16 ? 2 : 1;
	const air = rows >= airyRows ? 1 : 0;
	const bodyRows = Math.max(
		1,
		rows -
			headerRows -
			air -
			1 -
			(problem === undefined ? 0 : 1) -
			(question === undefined ? 0 : questionRows(question, columns)),
	);
	const size = {columns, rows: bodyRows};
	const answers =
		question === undefined || session === undefined
			? undefined
			: questionBindings(question, session.questions);
	const helpKeys: readonly Binding[] = [
		{keys: [], shown: 'Esc', label: 'close help'},
	];
	return (
		<Box flexDirection="column" width={columns} height={rows} overflow="hidden">
			<Header
				cluster={
					session === undefined
						? undefined
						: session.document.cluster.get().name
				}
				step={session?.step.get()}
				isDemo={session?.world.demo ?? false}
				columns={columns}
				rows={headerRows}
			/>
			{air > 0 && <Box height={1} flexShrink={0} />}
			<Box
				flexDirection="column"
				height={bodyRows}
				flexShrink={0}
				overflow="hidden"
			>
				{isHelp ? <HelpOverlay help={help} size={size} /> : children(size)}
			</Box>
			{question !== undefined &&
				session !== undefined &&
				answers !== undefined && (
					<QuestionBox
						question={question}
						questions={session.questions}
						bindings={answers}
						isActive={!isTyping}
						columns={columns}
					/>
				)}
			{problem !== undefined && (
				<Toned tone="bad">{` ${glyphs.bad} ${problem}`}</Toned>
			)}
			<Footer
				bindings={
					isHelp ? helpKeys : answers === undefined || isTyping ? own : answers
				}
				columns={columns}
			/>
		</Box>
	);
};
