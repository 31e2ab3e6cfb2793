import {Box} from 'ink';
import {useMemo, useState} from 'react';
import {AddLine} from '../components/add-line.js';
import {AliasPicker} from '../components/alias-picker.js';
import {Form, formRows} from '../components/form.js';
import {NodeTable} from '../components/node-table.js';
import {Notices, noticeLines, type Notice} from '../components/notices.js';
import {Screen} from '../components/screen.js';
import {Ticker} from '../components/ticker.js';
import {useUi} from '../context.js';
import {useObservable} from '../hooks/use-observable.js';
import type {Binding} from '../hooks/use-keys.js';
import {useSelection} from '../hooks/use-selection.js';
import type {ClusterSession} from '../state/cluster-session.js';
import {nodeFields, nodeFormValues, readNodeForm} from '../state/node-form.js';
import {nodeRows} from '../state/node-rows.js';
import {contactNotices, noteLine, obstacle} from '../state/nodes-notices.js';
import {editText, insertText, type TextEdit} from '../state/text-edit.js';
import {Toned} from '../theme.js';

type Mode =
	| {readonly kind: 'list'}
	| {readonly kind: 'add'; readonly edit: TextEdit}
	| {readonly kind: 'edit'; readonly node: string}
	| {readonly kind: 'import'; readonly aliases: readonly string[]};

const help = {
	title: 'Nodes',
	about: [
		'Each machine is contacted as soon as it is added; nothing is changed on it. Servers run the control plane, agents run only your workload.',
		'The external address is the one under which the other nodes reach it. It is proposed from what the machine says and can be set with e.',
	],
	keys: [
		['a', 'add: user@host[:port] or an ssh alias; paste a list for several'],
		['e', 'edit name, login and addresses'],
		['r', 'switch between server and agent'],
		['d', 'take the node off the list'],
		['i', 'import hosts that your SSH configuration names'],
		['t', 'try to contact it again'],
		['Enter', 'next: Mesh'],
		['Esc', 'home'],
		['q', 'quit; everything is saved'],
	],
} as const;

const inputHints: readonly Binding[] = [
	{keys: [], shown: 'Enter', label: 'add'},
	{keys: [], shown: 'Esc', label: 'back to the list'},
];
const formHints: readonly Binding[] = [
	{keys: [], shown: 'Tab', label: 'next field'},
	{keys: [], shown: 'Enter', label: 'save'},
	{keys: [], shown: 'Esc', label: 'leave as it was'},
];

/** The machines: added by SSH, looked at as they come. */
export const NodesScreen = ({session}: {readonly session: ClusterSession}) => {
	const {model} = useUi();
	const {document, nodes, operations, questions} = session;
	const cluster = useObservable(document.cluster);
	const contacts = useObservable(nodes.state);
	const notes = useObservable(model.notes);
	const [mode, setMode] = useState<Mode>(
		cluster.nodes.length === 0
			? {kind: 'add', edit: editText('')}
			: {kind: 'list'},
	);
	const [notices, setNotices] = useState<readonly Notice[]>([]);
	/** Was going on tried and not possible? Then it is said why, as long as that is so. */
	const [isHeld, setIsHeld] = useState(false);
	const rows = useMemo(() => nodeRows(cluster, contacts), [cluster, contacts]);
	const findings = useMemo(
		() => contactNotices(cluster, contacts, operations),
		[cluster, contacts, operations],
	);
	const selection = useSelection(rows.length);
	const current = rows[selection.selected];
	const held = obstacle(rows);
	const changeMode = (next: Mode) => {
		setNotices([]);
		setIsHeld(false);
		setMode(next);
	};

	const add = (text: string) => {
		const problems = nodes.add(text);
		setNotices(problems.map((problem) => ({tone: 'bad', text: problem})));
		const isOneLine = !/[\r\n]/.test(text.trim());
		setMode({
			kind: 'add',
			edit: editText(isOneLine && problems.length > 0 ? text.trim() : ''),
		});
		selection.select(document.cluster.latest().nodes.length - 1);
	};

	const paste = (text: string) => {
		if (/[\r\n]/.test(text.trim())) {
			add(text);
		} else {
			setMode({
				kind: 'add',
				edit: insertText(
					mode.kind === 'add' ? mode.edit : editText(''),
					text.trim(),
				),
			});
		}
	};

	const offerAliases = async () => {
		const known = new Set(cluster.nodes.map(({ssh}) => ssh.host));
		const all = await operations.sshAliases();
		const aliases = all.filter((alias) => !known.has(alias));
		if (aliases.length > 0) {
			changeMode({kind: 'import', aliases});
		} else {
			setNotices([
				{
					tone: 'muted',
					text:
						all.length === 0
							? 'Your SSH configuration (~/.ssh/config) names no host.'
							: 'Every host that your SSH configuration names is in the list already.',
				},
			]);
		}
	};

	if (mode.kind === 'import') {
		return (
			<AliasPicker
				aliases={mode.aliases}
				onPick={(picked) => {
					changeMode({kind: 'list'});
					setNotices(
						nodes
							.add(picked.join('\n'))
							.map((problem) => ({tone: 'bad', text: problem})),
					);
				}}
				onClose={() => {
					changeMode({kind: 'list'});
				}}
			/>
		);
	}

	const listBindings: readonly Binding[] = [
		...selection.bindings,
		{
			keys: ['a'],
			shown: 'a',
			label: 'add',
			run() {
				changeMode({kind: 'add', edit: editText('')});
			},
		},
		...(current === undefined
			? []
			: [
					{
						keys: ['e'],
						shown: 'e',
						label: 'edit',
						run() {
							changeMode({kind: 'edit', node: current.name});
						},
					},
					{
						keys: ['r'],
						shown: 'r',
						label: 'role',
						run() {
							nodes.setRole(
								current.name,
								current.role === 'server' ? 'agent' : 'server',
							);
						},
					},
					{
						keys: ['d'],
						shown: 'd',
						label: 'delete',
						async run() {
							if (
								await questions.ask({
									title: `Take ${current.name} off the list?`,
									lines: ['Nothing is changed on the machine itself.'],
									yes: 'take it off',
									no: 'keep it',
								})
							) {
								nodes.remove(current.name);
							}
						},
					},
					{
						keys: ['t'],
						...(current.state === 'failed'
							? {shown: 't', label: 'try again'}
							: {}),
						run() {
							nodes.retry(current.name);
						},
					},
				]),
		// The demo has machines of its own and reads nothing of the person's.
		...(session.world.demo
			? []
			: [{keys: ['i'], shown: 'i', label: 'import', run: offerAliases}]),
		{
			keys: ['enter'],
			shown: 'Enter',
			label: 'next',
			run() {
				if (held === undefined) {
					session.go('mesh');
				} else {
					setIsHeld(true);
				}
			},
		},
		{
			keys: ['escape'],
			shown: 'Esc',
			label: 'home',
			run() {
				void model.closeSession();
			},
		},
		{
			keys: ['q'],
			shown: 'q',
			label: 'quit',
			run() {
				void model.quit();
			},
		},
	];

	const edited =
		mode.kind === 'edit'
			? cluster.nodes.find(({name}) => name === mode.node)
			: undefined;
	const shownMode = mode.kind === 'edit' && !edited ? 'list' : mode.kind;
	return (
		<Screen
			bindings={
				shownMode === 'list'
					? listBindings
					: shownMode === 'add'
						? inputHints
						: formHints
			}
			mode={shownMode === 'list' ? 'list' : 'input'}
			isTyping={
				shownMode === 'edit' || (mode.kind === 'add' && mode.edit.text !== '')
			}
			help={help}
			onPaste={paste}
		>
			{(size) => {
				const details =
					shownMode === 'list' && size.rows >= 14
						? (current?.details ?? [])
						: [];
				const fieldRows =
					shownMode === 'add'
						? 2
						: shownMode === 'edit'
							? formRows(nodeFields)
							: 0;
				const lines = noticeLines(
					[
						...notices,
						...(isHeld && held !== undefined
							? [{tone: 'bad', text: held} as const]
							: []),
						...findings,
					],
					size.columns,
					Math.max(1, Math.floor((size.rows - fieldRows) / 3)),
				);
				// In the demo nothing of the person's SSH has a part.
				const note =
					session.world.demo || size.rows < 14 ? undefined : noteLine(notes);
				const rest =
					size.rows -
					fieldRows -
					lines.length -
					details.length -
					(note === undefined ? 0 : 1);
				return (
					<Ticker isActive={rows.some(({state}) => state === 'working')}>
						{rows.length > 0 && (
							<NodeTable
								rows={rows}
								selected={selection.selected}
								isPointing={shownMode !== 'add'}
								columns={size.columns}
								height={Math.max(2, rest - (fieldRows > 0 ? 1 : 0))}
							/>
						)}
						{rows.length === 0 && (
							<Toned>
								{
									' Which machines? Any that you log in to with ssh: user@host, or an alias.'
								}
							</Toned>
						)}
						<Box flexGrow={1} />
						{note !== undefined && <Toned tone="muted">{`   ${note}`}</Toned>}
						<Notices lines={lines} />
						{details.map((line) => (
							<Toned key={line} tone="muted">{`   ${line}`}</Toned>
						))}
						{mode.kind === 'add' && (
							<AddLine
								edit={mode.edit}
								columns={size.columns}
								onChange={(edit) => {
									setMode({kind: 'add', edit});
								}}
								onSubmit={add}
								onPaste={paste}
								onLeave={() => {
									changeMode({kind: 'list'});
								}}
							/>
						)}
						{mode.kind === 'edit' && edited !== undefined && (
							<Form
								fields={nodeFields}
								initial={nodeFormValues(edited)}
								columns={size.columns}
								check={(values) => {
									const read = readNodeForm(values, edited, cluster);
									return read.ok ? {} : read.problems;
								}}
								onCancel={() => {
									changeMode({kind: 'list'});
								}}
								onSave={(values) => {
									const read = readNodeForm(values, edited, cluster);
									if (read.ok) {
										nodes.replace(edited.name, read.node);
									}

									changeMode({kind: 'list'});
								}}
							/>
						)}
					</Ticker>
				);
			}}
		</Screen>
	);
};
