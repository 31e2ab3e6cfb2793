import type {AddressKind} from '../../mesh/mesh.js';
import {formatMs} from '../format.js';
import {
	isSmallMtu,
	wayOf,
	type ChecksView,
	type MatrixTab,
} from '../state/checks-view.js';
import {latencyState} from '../state/evidence.js';
import type {MatrixOrder} from '../state/matrix-order.js';
import {pairKey, type CellState} from '../state/matrix.js';
import {Toned, glyphs, stateLooks} from '../theme.js';
import {CellDetails} from './cell-details.js';
import {
	MatrixTable,
	matrixRows,
	type MatrixCell,
	type MatrixCursor,
} from './matrix-table.js';
import type {BodySize} from './screen.js';

/** The longest text of a cell, in columns. */
const textWidths: Readonly<Record<MatrixTab, number>> = {
	ports: 2,
	latency: 4,
	mtu: 5,
};

/** Stands behind a round trip that goes by a relay of the tailnet. */
const relaySign = 'r';

const self: MatrixCell = {text: '·', tone: 'muted'};

/** A number with the sign of its state behind it; good ones need none. */
const figure = (text: string, width: number, state: CellState): MatrixCell => {
	const [glyph, tone] = stateLooks[state];
	return {
		text: `${text.padStart(width)}${state === 'good' ? ' ' : glyph}`,
		tone,
	};
};

const cellLook =
	(view: ChecksView, tab: MatrixTab, kind: AddressKind, isRunning: boolean) =>
	(from: string, to: string): MatrixCell => {
		const key = pairKey(from, to);
		const absent: MatrixCell =
			from === to
				? self
				: {
						text: isRunning ? glyphs.waiting : glyphs.none,
						tone: 'muted',
					};
		switch (tab) {
			case 'ports': {
				const pair = view.pairs.get(kind)?.get(key);
				if (pair === undefined) {
					return absent;
				}

				const [glyph, tone] = stateLooks[pair.state];
				return {
					text: `${glyph}${pair.blocked > 9 ? '+' : pair.blocked > 1 ? pair.blocked : ''}`,
					tone,
				};
			}

			case 'latency': {
				const graded = view.latencies.get(kind)?.get(key);
				if (graded === undefined) {
					return {...absent, text: absent.text.padStart(3)};
				}

				const {latency} = graded;
				const shown = figure(
					formatMs(latency.medianMs),
					3,
					latencyState(graded),
				);
				return wayOf(view, latency)?.kind === 'relayed'
					? {...shown, text: `${shown.text}${relaySign}`}
					: shown;
			}

			case 'mtu': {
				const pathMtu = view.mtus.get(kind)?.get(key);
				return pathMtu === undefined
					? {...absent, text: absent.text.padStart(4)}
					: figure(
							String(pathMtu.bytes),
							4,
							isSmallMtu(pathMtu) ? 'warning' : 'good',
						);
			}
		}
	};

/** All pairs as a matrix, and below it the evidence of the chosen one. */
export const ChecksMatrix = ({
	view,
	tab,
	kind,
	order,
	cursor,
	isRunning,
	size,
}: {
	readonly view: ChecksView;
	readonly tab: MatrixTab;
	readonly kind: AddressKind;
	readonly order: MatrixOrder;
	readonly cursor: MatrixCursor;
	readonly isRunning: boolean;
	readonly size: BodySize;
}) => {
	if (order.rows.length === 0 || order.columns.length === 0) {
		return (
			<Toned tone="muted">
				{' No node has that in its name: / changes it.'}
			</Toned>
		);
	}

	const tableRows = Math.max(
		2,
		Math.min(
			matrixRows(order),
			size.rows - Math.min(9, Math.ceil(size.rows / 2)),
		),
	);
	return (
		<>
			<MatrixTable
				order={order}
				cursor={cursor}
				textWidth={
					textWidths[tab] + (tab === 'latency' && kind === 'tailscale' ? 1 : 0)
				}
				columns={size.columns}
				rows={tableRows}
				cellOf={cellLook(view, tab, kind, isRunning)}
			/>
			<Toned tone="muted">{` ${'─'.repeat(Math.max(1, size.columns - 2))}`}</Toned>
			<CellDetails
				view={view}
				tab={tab}
				kind={kind}
				pair={cursor}
				isRunning={isRunning}
				columns={size.columns}
				rows={size.rows - tableRows - 1}
			/>
		</>
	);
};
