import {Box, Text} from 'ink';
import SelectInput from 'ink-select-input';
import {useMemo, useState} from 'react';
import type {Finding} from '../../checks/finding.js';
import {Screen} from '../components/screen.js';
import {Ticker, Spinner} from '../components/ticker.js';
import {useUi} from '../context.js';
import {wrapWords} from '../format.js';
import {useObservable} from '../hooks/use-observable.js';
import {meshOfKind, type MeshKind} from '../../cluster/schema.js';
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

/** One choice in the list: its details stand below the list, for the one that is looked at. */
const Item = ({isSelected = false, label, choice}: ItemProperties) => (
	<Text wrap="truncate-end">
		<Toned bold={isSelected}>{label}</Toned>
		{choice?.recommended === true && (
			<Toned tone="good">{`   ${glyphs.good} recommended`}</Toned>
		)}
		{choice?.possible === false && (
			<Toned tone="bad">{`   ${glyphs.bad} not possible with these nodes`}</Toned>
		)}
	</Text>
);

type DetailLine = {
	readonly text: string;
	readonly tone: 'muted' | 'plain' | 'bad' | 'warning';
};

const ruleGlyphs: Readonly<
	Record<Finding['severity'], readonly [string, DetailLine['tone']]>
> = {
	error: [glyphs.bad, 'bad'],
	warning: [glyphs.warning, 'warning'],
	info: [glyphs.none, 'muted'],
};

const ranks: Readonly<Record<Finding['severity'], number>> = {
	error: 0,
	warning: 1,
	info: 2,
};

/** What a choice is good for, why it fits, and what speaks against it, the worst first. */
const details = (
	{mesh, possible, reason, findings}: MeshChoice,
	columns: number,
): readonly DetailLine[] => [
	...[mesh.summary, ...(possible ? [reason] : [])].flatMap((text) =>
		wrapWords(text, columns - 8).map((line): DetailLine => ({
			text: `     ${line}`,
			tone: 'muted',
		})),
	),
	...byRule(
		findings.toSorted(
			(one, other) => ranks[one.severity] - ranks[other.severity],
		),
	).flatMap(({finding, text}): readonly DetailLine[] => {
		const [glyph, tone] = ruleGlyphs[finding.severity];
		return [
			{text: `     ${glyph} ${finding.id}`, tone},
			...wrapWords(text, columns - 10).map((line): DetailLine => ({
				text: `       ${line}`,
				tone: 'plain',
			})),
		];
	}),
];

/** As many lines as there are rows; the last one says how many more there are. */
const fitting = (
	lines: readonly DetailLine[],
	rows: number,
): readonly DetailLine[] => {
	if (lines.length <= rows) {
		return lines;
	}

	const shown = Math.max(0, rows - 1);
	return [
		...lines.slice(0, shown),
		{
			text: `     ${lines.length - shown} more lines: Checks says all of it`,
			tone: 'muted',
		},
	];
};

/** How the nodes reach each other. */
export const MeshScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const cluster = useObservable(session.document.cluster);
	const {contacts} = useObservable(session.nodes.state);
	useObservable(session.checks.state);
	const report = session.checks.report();
	const isHelp = useObservable(model.help);
	const question = useObservable(session.questions.current);
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
	// The pointer begins at what is chosen, or at what is recommended where that can not work.
	const [highlighted, setHighlighted] = useState<MeshKind>(() => {
		const chosen = choices.find(({mesh}) => mesh.kind === cluster.mesh.kind);
		return chosen?.possible === false
			? (choices.find(({recommended}) => recommended) ?? chosen).mesh.kind
			: cluster.mesh.kind;
	});
	const looked =
		choices.find(({mesh}) => mesh.kind === highlighted) ?? choices[0];
	const unknown = cluster.nodes.filter(
		({name}) => contacts.get(name)?.state !== 'ready',
	);
	const next = async () => {
		const choice = looked;
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
			known.mesh.kind === kind
				? known
				: {...known, mesh: meshOfKind(kind, known.mesh)},
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
			{({columns, rows}) => (
				<Ticker isActive={unknown.length > 0}>
					<Toned bold>{' How should the nodes reach each other?'}</Toned>
					<Text> </Text>
					<SelectInput
						isFocused={!isHelp && question === undefined}
						indicatorComponent={Indicator}
						itemComponent={Item}
						items={choices.map((choice) => ({
							key: choice.mesh.kind,
							// A choice that is judged anew must not move the pointer.
							value: choice.mesh.kind,
							label: choice.mesh.title,
							choice,
						}))}
						initialIndex={Math.max(
							0,
							choices.findIndex(({mesh}) => mesh.kind === highlighted),
						)}
						onHighlight={({value}) => {
							setHighlighted(value);
						}}
					/>
					<Text> </Text>
					{looked !== undefined &&
						fitting(
							details(looked, columns),
							rows - 3 - choices.length - (unknown.length > 0 ? 2 : 0),
						).map(({text, tone}, index) => (
							// Lines have no name but their place.
							// eslint-disable-next-line react/no-array-index-key
							<Text key={`${highlighted} ${index}`} wrap="truncate-end">
								<Toned tone={tone}>{text}</Toned>
							</Text>
						))}
					{unknown.length > 0 && <Text> </Text>}
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
