import {Box, Text} from 'ink';
import {useState} from 'react';
import {PolicyView} from '../components/policy-view.js';
import {Screen} from '../components/screen.js';
import {TextLine} from '../components/text-line.js';
import {useUi} from '../context.js';
import {wrapWords} from '../format.js';
import {useObservable} from '../hooks/use-observable.js';
import {useSelection} from '../hooks/use-selection.js';
import {shownPath} from '../shown-path.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {
	longestLabel,
	settingFieldsOf,
	writeSetting,
} from '../state/settings-fields.js';
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
		['p', 'with a tailnet: what its policy must hold'],
		['Enter', 'next: Checks'],
		['Esc', 'back to Mesh'],
		['q', 'quit; everything is saved'],
	],
} as const;

const labelWidth = longestLabel + 2;

/** The few settings that a cluster needs, checked as they are typed. */
export const SettingsScreen = ({
	session,
}: {
	readonly session: ClusterSession;
}) => {
	const {model} = useUi();
	const cluster = useObservable(session.document.cluster);
	const fields = settingFieldsOf(cluster);
	const selection = useSelection(fields.length, {
		shown: '↑↓',
		label: 'choose',
	});
	const [edit, setEdit] = useState<TextEdit | undefined>(undefined);
	const [isPolicy, setIsPolicy] = useState(false);
	const field = fields[selection.selected]!;
	const written =
		edit === undefined ? undefined : writeSetting(cluster, field, edit.text);
	const problem = written?.ok === false ? written.problem : undefined;
	if (isPolicy) {
		return (
			<PolicyView
				policy={session.policy}
				onClose={() => {
					session.policy.close();
					setIsPolicy(false);
				}}
			/>
		);
	}

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
							...(cluster.mesh.kind === 'wireguard-native'
								? []
								: [
										{
											keys: ['p'],
											shown: 'p',
											label: 'policy',
											run() {
												session.policy.look();
												setIsPolicy(true);
											},
										},
									]),
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
					{fields.map((known, index) => {
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
