import {Text} from 'ink';
import type {AddressKind} from '../../mesh/mesh.js';
import {
	findingsOfPair,
	type ChecksView,
	type MatrixTab,
} from '../state/checks-view.js';
import {pairEvidence, type EvidenceLine} from '../state/evidence.js';
import {pairKey} from '../state/matrix.js';
import {Toned, stateLooks, type Tone} from '../theme.js';
import {findingText} from './findings-list.js';
import type {MatrixCursor} from './matrix-table.js';

type Line = {readonly tone: Tone; readonly text: string};

/** A line of evidence as it is drawn: its sign in front. */
export const evidenceLine = ({state, text}: EvidenceLine): Line => {
	if (state === undefined) {
		return {tone: 'muted', text: `  ${text}`};
	}

	const [glyph, tone] = stateLooks[state];
	return {tone: state === 'good' ? 'plain' : tone, text: `${glyph} ${text}`};
};

const adviceLines = (
	view: ChecksView,
	tab: MatrixTab,
	kind: AddressKind,
	{from, to}: MatrixCursor,
	columns: number,
): readonly Line[] => {
	const state = view.pairs.get(kind)?.get(pairKey(from, to))?.state ?? 'none';
	if (tab === 'ports' && state !== 'bad' && state !== 'warning') {
		return [];
	}

	return findingsOfPair(view, tab, from, to).flatMap((finding): Line[] => [
		{
			tone: finding.severity === 'error' ? 'bad' : 'warning',
			text: `${finding.id}${finding.ignored ? ' (overridden by you)' : ''}`,
		},
		...findingText(finding, columns - 6).map((text): Line => ({
			tone: 'plain',
			text: `  ${text}`,
		})),
	]);
};

/** What was measured from one node to another, and what to do where that is not enough. */
export const CellDetails = ({
	view,
	tab,
	kind,
	pair,
	isRunning,
	columns,
	rows,
}: {
	readonly view: ChecksView;
	readonly tab: MatrixTab;
	readonly kind: AddressKind;
	readonly pair: MatrixCursor;
	readonly isRunning: boolean;
	readonly columns: number;
	readonly rows: number;
}) => {
	const lines = [
		...pairEvidence(view, tab, kind, pair, isRunning).map((line) =>
			evidenceLine(line),
		),
		...adviceLines(view, tab, kind, pair, columns),
	];
	const room = Math.max(0, rows - 1);
	const shown = lines.length > room ? lines.slice(0, room - 1) : lines;
	return (
		<>
			<Text wrap="truncate-end">
				<Toned bold>
					{` ${pair.from} → ${pair.from === pair.to ? 'itself' : pair.to}`}
				</Toned>
			</Text>
			{shown.map(({tone, text}, index) => (
				// eslint-disable-next-line react/no-array-index-key -- lines of one text can be alike
				<Toned key={`${index} ${text}`} tone={tone}>
					{`   ${text}`}
				</Toned>
			))}
			{shown.length < lines.length && room > 0 && (
				<Toned tone="muted">
					{`   … ${lines.length - shown.length} more lines: v shows all`}
				</Toned>
			)}
		</>
	);
};
