import {Box, Text} from 'ink';
import {Screen} from '../components/screen.js';
import {Spinner, Ticker} from '../components/ticker.js';
import {useUi} from '../context.js';
import {formatDuration, wrapWords} from '../format.js';
import {useObservable} from '../hooks/use-observable.js';
import {shownPath} from '../shown-path.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {proofLines, type ProofLine} from '../state/proof-summary.js';
import {nextCommands} from '../state/session-summary.js';
import {Toned, glyphs} from '../theme.js';

const help = {
	title: 'Done',
	about: [
		'What verification has shown, where the kubeconfig went, and what to try next.',
		'What stood in for the real thing, for example a ping where the kernel shows no handshake, is said behind the number.',
	],
	keys: [
		['Enter', 'finish'],
		['h', 'home'],
		['k', 'fetch the kubeconfig again'],
		['Esc', 'back to the grid'],
		['q', 'quit'],
	],
} as const;

const LineGlyph = ({line}: {readonly line: ProofLine}) =>
	line.failed.length > 0 ? (
		<Toned tone="bad">{glyphs.bad}</Toned>
	) : line.standIns.length > 0 || line.total === 0 ? (
		<Toned tone="muted">{glyphs.none}</Toned>
	) : (
		<Toned tone="good">{glyphs.good}</Toned>
	);

const Proofs = ({
	session,
	columns,
}: {
	readonly session: ClusterSession;
	readonly columns: number;
}) => {
	const {result} = useObservable(session.install.state);
	const lines = proofLines(result?.proofs ?? []);
	const width = Math.max(
		0,
		...lines.map(({good, total}) => `${good} of ${total}`.length),
	);
	return lines.map((line) => (
		<Box key={line.kind} flexDirection="column" flexShrink={0}>
			<Text wrap="truncate-end">
				{'   '}
				<LineGlyph line={line} />{' '}
				<Toned bold>{`${line.good} of ${line.total}`.padStart(width)}</Toned>{' '}
				{line.title}
				{line.note !== undefined && (
					<Toned tone="muted">{`  ${line.note}`}</Toned>
				)}
			</Text>
			{line.failed.slice(0, 2).map(({from, to, detail}) =>
				wrapWords(
					`${from}${to === undefined ? '' : ` → ${to}`}: ${detail}`,
					columns - 8,
				).map((text) => (
					<Toned key={`${from} ${text}`} tone="bad">
						{`      ${text}`}
					</Toned>
				)),
			)}
		</Box>
	));
};

const Kubeconfig = ({
	session,
	columns,
}: {
	readonly session: ClusterSession;
	readonly columns: number;
}) => {
	const work = useObservable(session.handover.state);
	switch (work.phase) {
		case 'idle':
		case 'running': {
			return (
				<Text>
					{' '}
					<Spinner /> Fetching the kubeconfig…
				</Text>
			);
		}

		case 'failed': {
			return wrapWords(
				[
					`The kubeconfig could not be merged: ${work.failure.message}`,
					...work.failure.tryNext,
					'k tries again.',
				].join(' '),
				columns - 4,
			).map((line, index) => (
				<Toned key={line} tone="bad">
					{index === 0 ? ` ${glyphs.bad} ` : '   '}
					{line}
				</Toned>
			));
		}

		case 'done': {
			const {context, path, backup, server, note} = work.result;
			return [
				`kubeconfig: context "${context}" merged into ${shownPath(path)}${backup === undefined ? '' : ` (previous file kept as ${shownPath(backup)})`}`,
				// The note mostly names the address itself.
				note.includes(new URL(server).host) ? note : `API: ${server}. ${note}`,
			]
				.flatMap((text) => wrapWords(text, columns - 4))
				.map((line) => <Toned key={line}>{` ${line}`}</Toned>);
		}
	}
};

/** The proofs, the kubeconfig, and what to try next. */
export const DoneScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const cluster = useObservable(session.document.cluster);
	const {install} = useObservable(session.install.state);
	const handover = useObservable(session.handover.state);
	const quit = () => {
		void model.quit();
	};

	return (
		<Screen
			mode="list"
			help={help}
			bindings={[
				{keys: ['enter'], shown: 'Enter', label: 'finish', run: quit},
				{
					keys: ['h'],
					shown: 'h',
					label: 'home',
					run() {
						void model.closeSession();
					},
				},
				...(handover.phase === 'failed'
					? [
							{
								keys: ['k'],
								shown: 'k',
								label: 'kubeconfig again',
								run() {
									session.handover.start();
								},
							},
						]
					: []),
				{
					keys: ['escape'],
					shown: 'Esc',
					label: 'grid',
					run() {
						session.go('install');
					},
				},
				{keys: ['q'], shown: 'q', label: 'quit', run: quit},
			]}
		>
			{({columns}) => (
				<Ticker isActive={handover.phase === 'running'}>
					<Text wrap="truncate-end">
						{' '}
						<Toned tone="good">{glyphs.good}</Toned>{' '}
						<Toned bold>{`${cluster.name} is up`}</Toned>
						{` · K3s ${install.version}`}
						{install.endedAt !== undefined &&
							` · ${formatDuration(install.endedAt - install.startedAt)}`}
					</Text>
					<Proofs session={session} columns={columns} />
					<Text> </Text>
					<Kubeconfig session={session} columns={columns} />
					<Text> </Text>
					<Toned tone="muted">
						{session.world.demo
							? ' This was the demo. With real machines you would try next:'
							: ' To try next:'}
					</Toned>
					{nextCommands(cluster.name, undefined).map((command) => (
						<Toned key={command} tone="accent">{`   ${command}`}</Toned>
					))}
				</Ticker>
			)}
		</Screen>
	);
};
