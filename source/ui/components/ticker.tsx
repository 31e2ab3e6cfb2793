import {useAnimation} from 'ink';
import {createContext, useContext, type ReactNode} from 'react';
import {Toned, type Tone} from '../theme.js';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

const TickContext = createContext(0);

/** One clock for all that moves below it; it stands still when nothing runs. */
export const Ticker = ({
	isActive,
	children,
}: {
	readonly isActive: boolean;
	readonly children: ReactNode;
}) => {
	const {frame} = useAnimation({interval: 100, isActive});
	return <TickContext value={frame}>{children}</TickContext>;
};

/** Redraws the component with every tick: for times that count up. */
export const useTick = (): number => useContext(TickContext);

export const Spinner = ({tone = 'accent'}: {readonly tone?: Tone}) => {
	const tick = useTick();
	return <Toned tone={tone}>{frames[tick % frames.length]}</Toned>;
};
