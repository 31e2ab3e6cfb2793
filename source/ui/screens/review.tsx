import {Box, Text} from 'ink';
import {useMemo, useState} from 'react';
import {FileView} from '../components/file-view.js';
import {Notices, noticeLines} from '../components/notices.js';
import {Screen} from '../components/screen.js';
import {ScrollList, type ListItem} from '../components/scroll-list.js';
import {Spinner, Ticker} from '../components/ticker.js';
import {useUi} from '../context.js';
import {count, formatDuration, wrapWords} from '../format.js';
import type {Binding} from '../hooks/use-keys.js';
import {useObservable} from '../hooks/use-observable.js';
import {useSelection} from '../hooks/use-selection.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {changedNodes, planLines, type PlanLine} from '../state/plan-lines.js';
import {Toned, glyphs} from '../theme.js';

const help = {
	title: 'Review',
	about: [
		'All that the install does to each node. Nothing has been changed yet. Secrets are made during the install and are shown by name only.',
		'+ will be done, = is as wanted already.',
	],
	keys: [
		['↑ ↓', 'move'],
		['v', 'view the file of the line'],
		['r', 'plan again'],
		['Enter', 'install'],
		['Esc', 'back to Checks'],
		['q', 'quit; everything is saved'],
	],
} as const;

const Line = ({
	line,
	isSelected,
	columns,
}: {
	readonly line: PlanLine;
	readonly isSelected: boolean;
	readonly columns: number;
}) => {
	if (line.kind === 'node') {
		return (
			<Text wrap="truncate-end">
				<Toned tone="accent">
					{isSelected ? ` ${glyphs.pointer} ` : '   '}
				</Toned>
				<Toned bold>{line.text}</Toned>
				{`  ${line.note}`}
			</Text>
		);
	}

	const isChange = line.kind === 'change';
	const sign = isChange ? glyphs.add : line.kind === 'same' ? glyphs.same : ' ';
	const note =
		line.file !== undefined && isSelected
			? `${line.note}  (v to view)`
			: line.note;
	return (
		<Box width={columns} paddingRight={1} justifyContent="space-between">
			<Text wrap="truncate-end">
				<Toned tone="accent">
					{isSelected ? ` ${glyphs.pointer} ` : '   '}
				</Toned>
				{'  '}
				<Toned tone={isChange ? 'good' : 'muted'}>{sign}</Toned>{' '}
				<Toned tone={isChange ? 'plain' : 'muted'} bold={isSelected}>
					{line.kind === 'detail' ? `  ${line.text}` : line.text}
				</Toned>
			</Text>
			<Box flexShrink={0} marginLeft={2}>
				<Toned tone="muted">{note}</Toned>
			</Box>
		</Box>
	);
};

/** What is there now and what will be done, before anything is changed. */
export const ReviewScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const work = useObservable(session.review.state);
	const [file, setFile] = useState<PlanLine['file']>(undefined);
	const plan = work.phase === 'done' ? work.result : undefined;
	const lines = useMemo(
		() => (plan === undefined ? [] : planLines(plan)),
		[plan],
	);
	const selection = useSelection(lines.length, {shown: '↑↓', label: 'move'});
	const line = lines[selection.selected];

	if (file !== undefined) {
		return (
			<FileView
				title={file.path}
				lines={file.lines}
				onClose={() => {
					setFile(undefined);
				}}
			/>
		);
	}

	const bindings: readonly Binding[] = [
		...selection.bindings,
		...(line?.file === undefined
			? []
			: [
					{
						keys: ['v'],
						shown: 'v',
						label: 'view file',
						run() {
							setFile(line.file);
						},
					},
				]),
		...(plan === undefined
			? []
			: [
					{
						keys: ['enter'],
						shown: 'Enter',
						label: 'install',
						run() {
							session.go('install');
							session.install.start(plan);
						},
					},
				]),
		{
			keys: ['r'],
			shown: 'r',
			label: 'plan again',
			run() {
				session.review.start();
			},
		},
		{
			keys: ['escape'],
			shown: 'Esc',
			label: 'back',
			run() {
				session.go('checks');
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
	];
	return (
		<Screen mode="list" bindings={bindings} help={help}>
			{({columns, rows}) => {
				if (plan === undefined) {
					return (
						<Ticker isActive={work.phase === 'running'}>
							{work.phase === 'failed' ? (
								<Notices
									lines={noticeLines(
										[
											{
												tone: 'bad',
												text: [
													work.failure.message,
													...work.failure.tryNext,
													'r plans again.',
												].join(' '),
											},
										],
										columns,
										rows,
									)}
								/>
							) : (
								<Text>
									{' '}
									<Spinner /> Resolving the K3s release and laying out the
									steps…
								</Text>
							)}
						</Ticker>
					);
				}

				const changed = changedNodes(plan);
				const whole =
					line?.kind === 'detail' ? wrapWords(line.text, columns - 4) : [];
				return (
					<>
						<Toned bold>
							{` K3s ${plan.version} · ${
								changed === 0
									? 'every node is as wanted already'
									: `${count(changed, 'node')} will change`
							}`}
						</Toned>
						<ScrollList
							items={lines.map((known, index): ListItem => ({
								key: known.key,
								rows: 1,
								render: () => (
									<Line
										line={known}
										isSelected={index === selection.selected}
										columns={columns}
									/>
								),
							}))}
							selected={selection.selected}
							rows={rows - 2 - whole.length}
						/>
						<Box flexGrow={1} />
						{whole.map((text) => (
							<Toned key={text} tone="muted">{`   ${text}`}</Toned>
						))}
						<Toned>
							{` Nothing has been changed yet. About ${formatDuration(plan.estimateSeconds * 1000)}.`}
						</Toned>
					</>
				);
			}}
		</Screen>
	);
};
