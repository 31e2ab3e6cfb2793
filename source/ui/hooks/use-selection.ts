import {useState} from 'react';
import type {Binding} from './use-keys.js';

const pageRows = 10;

/** A pointer in a list of this length and the keys that move it. */
export const useSelection = (
	length: number,
	shown?: {readonly shown: string; readonly label: string},
): {
	readonly selected: number;
	readonly select: (index: number) => void;
	readonly bindings: readonly Binding[];
} => {
	const [wanted, setWanted] = useState(0);
	const clamp = (index: number) => Math.max(0, Math.min(length - 1, index));
	const selected = clamp(wanted);
	const by = (delta: number) => () => {
		setWanted((index) => clamp(clamp(index) + delta));
	};

	return {
		selected,
		select: setWanted,
		bindings: [
			{keys: ['up', 'k'], run: by(-1), ...shown},
			{keys: ['down', 'j'], run: by(1)},
			{keys: ['pageUp'], run: by(-pageRows)},
			{keys: ['pageDown'], run: by(pageRows)},
			{keys: ['home', 'g'], run: by(-length)},
			{keys: ['end', 'G'], run: by(length)},
		],
	};
};
