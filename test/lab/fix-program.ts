/**
 * Opens the host firewalls of a cluster as the screen and the commands do, from a namespace of the lab:
 * `fix-program.ts CLUSTER-FILE [cut|abandon]`. With `cut` two hosts get a rule that lets no new SSH connection in; with
 * `abandon` it is stopped when all lines are there, before it confirms any. It prints one JSON object: `FixReport`.
 */
import {readFileSync} from 'node:fs';
import process from 'node:process';
import {parse} from 'yaml';
import {clusterSchema} from '../../source/cluster/schema.js';
import {controller, pathKey} from '../../source/facts/measurements.js';
import {checkCluster} from '../../source/operations/check.js';
import {applyFixes, proposeFixes} from '../../source/operations/fix.js';
import {openFleet} from '../../source/operations/fleet.js';
import type {
	CheckCluster,
	CheckReport,
	FirewallFix,
} from '../../source/operations/operations.js';
import {makeWorld} from '../../source/operations/world.js';

/** What the program did and saw. */
export type FixReport = {
	/** Closed cells before: `a > b udp/51820`. */
	readonly closed: readonly string[];
	readonly fixes: ReadonlyArray<{
		readonly node: string;
		readonly firewall: string;
		readonly paths: number;
		readonly lines: readonly string[];
	}>;
	/** Kind of the outcome, by node; with what it says behind a colon, and what to try on lines of their own. */
	readonly outcomes: Readonly<Record<string, string>>;
	/** What the check says of rules that were not confirmed, by node; with what to do on lines of their own. */
	readonly unconfirmed: Readonly<Record<string, string>>;
	/** Closed cells afterwards. */
	readonly left: readonly string[];
};

const [path, mode] = process.argv.slice(2);
const cluster = clusterSchema.parse(parse(readFileSync(path!, 'utf8')));
const world = makeWorld((note) => {
	console.error(note);
});
const {signal} = new AbortController();
const stop = new AbortController();
const fleet = openFleet({
	world,
	questions: {trustHostKey: async () => true, askSecret: async () => undefined},
	signal,
});

const check = async (
	again?: Parameters<CheckCluster>[0]['again'],
): Promise<CheckReport> =>
	checkCluster({
		cluster,
		fleet,
		ignore: [],
		signal,
		onEvent() {
			// The report is enough.
		},
		...(again && {again}),
	});

const closedOf = ({measurements}: CheckReport) =>
	measurements.cells
		.filter(
			({path, verdict}) =>
				// The firewalls are opened for the nodes, not for where the person sits.
				path.from !== controller &&
				['filtered', 'refused'].includes(verdict.kind),
		)
		.map(
			({path: {from, to, protocol, port}}) =>
				`${from} > ${to} ${protocol}/${port}`,
		)
		.toSorted();

/** Rules that cut us off: on one host what is open lives on, on the other it does not. */
const cutting: readonly FirewallFix[] = [
	{
		node: 'simple',
		firewall: 'ufw',
		rules: [
			{
				why: 'cut',
				add: ['ufw', 'prepend', 'deny', ...ssh(), 'comment', 'k3s-mesh cut'],
				remove: ['ufw', 'delete', 'deny', ...ssh()],
			},
		],
		lines: [],
		paths: [],
	},
	{
		node: 'chains',
		firewall: 'iptables',
		rules: [
			{
				why: 'cut',
				add: ['iptables', '-w', '5', '-I', 'INPUT', '1', ...drop()],
				remove: ['iptables', '-w', '5', '-D', 'INPUT', ...drop()],
			},
		],
		lines: [],
		paths: [],
	},
];

function ssh(): readonly string[] {
	return ['in', 'on', 'eth0', 'proto', 'tcp', 'to', 'any', 'port', '22'];
}

function drop(): readonly string[] {
	return [
		'-p',
		'tcp',
		'--dport',
		'22',
		'-m',
		'comment',
		'--comment',
		'k3s-mesh cut',
		'-j',
		'DROP',
	];
}

try {
	await fleet.addAll(cluster.nodes);
	const before = await check();
	const fixes =
		mode === 'cut'
			? cutting
			: proposeFixes({report: before, facts: fleet.facts()});
	const unconfirmed = new Set(fixes.map(({node}) => node));
	const outcomes = await applyFixes({
		cluster,
		fixes,
		fleet,
		world:
			mode === 'abandon'
				? {
						...world,
						async connect({name}, options) {
							unconfirmed.delete(name);
							if (unconfirmed.size === 0) {
								stop.abort(new Error('Stopped.'));
							}

							options.signal.throwIfAborted();
							throw new Error('Not now.');
						},
					}
				: world,
		signal: stop.signal,
		...(mode === 'cut' && {rollbackSeconds: 12}),
		onOutcome() {
			// All come at the end.
		},
	});
	const affected = new Set(
		fixes.flatMap(({paths}) => paths.map((one) => pathKey(one))),
	);
	const after =
		mode === 'abandon'
			? before
			: mode === 'cut'
				? await check()
				: await check({
						earlier: before,
						only: (one) => affected.has(pathKey(one)),
					});
	const report: FixReport = {
		closed: closedOf(before),
		fixes: fixes.map(({node, firewall, paths, lines}) => ({
			node,
			firewall,
			paths: paths.length,
			lines,
		})),
		outcomes: Object.fromEntries(
			[...outcomes].map(([node, outcome]) => [
				node,
				[
					[
						outcome.kind,
						'message' in outcome
							? outcome.message
							: 'earlier' in outcome
								? outcome.earlier
								: undefined,
					]
						.filter((text) => text !== undefined)
						.join(': '),
					...('tryNext' in outcome ? outcome.tryNext : []),
				].join('\n'),
			]),
		),
		unconfirmed: Object.fromEntries(
			before.findings
				.filter(({id}) => id === 'firewall.unconfirmed')
				.map(({nodes, message, fixes: advice}) => [
					nodes[0]!,
					[message, ...advice].join('\n'),
				]),
		),
		left: closedOf(after),
	};
	console.log(JSON.stringify(report));
} finally {
	await fleet.close();
}
