import {useState} from 'react';
import type {AddressKind} from '../../mesh/mesh.js';
import type {MatrixCursor} from '../components/matrix-table.js';
import type {ChecksTab, ChecksView, MatrixTab} from '../state/checks-view.js';
import {nodeBadness, worstPairs} from '../state/checks-worst.js';
import {matrixOrder, type MatrixOrder} from '../state/matrix-order.js';

const pageSize = 10;

export type Matrix = {
	readonly kind: AddressKind;
	readonly order: MatrixOrder;
	readonly isWorstFirst: boolean;
	readonly filter: string;
	readonly cursor: MatrixCursor;
	/** Moves by so many rows and columns. */
	readonly move: (rows: number, columns: number) => void;
	readonly page: (pages: number) => void;
	readonly setFilter: (text: string) => void;
	/** Shows the next address kind. */
	readonly nextKind: () => void;
	/** Orders the worst first and goes there, or orders by site again. */
	readonly toggleWorstFirst: () => void;
	/** Goes to the next pair in trouble; `false` when there is none. */
	readonly toNextTrouble: () => boolean;
};

/** What part of the matrix is looked at, and in which order. The chosen pair stays chosen when the order changes. */
export const useMatrix = (view: ChecksView, tab: ChecksTab): Matrix => {
	const [wantedKind, setWantedKind] = useState<AddressKind>('external');
	const [isWorstFirst, setIsWorstFirst] = useState(false);
	const [filter, setFilter] = useState('');
	const [wanted, setWanted] = useState<MatrixCursor>({
		from: view.names[0] ?? '',
		to: view.names[1] ?? view.names[0] ?? '',
	});
	const kind = view.kinds.includes(wantedKind) ? wantedKind : 'external';
	const order = matrixOrder({
		names: view.names,
		sites: view.conclusions.sites,
		senders: tab === 'ports' ? view.senders : [],
		badness: isWorstFirst ? nodeBadness(view, tab, kind) : undefined,
		filter,
	});
	const indexOf = (entries: MatrixOrder['rows'], name: string): number =>
		Math.max(
			0,
			entries.findIndex((entry) => entry.name === name),
		);
	const row = indexOf(order.rows, wanted.from);
	const column = indexOf(order.columns, wanted.to);
	const at = (newRow: number, newColumn: number): MatrixCursor => ({
		from:
			order.rows[Math.max(0, Math.min(order.rows.length - 1, newRow))]?.name ??
			wanted.from,
		to:
			order.columns[Math.max(0, Math.min(order.columns.length - 1, newColumn))]
				?.name ?? wanted.to,
	});
	const cursor = at(row, column);
	const matrixTab: MatrixTab =
		tab === 'latency' || tab === 'mtu' ? tab : 'ports';
	const move = (rows: number, columns: number) => {
		setWanted(at(row + rows, column + columns));
	};

	return {
		kind,
		order,
		isWorstFirst,
		filter,
		cursor,
		move,
		page(pages) {
			move(pages * pageSize, 0);
		},
		setFilter,
		nextKind() {
			setWantedKind(
				view.kinds[(view.kinds.indexOf(kind) + 1) % view.kinds.length]!,
			);
		},
		toggleWorstFirst() {
			const [worst] = worstPairs(view, matrixTab, kind);
			setIsWorstFirst(!isWorstFirst);
			if (!isWorstFirst && worst !== undefined) {
				setWanted(worst);
			}
		},
		toNextTrouble() {
			const pairs = worstPairs(view, matrixTab, kind).filter(
				({from, to}) =>
					order.rows.some(({name}) => name === from) &&
					order.columns.some(({name}) => name === to),
			);
			const here = pairs.findIndex(
				({from, to}) => from === cursor.from && to === cursor.to,
			);
			const target = pairs[(here + 1) % Math.max(1, pairs.length)];
			if (target !== undefined) {
				setWanted(target);
			}

			return target !== undefined;
		},
	};
};
