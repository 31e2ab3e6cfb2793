import {Text, type TextProps} from 'ink';
import {stripControls} from '../host/terminal-text.js';
import {useUi} from './context.js';
import type {CellState} from './state/matrix.js';

/** What a colour stands for. One accent; all others are states. */
export type Tone = 'plain' | 'accent' | 'good' | 'warning' | 'bad' | 'muted';

const colors: Readonly<Record<Tone, string | undefined>> = {
	plain: undefined,
	accent: 'cyan',
	good: 'green',
	warning: 'yellow',
	bad: 'red',
	muted: undefined,
};

/** Text and only text: what a tone can be given to. */
type Content = string | number | readonly Content[] | undefined | false;

type Properties = {
	readonly tone?: Tone;
	readonly bold?: boolean;
	readonly inverse?: boolean;
	readonly underline?: boolean;
	/** What happens to text that is too long. Default: its end is cut. */
	readonly wrap?: NonNullable<TextProps['wrap']>;
	readonly children?: Content;
};

/** Text of hosts and files comes through here: nothing in it may steer the terminal. */
const safe = (content: Content): Content =>
	typeof content === 'string'
		? stripControls(content)
		: Array.isArray(content)
			? content.map((part: Content) => safe(part))
			: content;

/** Text in a tone; the only place that knows colours. */
export const Toned = ({
	tone = 'plain',
	bold = false,
	inverse = false,
	underline = false,
	wrap = 'truncate-end',
	children,
}: Properties) => {
	const {colors: isColored} = useUi();
	const color = isColored ? colors[tone] : undefined;
	return (
		<Text
			bold={bold}
			inverse={inverse}
			underline={underline}
			dimColor={tone === 'muted'}
			wrap={wrap}
			{...(color === undefined ? {} : {color})}
		>
			{safe(children)}
		</Text>
	);
};

/** The sign of each state: read without colour. */
export const glyphs = {
	good: '●',
	warning: '▲',
	bad: '✖',
	waiting: '◌',
	none: '–',
	pointer: '❯',
	add: '+',
	same: '=',
} as const;

/** How each state of a measured path looks. */
export const stateLooks: Readonly<Record<CellState, readonly [string, Tone]>> =
	{
		good: [glyphs.good, 'good'],
		warning: [glyphs.warning, 'warning'],
		bad: [glyphs.bad, 'bad'],
		waiting: [glyphs.waiting, 'muted'],
		none: [glyphs.none, 'muted'],
	};
