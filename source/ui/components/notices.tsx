import {wrapWords} from '../format.js';
import {Toned, glyphs, type Tone} from '../theme.js';

/** Something to tell below a screen's main part. */
export type Notice = {
	readonly tone: 'warning' | 'bad' | 'muted' | 'good';
	readonly text: string;
};

type Line = {readonly key: string; readonly tone: Tone; readonly text: string};

const sign: Readonly<Record<Notice['tone'], string>> = {
	warning: glyphs.warning,
	bad: glyphs.bad,
	good: glyphs.good,
	muted: ' ',
};

/** The notices as lines that fit: the first ones whole, then how many were left out. */
export const noticeLines = (
	notices: readonly Notice[],
	columns: number,
	rows: number,
): readonly Line[] => {
	const lines: Line[] = [];
	for (const [index, {tone, text}] of notices.entries()) {
		const own = wrapWords(text, columns - 4).map((line, part) => ({
			key: `${index}.${part}`,
			tone,
			text: ` ${part === 0 ? sign[tone] : ' '} ${line}`,
		}));
		const isLast = index === notices.length - 1;
		if (lines.length + own.length + (isLast ? 0 : 1) > rows) {
			const room = rows - lines.length;
			if (room > 1 || isLast) {
				lines.push(...own.slice(0, isLast ? room : room - 1));
			}

			const left = notices.length - index - (room > 1 || isLast ? 1 : 0);
			if (left > 0 && lines.length < rows) {
				lines.push({
					key: 'more',
					tone: 'muted',
					text: `   … and ${left} more`,
				});
			}

			return lines;
		}

		lines.push(...own);
	}

	return lines;
};

export const Notices = ({lines}: {readonly lines: readonly Line[]}) =>
	lines.map(({key, tone, text}) => (
		<Toned key={key} tone={tone}>
			{text}
		</Toned>
	));
