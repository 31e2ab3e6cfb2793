import type {Span} from '../test/ui/terminal.js';

const cellWidth = 8.4;
const rowHeight = 18;
const margin = 14;
const background = '#16181d';
const foreground = '#d8dbe2';

/** The terminal's palette, as far as the screens use it. */
const palette: ReadonlyMap<number, string> = new Map([
	[1, '#e5695e'],
	[2, '#7fbf6a'],
	[3, '#dcb45a'],
	[6, '#57b8c9'],
]);

const escaped = (text: string): string =>
	text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Words that stand together; wider gaps are left to the coordinates, whatever the font does with spaces. */
const runs = ({text}: Span): ReadonlyArray<{text: string; offset: number}> =>
	[...text.matchAll(/\S+(?: \S+)*/g)].map((match) => ({
		text: match[0],
		offset: match.index,
	}));

const spanText = (span: Span, row: number): string => {
	const color = palette.get(span.color) ?? foreground;
	const y = margin + row * rowHeight;
	const x = (offset: number) =>
		(margin + (span.column + offset) * cellWidth).toFixed(1);
	const style = [
		`fill="${span.inverse ? background : color}"`,
		...(span.bold ? ['font-weight="bold"'] : []),
		...(span.dim ? ['opacity="0.6"'] : []),
	].join(' ');
	return [
		...(span.inverse
			? [
					`<rect x="${x(0)}" y="${y}" width="${(span.text.length * cellWidth).toFixed(1)}" height="${rowHeight}" fill="${color}"/>`,
				]
			: []),
		...runs(span).map(
			({text, offset}) =>
				`<text x="${x(offset)}" y="${y + 13}" textLength="${(text.length * cellWidth).toFixed(1)}" ${style}>${escaped(text)}</text>`,
		),
	].join('');
};

/** A screen of a terminal as a picture. */
export const toSvg = (
	rows: ReadonlyArray<readonly Span[]>,
	title: string,
): string => {
	const columns = Math.max(
		...rows.map((spans) => spans.reduce((sum, {text}) => sum + text.length, 0)),
	);
	const width = Math.ceil(columns * cellWidth + 2 * margin);
	const height = rows.length * rowHeight + 2 * margin;
	return `${[
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
		`<rect width="${width}" height="${height}" rx="8" fill="${background}"/>`,
		'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">',
		...rows.flatMap((spans, row) =>
			spans.map((span) => spanText(span, row)).filter((text) => text !== ''),
		),
		'</g>',
		'</svg>',
	].join('\n')}\n`;
};
