import {formatMs} from '../format.js';
import type {ChecksTab, ChecksView} from '../state/checks-view.js';
import {pairKey, type PairCell} from '../state/matrix.js';
import {Toned, glyphs} from '../theme.js';
import {CellDetails} from './cell-details.js';
import {MatrixTable, matrixRows, type MatrixCell} from './matrix-table.js';
import type {BodySize} from './screen.js';

const pairLook = (
	pair: PairCell | undefined,
	isRunning: boolean,
): MatrixCell => {
	if (pair === undefined) {
		return isRunning
			? {text: glyphs.waiting, tone: 'muted'}
			: {text: glyphs.none, tone: 'muted'};
	}

	switch (pair.state) {
		case 'good': {
			return {text: glyphs.good, tone: 'good'};
		}

		case 'warning': {
			return {text: glyphs.warning, tone: 'warning'};
		}

		case 'bad': {
			return {
				text: pair.blocked > 1 ? `${glyphs.bad} ${pair.blocked}` : glyphs.bad,
				tone: 'bad',
			};
		}

		case 'waiting': {
			return {text: glyphs.waiting, tone: 'muted'};
		}

		case 'none': {
			return {text: glyphs.none, tone: 'muted'};
		}
	}
};

const cellLook =
	(view: ChecksView, tab: Exclude<ChecksTab, 'findings'>, isRunning: boolean) =>
	(from: string, to: string): MatrixCell => {
		if (tab === 'latency') {
			const latency = view.latencies.get(pairKey(from, to));
			const text =
				from === to
					? '·'
					: latency === undefined
						? glyphs.none
						: formatMs(latency.medianMs);
			const isMarked = view.findings.some(
				({id, nodes, ignored}) =>
					id.startsWith('latency.') &&
					!ignored &&
					nodes.includes(from) &&
					nodes.includes(to),
			);
			return {
				text: `${text.padStart(3)}${isMarked && from !== to ? ` ${glyphs.warning}` : ''}`,
				tone: isMarked ? 'warning' : 'plain',
			};
		}

		const pair = view.pairs[tab].get(pairKey(from, to));
		return from === to && pair === undefined
			? {text: '·', tone: 'muted'}
			: pairLook(pair, isRunning);
	};

/** All pairs as a matrix, and below it the evidence of the chosen one. */
export const ChecksMatrix = ({
	view,
	tab,
	cursor,
	isRunning,
	size,
}: {
	readonly view: ChecksView;
	readonly tab: Exclude<ChecksTab, 'findings'>;
	readonly cursor: {readonly row: number; readonly column: number};
	readonly isRunning: boolean;
	readonly size: BodySize;
}) => {
	const wanted = matrixRows(view.names.length);
	const tableRows = Math.max(
		2,
		Math.min(wanted, size.rows - Math.min(9, Math.ceil(size.rows / 2))),
	);
	const from = view.names[cursor.row]!;
	const to = view.names[cursor.column]!;
	return (
		<>
			<MatrixTable
				names={view.names}
				cursor={cursor}
				columns={size.columns}
				rows={tableRows}
				cellOf={cellLook(view, tab, isRunning)}
			/>
			<Toned tone="muted">{` ${'─'.repeat(Math.max(1, size.columns - 2))}`}</Toned>
			<CellDetails
				view={view}
				tab={tab}
				from={from}
				to={to}
				isRunning={isRunning}
				columns={size.columns}
				rows={size.rows - tableRows - 1}
			/>
		</>
	);
};
