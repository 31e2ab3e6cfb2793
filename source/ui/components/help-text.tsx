import {Box, Text} from 'ink';
import {wrapWords} from '../format.js';
import {Toned} from '../theme.js';
import type {BodySize} from './screen.js';

/** Help of one screen. */
export type Help = {
	readonly title: string;
	/** What the screen is for, a paragraph each. */
	readonly about: readonly string[];
	/** Every key and what it does. */
	readonly keys: ReadonlyArray<readonly [key: string, does: string]>;
};

export const HelpText = ({
	help,
	size,
}: {
	readonly help: Help;
	readonly size: BodySize;
}) => {
	const keyWidth = Math.max(...help.keys.map(([key]) => key.length)) + 2;
	return (
		<Box flexDirection="column" paddingLeft={1}>
			<Toned bold>{help.title}</Toned>
			{help.about.flatMap((paragraph) =>
				wrapWords(paragraph, size.columns - 2).map((line) => (
					<Text key={line} wrap="truncate-end">
						{line}
					</Text>
				)),
			)}
			<Text> </Text>
			{help.keys.map(([key, does]) => (
				<Text key={key} wrap="truncate-end">
					<Toned tone="accent">{key.padEnd(keyWidth)}</Toned>
					{does}
				</Text>
			))}
		</Box>
	);
};
