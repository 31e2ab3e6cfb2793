import {Text} from 'ink';
import type {JudgedFinding} from '../../checks/finding.js';
import {wrapWords} from '../format.js';
import {Toned, glyphs, type Tone} from '../theme.js';
import {ScrollList, type ListItem} from './scroll-list.js';

const look = (finding: JudgedFinding): readonly [string, Tone] => {
	if (finding.ignored) {
		return [glyphs.none, 'muted'];
	}

	switch (finding.severity) {
		case 'error': {
			return [glyphs.bad, 'bad'];
		}

		case 'warning': {
			return [glyphs.warning, 'warning'];
		}

		case 'info': {
			return ['·', 'muted'];
		}
	}
};

/** All that is to be said about a finding; each command stands on a line of its own and is not broken. */
export const findingText = (
	finding: JudgedFinding,
	columns: number,
): readonly string[] => [
	...wrapWords(finding.message, columns),
	...finding.fixes.flatMap((fix) =>
		fix.split('\n').flatMap((line) => wrapWords(line, columns)),
	),
];

/** The findings, most severe first; the selected one with what to do about it. */
export const FindingsList = ({
	findings,
	selected,
	columns,
	rows,
}: {
	readonly findings: readonly JudgedFinding[];
	readonly selected: number;
	readonly columns: number;
	readonly rows: number;
}) => {
	if (findings.length === 0) {
		return (
			<Toned tone="good">{` ${glyphs.good} Nothing speaks against it.`}</Toned>
		);
	}

	const items = findings.map((finding, index): ListItem => {
		const isSelected = index === selected;
		const [glyph, tone] = look(finding);
		const text = isSelected ? findingText(finding, columns - 8) : [];
		const lines = isSelected
			? [...text, `source: ${finding.source}`].slice(0, Math.max(1, rows - 3))
			: [];
		return {
			key: `${index} ${finding.id}`,
			rows: 1 + lines.length,
			render: () => (
				<>
					<Text wrap="truncate-end">
						<Toned tone="accent">
							{isSelected ? ` ${glyphs.pointer} ` : '   '}
						</Toned>
						<Toned tone={tone}>{glyph}</Toned>{' '}
						<Toned bold={isSelected}>{finding.id}</Toned>
						{finding.ignored ? (
							<Toned tone="muted">{'  overridden by you'}</Toned>
						) : null}
						{!isSelected && (
							<Toned tone="muted">{`  ${finding.message}`}</Toned>
						)}
					</Text>
					{lines.map((line, part) => (
						<Toned
							// eslint-disable-next-line react/no-array-index-key -- lines of one text can be alike
							key={`${part} ${line}`}
							tone={part < text.length ? 'plain' : 'muted'}
						>
							{`       ${line}`}
						</Toned>
					))}
				</>
			),
		};
	});
	return <ScrollList items={items} selected={selected} rows={rows} />;
};
