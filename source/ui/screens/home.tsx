import {Box, Text} from 'ink';
import {useState} from 'react';
import {Screen, type BodySize} from '../components/screen.js';
import {ScrollList, type ListItem} from '../components/scroll-list.js';
import {TextLine} from '../components/text-line.js';
import {useUi} from '../context.js';
import {count, formatAge, wrapWords} from '../format.js';
import type {Binding} from '../hooks/use-keys.js';
import {useObservable} from '../hooks/use-observable.js';
import type {AppModel, SavedCluster} from '../state/app-model.js';
import {proposalText, type TextEdit} from '../state/text-edit.js';
import {Toned, glyphs, type Tone} from '../theme.js';

type Choice = {
	readonly key: string;
	readonly glyph: string;
	readonly tone: Tone;
	readonly title: string;
	readonly note: string;
	readonly open: () => void;
};

const progressText: Readonly<
	Record<NonNullable<SavedCluster['progress']>, [string, Tone, string]>
> = {
	nodes: [glyphs.waiting, 'plain', 'left at Nodes'],
	mesh: [glyphs.waiting, 'plain', 'left at Mesh'],
	settings: [glyphs.waiting, 'plain', 'left at Settings'],
	checks: [glyphs.waiting, 'plain', 'left at Checks'],
	review: [glyphs.waiting, 'plain', 'left at Review'],
	install: [glyphs.warning, 'warning', 'the install has not ended well yet'],
	done: [glyphs.good, 'good', 'installed'],
	uninstalled: [glyphs.waiting, 'plain', 'uninstalled'],
};

const clusterChoice = (cluster: SavedCluster, model: AppModel): Choice => {
	const [glyph, tone, state] =
		cluster.nodeCount === undefined
			? ([glyphs.bad, 'bad', 'its file can not be read'] as const)
			: cluster.progress === undefined
				? ([glyphs.waiting, 'plain', 'not opened here yet'] as const)
				: progressText[cluster.progress];
	return {
		key: `cluster ${cluster.name}`,
		glyph,
		tone,
		title: cluster.name,
		note: [
			state,
			...(cluster.nodeCount === undefined
				? []
				: [count(cluster.nodeCount, 'node')]),
			...(cluster.usedAt === undefined
				? []
				: [formatAge(model.now() - cluster.usedAt)]),
		].join(' · '),
		open() {
			void model.openCluster(cluster.name);
		},
	};
};

const help = {
	title: 'Home',
	about: [
		'A cluster is one YAML file that is written while you answer. Whatever you leave half-way is offered here again.',
		'The demo goes the whole way on a simulated network: nothing is installed anywhere.',
	],
	keys: [
		['↑ ↓', 'choose'],
		['Enter', 'open'],
		['n', 'new cluster'],
		['d', 'try the demo'],
		['q', 'quit'],
	],
} as const;

/** The first name that is free, as a proposal: `home`, then `home-2`, `home-3`… */
const proposedName = (model: AppModel): string => {
	for (let number = 1; ; number += 1) {
		const name = number === 1 ? 'home' : `home-${number}`;
		if (model.nameProblem(name) === undefined) {
			return name;
		}
	}
};

const Intro = () => (
	<Box flexDirection="column" paddingLeft={1} height={4} flexShrink={0}>
		<Toned bold>One K3s cluster across clouds, homes and offices.</Toned>
		<Text wrap="truncate-end">
			Add machines by SSH; every path between them is proven before anything
		</Text>
		<Text wrap="truncate-end">is changed on any of them.</Text>
	</Box>
);

const NameField = ({
	edit,
	onChange,
	onDone,
	size,
}: {
	readonly edit: TextEdit;
	readonly onChange: (edit: TextEdit) => void;
	readonly onDone: () => void;
	readonly size: BodySize;
}) => {
	const {model} = useUi();
	const problem = model.nameProblem(edit.text);
	return (
		<Box flexDirection="column" paddingLeft={1}>
			<Toned bold>What is the new cluster called?</Toned>
			<Text> </Text>
			<Box>
				<Toned tone="accent">{'> '}</Toned>
				<TextLine
					edit={edit}
					columns={size.columns - 4}
					onChange={onChange}
					onKey={(key, {text}) => {
						if (key === 'escape') {
							onDone();
						} else if (
							key === 'enter' &&
							model.nameProblem(text) === undefined
						) {
							onDone();
							model.createCluster(text);
						}
					}}
				/>
			</Box>
			<Text> </Text>
			{wrapWords(
				problem === undefined || edit.text === ''
					? 'It names the file, and later the context in your kubeconfig.'
					: `${glyphs.bad} ${problem}`,
				size.columns - 2,
			).map((line) => (
				<Toned
					key={line}
					tone={problem === undefined || edit.text === '' ? 'muted' : 'bad'}
				>
					{line}
				</Toned>
			))}
		</Box>
	);
};

/** Saved clusters, a new one, the demo. */
export const HomeScreen = () => {
	const {model} = useUi();
	const {clusters, failure} = useObservable(model.home);
	const [selected, setSelected] = useState(0);
	const [name, setName] = useState<TextEdit | undefined>(undefined);
	const startNew = () => {
		setName(proposalText(proposedName(model)));
	};

	const startDemo = () => {
		void model.openDemo();
	};

	const choices: readonly Choice[] = [
		...clusters.map((cluster) => clusterChoice(cluster, model)),
		{
			key: 'new',
			glyph: glyphs.add,
			tone: 'accent',
			title: 'New cluster',
			note: 'from two or more Linux machines that you reach by SSH',
			open: startNew,
		},
		...(model.canDemo
			? [
					{
						key: 'demo',
						glyph: '▷',
						tone: 'accent',
						title: 'Try the demo',
						note: 'the whole journey on a simulated network: no server, no root',
						open: startDemo,
					} as const,
				]
			: []),
	];
	const cursor = Math.min(selected, choices.length - 1);
	const move = (by: number) => {
		setSelected(Math.max(0, Math.min(choices.length - 1, cursor + by)));
	};

	const bindings: readonly Binding[] =
		name === undefined
			? [
					{
						keys: ['up', 'k'],
						shown: '↑↓',
						label: 'choose',
						run() {
							move(-1);
						},
					},
					{
						keys: ['down', 'j'],
						run() {
							move(1);
						},
					},
					{
						keys: ['enter'],
						shown: 'Enter',
						label: 'open',
						run() {
							choices[cursor]!.open();
						},
					},
					{keys: ['n'], shown: 'n', label: 'new', run: startNew},
					...(model.canDemo
						? [{keys: ['d'], shown: 'd', label: 'demo', run: startDemo}]
						: []),
					{
						keys: ['q', 'escape'],
						shown: 'q',
						label: 'quit',
						run() {
							void model.quit();
						},
					},
				]
			: [
					{keys: [], shown: 'Enter', label: 'create'},
					{keys: [], shown: 'Esc', label: 'back to the list'},
				];
	const titleWidth = Math.max(
		...choices.map(({title}) => Math.min(title.length, 24)),
	);
	const items = choices.map((choice, index): ListItem => ({
		key: choice.key,
		rows: 1,
		render: () => (
			<Text wrap="truncate-end">
				<Toned tone="accent">
					{index === cursor ? ` ${glyphs.pointer} ` : '   '}
				</Toned>
				<Toned tone={choice.tone}>{choice.glyph}</Toned>{' '}
				<Toned bold={index === cursor}>{choice.title.padEnd(titleWidth)}</Toned>
				<Toned tone="muted">{`  ${choice.note}`}</Toned>
			</Text>
		),
	}));
	return (
		<Screen
			bindings={bindings}
			mode={name === undefined ? 'list' : 'input'}
			help={help}
		>
			{(size) => {
				if (name !== undefined) {
					return (
						<NameField
							edit={name}
							size={size}
							onChange={setName}
							onDone={() => {
								setName(undefined);
							}}
						/>
					);
				}

				const failureLines =
					failure === undefined
						? []
						: [
								...failure.message
									.split('\n')
									.flatMap((line) => wrapWords(line, size.columns - 4)),
								...failure.tryNext,
							];
				const intro = size.rows >= 12 ? 4 : 0;
				const listRows = Math.max(
					3,
					size.rows - intro - failureLines.length - 1,
				);
				return (
					<>
						{intro > 0 && <Intro />}
						<ScrollList items={items} selected={cursor} rows={listRows} />
						{failureLines.map((line, index) => (
							<Toned key={line} tone={index === 0 ? 'bad' : 'plain'}>
								{index === 0 ? ` ${glyphs.bad} ` : '   '}
								{line}
							</Toned>
						))}
					</>
				);
			}}
		</Screen>
	);
};
