/** A time span for people, short: `4.2s`, `41s`, `1m12s`, `2h05m`. */
export const formatDuration = (ms: number): string => {
	const seconds = Math.max(0, ms) / 1000;
	if (seconds < 9.95) {
		return `${seconds.toFixed(1)}s`;
	}

	const whole = Math.round(seconds);
	if (whole < 60) {
		return `${whole}s`;
	}

	const minutes = Math.floor(whole / 60);
	return minutes < 60
		? `${minutes}m${String(whole % 60).padStart(2, '0')}s`
		: `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
};

/** Milliseconds of a round trip, at most three digits: `0.4`, `12`, `161`. */
export const formatMs = (ms: number): string =>
	ms < 0.95 ? ms.toFixed(1) : String(Math.round(ms));

/** How long ago, for people: `just now`, `5 min ago`, `3 days ago`. */
export const formatAge = (ms: number): string => {
	const minutes = Math.floor(ms / 60_000);
	if (minutes < 1) {
		return 'just now';
	}

	if (minutes < 60) {
		return `${minutes} min ago`;
	}

	const hours = Math.floor(minutes / 60);
	if (hours < 24) {
		return hours === 1 ? '1 hour ago' : `${hours} hours ago`;
	}

	const days = Math.floor(hours / 24);
	return days === 1 ? '1 day ago' : `${days} days ago`;
};

/** `1 node`, `3 nodes`. */
export const count = (number: number, one: string, many = `${one}s`): string =>
	`${number} ${number === 1 ? one : many}`;

/** Text in lines of at most this many columns, broken at spaces; a longer word is cut. Never empty. */
export const wrapWords = (text: string, columns: number): string[] => {
	const width = Math.max(1, columns);
	const lines: string[] = [];
	let line = '';
	for (let word of text.split(/\s+/).filter((part) => part !== '')) {
		if (line !== '' && line.length + 1 + word.length <= width) {
			line += ` ${word}`;
			continue;
		}

		if (line !== '') {
			lines.push(line);
		}

		while (word.length > width) {
			lines.push(word.slice(0, width));
			word = word.slice(width);
		}

		line = word;
	}

	return line === '' && lines.length > 0 ? lines : [...lines, line];
};
