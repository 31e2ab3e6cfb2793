import {Box, Text} from 'ink';
import type {Binding} from '../hooks/use-keys.js';
import {Toned} from '../theme.js';

type Hint = {readonly shown: string; readonly label: string};

const gap = 2;
const width = ({shown, label}: Hint): number =>
	shown.length + 1 + label.length + gap;

/** The hints that fit, the last ones (help and quit) before those in the middle. */
const fitting = (hints: readonly Hint[], columns: number): readonly Hint[] => {
	const kept = [...hints];
	const total = () => kept.reduce((sum, hint) => sum + width(hint), 0);
	while (kept.length > 1 && total() > columns) {
		kept.splice(Math.max(0, kept.length - 3), 1);
	}

	return kept;
};

/** The keys that work now. */
export const Footer = ({
	bindings,
	columns,
}: {
	readonly bindings: readonly Binding[];
	readonly columns: number;
}) => {
	const hints = bindings.flatMap(({shown, label}): Hint[] =>
		shown === undefined || label === undefined ? [] : [{shown, label}],
	);
	return (
		<Box height={1} paddingLeft={1}>
			<Text wrap="truncate-end">
				{fitting(hints, columns - 1).map(({shown, label}) => (
					<Text key={shown}>
						<Toned tone="accent">{shown}</Toned> {label}
						{' '.repeat(gap)}
					</Text>
				))}
			</Text>
		</Box>
	);
};
