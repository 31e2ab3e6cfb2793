import {Box, Text} from 'ink';
import {useState} from 'react';
import {count} from '../format.js';
import {useSelection} from '../hooks/use-selection.js';
import {Toned, glyphs} from '../theme.js';
import {Screen} from './screen.js';
import {ScrollList, type ListItem} from './scroll-list.js';

const help = {
	title: 'Import',
	about: [
		'The hosts that your SSH configuration gives a name to. They are logged in to as ssh does it: user, port, key and jump hosts come from there.',
	],
	keys: [
		['↑ ↓', 'choose'],
		['Space', 'mark it, or take the mark off'],
		['a', 'mark all, or none'],
		['Enter', 'add the marked ones; without marks the one that is chosen'],
		['Esc', 'back to the list'],
	],
} as const;

/** Hosts of the SSH configuration, to pick from. */
export const AliasPicker = ({
	aliases,
	onPick,
	onClose,
}: {
	readonly aliases: readonly string[];
	readonly onPick: (aliases: readonly string[]) => void;
	readonly onClose: () => void;
}) => {
	const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
	const selection = useSelection(aliases.length, {
		shown: '↑↓',
		label: 'choose',
	});
	const current = aliases[selection.selected]!;
	const items = aliases.map((alias, index): ListItem => ({
		key: alias,
		rows: 1,
		render: () => (
			<Text wrap="truncate-end">
				<Toned tone="accent">
					{index === selection.selected ? ` ${glyphs.pointer} ` : '   '}
				</Toned>
				<Toned tone={marked.has(alias) ? 'accent' : 'muted'}>
					{marked.has(alias) ? glyphs.add : '·'}
				</Toned>{' '}
				<Toned bold={index === selection.selected}>{alias}</Toned>
			</Text>
		),
	}));
	return (
		<Screen
			mode="list"
			help={help}
			bindings={[
				...selection.bindings,
				{
					keys: [' '],
					shown: 'Space',
					label: 'mark',
					run() {
						const next = new Set(marked);
						if (!next.delete(current)) {
							next.add(current);
						}

						setMarked(next);
					},
				},
				{
					keys: ['a'],
					shown: 'a',
					label: 'all',
					run() {
						setMarked(new Set(marked.size === aliases.length ? [] : aliases));
					},
				},
				{
					keys: ['enter'],
					shown: 'Enter',
					label: 'add',
					run() {
						onPick(
							marked.size === 0
								? [current]
								: aliases.filter((alias) => marked.has(alias)),
						);
					},
				},
				{keys: ['escape', 'q'], shown: 'Esc', label: 'back', run: onClose},
			]}
		>
			{({columns, rows}) => (
				<>
					<Box width={columns} paddingX={1} justifyContent="space-between">
						<Toned bold>Which hosts of your SSH configuration?</Toned>
						<Box flexShrink={0} marginLeft={2}>
							<Toned tone="muted">
								{`${marked.size} of ${count(aliases.length, 'host')} marked`}
							</Toned>
						</Box>
					</Box>
					<ScrollList
						items={items}
						selected={selection.selected}
						rows={rows - 1}
					/>
				</>
			)}
		</Screen>
	);
};
