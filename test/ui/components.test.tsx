import assert from 'node:assert/strict';
import {afterEach, describe, it} from 'node:test';
import {cleanup, render} from 'ink-testing-library';
import {Box} from 'ink';
import type {ReactNode} from 'react';
import type {JudgedFinding} from '../../source/checks/finding.js';
import {FindingsList} from '../../source/ui/components/findings-list.js';
import {Footer} from '../../source/ui/components/footer.js';
import {Header} from '../../source/ui/components/header.js';
import {MatrixTable} from '../../source/ui/components/matrix-table.js';
import {matrixOrder} from '../../source/ui/state/matrix-order.js';
import {noticeLines} from '../../source/ui/components/notices.js';
import {ScrollList} from '../../source/ui/components/scroll-list.js';
import {UiProvider} from '../../source/ui/context.js';
import {makeKeyRouter} from '../../source/ui/state/key-router.js';
import type {AppModel} from '../../source/ui/state/app-model.js';
import {Toned} from '../../source/ui/theme.js';

afterEach(cleanup);

const draw = (node: ReactNode, columns = 80): string => {
	const {lastFrame} = render(
		<UiProvider
			value={{
				// Nothing of what is drawn here asks the model.
				model: Object.create(null) as AppModel,
				router: makeKeyRouter(),
				colors: false,
				copy: () => undefined,
			}}
		>
			<Box width={columns} flexDirection="column">
				{node}
			</Box>
		</UiProvider>,
	);
	return lastFrame()!;
};

const finding: JudgedFinding = {
	id: 'wireguard.kernel',
	severity: 'error',
	message: 'The kernel of nuc has no WireGuard.',
	nodes: ['nuc'],
	fixes: ['Install a newer kernel:', 'apt install linux-image-amd64'],
	source: 'the docs',
	ignored: false,
};

describe('the header', () => {
	it('marks the step below its name', () => {
		const [title, mark] = draw(
			<Header
				cluster="home"
				step="checks"
				isDemo={false}
				columns={80}
				rows={2}
			/>,
		).split('\n');
		assert.equal(title!.indexOf('Checks'), mark!.indexOf('━'));
		assert.equal(mark!.trim().length, 'Checks'.length);
	});

	it('says DEMO, and where one is when there is no room for the journey', () => {
		assert.match(
			draw(
				<Header isDemo cluster="home" step="review" columns={50} rows={1} />,
				50,
			),
			/^ DEMO k3s-mesh {2}› {2}home +Review 5\/6/,
		);
	});
});

describe('the footer', () => {
	it('drops keys from the middle when there is no room, never help', () => {
		const bindings = Array.from({length: 12}, (_, index) => ({
			keys: [String(index)],
			shown: `k${index}`,
			label: 'something',
		}));
		const line = draw(
			<Footer
				bindings={[...bindings, {keys: ['?'], shown: '?', label: 'help'}]}
				columns={60}
			/>,
			60,
		);
		assert.match(line, /^ k0 something .*\? help/);
		assert.ok(line.length <= 60);
	});
});

describe('the matrix', () => {
	const bad = {text: '✖2', tone: 'bad'} as const;
	const cellOf = (from: string, to: string) =>
		from === to ? ({text: '·', tone: 'muted'} as const) : bad;
	const names = (count: number) =>
		Array.from({length: count}, (_, index) => `node${index + 1}`);
	const table = (
		options: Partial<Parameters<typeof matrixOrder>[0]> & {
			readonly names: readonly string[];
		},
		cursor: {readonly from: string; readonly to: string},
	) =>
		draw(
			<MatrixTable
				order={matrixOrder({sites: [], senders: [], filter: '', ...options})}
				cursor={cursor}
				cellOf={cellOf}
				textWidth={2}
				columns={80}
				rows={12}
			/>,
		).split('\n');

	it('has names over its columns where they fit', () => {
		assert.deepEqual(
			table({names: ['fra1', 'nuc', 'pi4']}, {from: 'fra1', to: 'nuc'}),
			[
				' from  fra1  nuc   pi4',
				' fra1  ·     ✖2    ✖2',
				' nuc   ✖2    ·     ✖2',
				' pi4   ✖2    ✖2    ·',
			],
		);
	});

	it('has numbers where they do not, scrolls both ways around the cursor, and keeps its heads', () => {
		const lines = table({names: names(50)}, {from: 'node31', to: 'node26'});
		assert.equal(lines.length, 12);
		assert.match(lines[0]!, /^ from ↓ +← 1\d .* 26 .* 3\d →$/);
		assert.match(lines[1]!, /↑ \d+ more/);
		assert.ok(lines.some((line) => line.startsWith(' 31 node31  ✖2')));
		assert.match(lines.at(-1)!, /↓ \d+ more/);
		assert.ok(lines.every((line) => line.length <= 80));
	});

	it('stands by sites, with a bar between them', () => {
		assert.deepEqual(
			table(
				{
					names: ['fra1', 'nuc', 'pi4', 'nyc1', 'ams2'],
					sites: [
						{name: 'fra1', nodes: ['fra1']},
						{name: 'home', nodes: ['nuc', 'pi4']},
						{name: 'nyc1', nodes: ['nyc1']},
						{name: 'ams2', nodes: ['ams2']},
					],
					senders: ['this machine'],
				},
				{from: 'fra1', to: 'nuc'},
			),
			[
				' from ↓  to →       fra1 │nuc   pi4  │nyc1  ams2',
				'      fra1          ·    │✖2    ✖2   │✖2    ✖2',
				' home nuc           ✖2   │·     ✖2   │✖2    ✖2',
				'      pi4           ✖2   │✖2    ·    │✖2    ✖2',
				'      nyc1          ✖2   │✖2    ✖2   │·     ✖2',
				'      ams2          ✖2   │✖2    ✖2   │✖2    ·',
				'      this machine  ✖2   │✖2    ✖2   │✖2    ✖2',
			],
		);
	});
});

describe('the findings', () => {
	const findings = [
		finding,
		{...finding, id: 'clock.skew', severity: 'warning' as const},
		{...finding, id: 'memory.minimum', ignored: true},
	];

	it('show the chosen one with what to do, the others in a line', () => {
		assert.equal(
			draw(
				<FindingsList
					findings={findings}
					selected={0}
					columns={80}
					rows={12}
				/>,
			),
			[
				' ❯ ✖ wireguard.kernel',
				'       The kernel of nuc has no WireGuard.',
				'       Install a newer kernel:',
				'       apt install linux-image-amd64',
				'       source: the docs',
				'   ▲ clock.skew  The kernel of nuc has no WireGuard.',
				'   – memory.minimum  overridden by you  The kernel of nuc has no WireGuard.',
			].join('\n'),
		);
	});

	it('that are none say so', () => {
		assert.match(
			draw(<FindingsList findings={[]} selected={0} columns={80} rows={5} />),
			/● Nothing speaks against it/,
		);
	});
});

describe('a list', () => {
	it('takes no more rows than it may', () => {
		const frame = draw(
			<ScrollList
				items={Array.from({length: 20}, (_, index) => ({
					key: String(index),
					rows: 2,
					render: () => (
						<>
							<Toned>{`item ${index}`}</Toned>
							<Toned>below</Toned>
						</>
					),
				}))}
				selected={10}
				rows={9}
			/>,
		);
		assert.ok(frame.split('\n').length <= 9);
		assert.match(frame, /item 10/);
	});
});

describe('notices', () => {
	it('say how many were left out when they do not fit', () => {
		const notices = Array.from({length: 6}, (_, index) => ({
			tone: 'warning' as const,
			text: `notice ${index} with a few more words in it`,
		}));
		const lines = noticeLines(notices, 24, 5).map(({text}) => text);
		assert.ok(lines.length <= 5);
		assert.equal(lines[0], ' ▲ notice 0 with a few');
		assert.match(lines.at(-1)!, /… and \d more/);
	});
});

describe('text', () => {
	it('of hosts can not steer the terminal', () => {
		assert.equal(
			draw(<Toned>{'red \u001B[31malert\u001B[2J\u0007\nnext'}</Toned>),
			'red alert next',
		);
	});
});
