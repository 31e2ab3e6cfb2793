import {Box, Text} from 'ink';
import {useState} from 'react';
import {Screen} from '../components/screen.js';
import {TextLine} from '../components/text-line.js';
import {useUi} from '../context.js';
import {wrapWords} from '../format.js';
import {useObservable} from '../hooks/use-observable.js';
import {useSelection} from '../hooks/use-selection.js';
import {shownPath} from '../shown-path.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {settingFields, writeSetting} from '../state/settings-fields.js';
import {editText, type TextEdit} from '../state/text-edit.js';
import {Toned, glyphs} from '../theme.js';

const help = {
	title: 'Settings',
	about: [
		'What stands here works for most clusters. The networks can not be changed once the cluster runs.',
	],
	keys: [
		['↑ ↓', 'choose a setting'],
		['e', 'change it; Enter keeps, Esc leaves it as it was'],
		['Enter', 'next: Checks'],
		['Esc', 'back to Mesh'],
		['q', 'quit; everything is saved'],
	],
} as const;

const labelWidth =
	Math.max(...settingFields.map(({label}) => label.length)) + 2;

/** The few settings that a cluster needs, checked as they are typed. */
export const SettingsScreen = ({
	session,
}: {
	readonly session: ClusterSession;
}) => {
	const {model} = useUi();
	const cluster = useObservable(session.document.cluster);
	const selection = useSelection(settingFields.length, {
		shown: '↑↓',
		label: 'choose',
	});
	const [edit, setEdit] = useState<TextEdit | undefined>(undefined);
	const field = settingFields[selection.selected]!;
	const written =
		edit === undefined ? undefined : writeSetting(cluster, field, edit.text);
	const problem = written?.ok === false ? written.problem : undefined;
	return (
		<Screen
			mode={edit === undefined ? 'list' : 'input'}
			help={help}
			bindings={
				edit === undefined
					? [
							...selection.bindings,
							{
								keys: ['e'],
								shown: 'e',
								label: 'change',
								run() {
									setEdit(editText(field.read(cluster)));
								},
							},
							{
								keys: ['enter'],
								shown: 'Enter',
								label: 'next',
								run() {
									session.go('checks');
								},
							},
							{
								keys: ['escape'],
								shown: 'Esc',
								label: 'back',
								run() {
									session.go('mesh');
								},
							},
							{
								keys: ['q'],
								shown: 'q',
								label: 'quit',
								run() {
									void model.quit();
								},
							},
						]
					: [
							{keys: [], shown: 'Enter', label: 'keep'},
							{keys: [], shown: 'Esc', label: 'leave as it was'},
						]
			}
		>
			{({columns}) => (
				<>
					{settingFields.map((known, index) => {
						const isSelected = index === selection.selected;
						const value = known.read(cluster);
						return (
							<Box key={known.id} height={1} flexShrink={0}>
								<Text wrap="truncate-end">
									<Toned tone="accent">
										{isSelected ? ` ${glyphs.pointer} ` : '   '}
									</Toned>
									<Toned bold={isSelected}>
										{known.label.padEnd(labelWidth)}
									</Toned>
								</Text>
								{isSelected && edit !== undefined ? (
									<>
										<Toned tone="accent">{'> '}</Toned>
										<TextLine
											edit={edit}
											columns={columns - labelWidth - 8}
											onChange={setEdit}
											onKey={(key, {text}) => {
												if (key === 'escape') {
													setEdit(undefined);
												} else if (
													key === 'enter' &&
													writeSetting(cluster, field, text).ok
												) {
													session.document.change((known) => {
														const next = writeSetting(known, field, text);
														return next.ok ? next.cluster : known;
													});
													setEdit(undefined);
												}
											}}
										/>
									</>
								) : (
									<Toned tone={value === '' ? 'muted' : 'plain'}>
										{value === '' ? known.empty : value}
									</Toned>
								)}
							</Box>
						);
					})}
					<Text> </Text>
					{wrapWords(
						problem === undefined
							? field.hint
							: `${glyphs.bad} ${field.label}: ${problem}`,
						columns - 6,
					).map((line) => (
						<Toned key={line} tone={problem === undefined ? 'muted' : 'bad'}>
							{`   ${line}`}
						</Toned>
					))}
					<Box flexGrow={1} />
					<Toned tone="muted">{` Saved in ${shownPath(session.document.path)}`}</Toned>
				</>
			)}
		</Screen>
	);
};
