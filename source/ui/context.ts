import {createContext, useContext} from 'react';
import type {AppModel} from './state/app-model.js';
import type {KeyRouter} from './state/key-router.js';

/** What every component may need. */
export type UiContext = {
	readonly model: AppModel;
	readonly router: KeyRouter;
	/** May colours be used? `NO_COLOR` says no; glyphs carry every state either way. */
	readonly colors: boolean;
	/** Hands text to the terminal's clipboard (OSC 52), where the terminal lets programs do that. */
	readonly copy: (text: string) => void;
};

const context = createContext<UiContext | undefined>(undefined);

export const UiProvider = context.Provider;

export const useUi = (): UiContext => {
	const value = useContext(context);
	if (value === undefined) {
		throw new Error('outside of the app');
	}

	return value;
};
