import {useLayoutEffect, useRef} from 'react';
import {useUi} from '../context.js';
import {layers, type KeyHandler, type KeyName} from '../state/key-router.js';

/** Registers a handler of keys while the component is there (and active). */
export const useKeyHandler = (handler: KeyHandler, isActive = true): void => {
	const {router} = useUi();
	const current = useRef(handler);
	useLayoutEffect(() => {
		current.current = handler;
	});
	useLayoutEffect(
		() => (isActive ? router.register(() => current.current) : undefined),
		[router, isActive],
	);
};

/** Keys that do one thing, and how the footer names it. */
export type Binding = {
	/** The keys: a character or the name of a key. */
	readonly keys: ReadonlyArray<KeyName | (string & {})>;
	/** How the footer writes the key; without it the binding is not shown. */
	readonly shown?: string;
	readonly label?: string;
	/** Absent where the footer only tells what a field's keys do. */
	readonly run?: () => unknown;
};

/** List mode: every key by itself does something. */
export const useBindings = (
	bindings: readonly Binding[],
	options: {
		readonly layer?: number;
		readonly isActive?: boolean;
		readonly onPaste?: ((text: string) => void) | undefined;
	} = {},
): void => {
	const run = (key: string) => {
		bindings.find((binding) => binding.keys.includes(key))?.run?.();
	};

	useKeyHandler(
		{
			layer: options.layer ?? layers.screen,
			mode: 'list',
			onKey: run,
			onText: run,
			onPaste: options.onPaste,
		},
		options.isActive ?? true,
	);
};
