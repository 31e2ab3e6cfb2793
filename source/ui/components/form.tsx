import {Box, Text} from 'ink';
import {useState} from 'react';
import {wrapWords} from '../format.js';
import {editText, type TextEdit} from '../state/text-edit.js';
import {Toned, glyphs} from '../theme.js';
import {TextLine} from './text-line.js';

export type FormField<Id extends string> = {
	readonly id: Id;
	readonly label: string;
	readonly hint: string;
};

type Properties<Id extends string> = {
	readonly fields: ReadonlyArray<FormField<Id>>;
	readonly initial: Readonly<Record<Id, string>>;
	/** What is wrong with the values; nothing when they can be saved. */
	readonly check: (
		values: Readonly<Record<Id, string>>,
	) => Partial<Readonly<Record<Id, string>>>;
	readonly onSave: (values: Readonly<Record<Id, string>>) => void;
	readonly onCancel: () => void;
	readonly columns: number;
};

const hintRows = 2;

/** How many rows a form takes: its fields and the lines below them. */
export const formRows = (fields: readonly unknown[]): number =>
	fields.length + hintRows;

/** A few lines of text that are edited together. Enter saves when all of them are right; Esc leaves all as it was. */
export const Form = <Id extends string>({
	fields,
	initial,
	check,
	onSave,
	onCancel,
	columns,
}: Properties<Id>) => {
	const [values, setValues] = useState(initial);
	const [active, setActive] = useState(0);
	const field = fields[active]!;
	const [edit, setEdit] = useState<TextEdit>(() => editText(initial[field.id]));
	const problems = check(values);
	const move = (by: number) => {
		const next = (active + by + fields.length) % fields.length;
		setActive(next);
		setEdit(editText(values[fields[next]!.id]));
	};

	const labelWidth = Math.max(...fields.map(({label}) => label.length)) + 2;
	const problem = problems[field.id];
	return (
		<Box flexDirection="column" height={formRows(fields)} flexShrink={0}>
			{fields.map((known, index) => (
				<Box key={known.id} height={1}>
					<Text wrap="truncate-end">
						<Toned tone="accent">
							{index === active ? ` ${glyphs.pointer} ` : '   '}
						</Toned>
						<Toned bold={index === active}>
							{known.label.padEnd(labelWidth)}
						</Toned>
					</Text>
					{index === active ? (
						<TextLine
							edit={edit}
							columns={columns - labelWidth - 6}
							onChange={(next) => {
								setEdit(next);
								setValues({...values, [known.id]: next.text});
							}}
							onKey={(key) => {
								switch (key) {
									case 'escape': {
										onCancel();

										break;
									}

									case 'tab':
									case 'down': {
										move(1);

										break;
									}

									case 'up': {
										move(-1);

										break;
									}

									case 'enter': {
										const wrong = fields.findIndex(
											({id}) => problems[id] !== undefined,
										);
										if (wrong === -1) {
											onSave(values);
										} else {
											move(wrong - active);
										}

										break;
									}
									// No default
								}
							}}
						/>
					) : (
						<Toned tone={problems[known.id] === undefined ? 'plain' : 'bad'}>
							{problems[known.id] === undefined ? '' : `${glyphs.bad} `}
							{values[known.id]}
						</Toned>
					)}
				</Box>
			))}
			{wrapWords(
				problem === undefined ? field.hint : `${glyphs.bad} ${problem}`,
				columns - labelWidth - 4,
			)
				.slice(0, hintRows)
				.map((line) => (
					<Toned key={line} tone={problem === undefined ? 'muted' : 'bad'}>
						{`   ${' '.repeat(labelWidth)}${line}`}
					</Toned>
				))}
		</Box>
	);
};
