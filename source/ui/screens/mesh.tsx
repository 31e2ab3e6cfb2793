import {Box, Text} from 'ink';
import SelectInput from 'ink-select-input';
import {useMemo, useState} from 'react';
import type {Finding} from '../../checks/finding.js';
import {Screen} from '../components/screen.js';
import {Ticker, Spinner} from '../components/ticker.js';
import {useUi} from '../context.js';
import {wrapWords} from '../format.js';
import {useObservable} from '../hooks/use-observable.js';
import type {MeshKind} from '../../cluster/schema.js';
import {noMeasurements} from '../../facts/measurements.js';
import {recommendMesh, type MeshChoice} from '../../mesh/rank.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {Toned, glyphs} from '../theme.js';

const help = {
	title: 'Mesh',
	about: [
		'How traffic between nodes travels. The choice that fits your nodes best stands first, with its reason; what can not work with them says why.',
		'What speaks against a choice can be mended or overridden at Checks; until then nothing is installed.',
	],
	keys: [
		['↑ ↓', 'choose'],
		['Enter', 'take it, next: Settings'],
		['Esc', 'back to Nodes'],
		['q', 'quit; everything is saved'],
	],
} as const;

const Indicator = ({isSelected = false}: {readonly isSelected?: boolean}) => (
	<Box width={3} flexShrink={0}>
		<Toned tone="accent">{isSelected ? ` ${glyphs.pointer}` : ''}</Toned>
	</Box>
);

type ItemProperties = {
	readonly isSelected?: boolean;
	readonly label: string;
	readonly choice?: MeshChoice;
	readonly columns?: number;
};

/** One entry for each rule: what it says about the first node, and which others it names too. */
const byRule = (
	findings: readonly Finding[],
): ReadonlyArray<{readonly finding: Finding; readonly text: string}> =>
	[...new Set(findings.map(({id}) => id))].map((id) => {
		const [first, ...others] = findings.filter((finding) => finding.id === id);
		const also = [...new Set(others.flatMap(({nodes}) => nodes))].filter(
			(name) => !first!.nodes.includes(name),
		);
		return {
			finding: first!,
			text: [
				first!.message,
				...first!.fixes.slice(0, 1),
				...(also.length === 0 ? [] : [`The same on ${also.join(', ')}.`]),
			].join(' '),
		};
	});

const Item = ({
	isSelected = false,
	label,
	choice,
	columns = 80,
}: ItemProperties) => (
	<Box flexDirection="column">
		<Text wrap="truncate-end">
			<Toned bold={isSelected}>{label}</Toned>
			{choice?.recommended === true && (
				<Toned tone="good">{`   ${glyphs.good} recommended`}</Toned>
			)}
			{choice?.possible === false && (
				<Toned tone="bad">{`   ${glyphs.bad} not possible with these nodes`}</Toned>
			)}
		</Text>
		{choice !== undefined &&
			[
				...wrapWords(choice.mesh.summary, columns - 8),
				...(choice.possible ? wrapWords(choice.reason, columns - 8) : []),
			].map((line) => <Toned key={line} tone="muted">{`  ${line}`}</Toned>)}
		{byRule(choice?.findings ?? []).map(({finding, text}) => (
			<Box key={finding.id} flexDirection="column">
				<Toned tone={finding.severity === 'error' ? 'bad' : 'warning'}>
					{`  ${finding.severity === 'error' ? glyphs.bad : glyphs.warning} ${finding.id}`}
				</Toned>
				{wrapWords(text, columns - 10).map((line) => (
					<Toned key={line}>{`    ${line}`}</Toned>
				))}
			</Box>
		))}
	</Box>
);

/** How the nodes reach each other. */
export const MeshScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const cluster = useObservable(session.document.cluster);
	const {contacts} = useObservable(session.nodes.state);
	useObservable(session.checks.state);
	const report = session.checks.report();
	const isHelp = useObservable(model.help);
	const question = useObservable(session.questions.current);
	const [highlighted, setHighlighted] = useState<MeshKind | undefined>(
		undefined,
	);
	const choices = useMemo(
		() =>
			recommendMesh({
				cluster,
				facts: session.fleet.facts(),
				measurements: report?.measurements ?? noMeasurements,
			}),
		// The facts follow the contacts.
		// eslint-disable-next-line react-hooks/exhaustive-deps
		[cluster, contacts, report, session],
	);
	const unknown = cluster.nodes.filter(
		({name}) => contacts.get(name)?.state !== 'ready',
	);
	const next = async () => {
		const choice =
			choices.find(({mesh}) => mesh.kind === highlighted) ?? choices[0];
		if (
			choice === undefined ||
			(!choice.possible &&
				!(await session.questions.ask({
					title: `${choice.mesh.title} can not work with these nodes: go on?`,
					lines: [
						'Checks holds the install until each reason is mended or overridden there.',
					],
					yes: 'go on',
					no: 'stay here',
				})))
		) {
			return;
		}

		const {kind} = choice.mesh;
		session.document.change((known) =>
			known.mesh.kind === kind ? known : {...known, mesh: {kind}},
		);
		session.go('settings');
	};

	return (
		<Screen
			mode="list"
			help={help}
			bindings={[
				{keys: [], shown: '↑↓', label: 'choose'},
				// The list moves its own pointer; every key that leaves the screen goes through the bindings.
				{
					keys: ['enter'],
					shown: 'Enter',
					label: 'next',
					run() {
						void next();
					},
				},
				{
					keys: ['escape'],
					shown: 'Esc',
					label: 'back',
					run() {
						session.go('nodes');
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
			]}
		>
			{({columns}) => (
				<Ticker isActive={unknown.length > 0}>
					<Toned bold>{' How should the nodes reach each other?'}</Toned>
					<Text> </Text>
					<SelectInput
						isFocused={!isHelp && question === undefined}
						indicatorComponent={Indicator}
						itemComponent={Item}
						items={choices.map((choice) => ({
							key: choice.mesh.kind,
							value: choice,
							label: choice.mesh.title,
							choice,
							columns,
						}))}
						onHighlight={({value}) => {
							setHighlighted(value.mesh.kind);
						}}
					/>
					<Text> </Text>
					{unknown.length > 0 && (
						<Text wrap="truncate-end">
							{' '}
							<Spinner />{' '}
							<Toned tone="muted">
								{`not known yet: ${unknown.map(({name}) => name).join(', ')}`}
							</Toned>
						</Text>
					)}
				</Ticker>
			)}
		</Screen>
	);
};
