import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {describe, it} from 'node:test';
import {checkAll} from '../../source/checks/check.js';
import {noMeasurements} from '../../source/facts/measurements.js';
import {makeDemoWorld} from '../../source/host/simulated/demo-world.js';
import {openRunLog} from '../../source/install/run-log.js';
import {startApply} from '../../source/operations/apply.js';
import {checkCluster} from '../../source/operations/check.js';
import {applyFixes, proposeFixes} from '../../source/operations/fix.js';
import {openFleet} from '../../source/operations/fleet.js';
import {fetchKubeconfig} from '../../source/operations/kubeconfig.js';
import {comparePolicy} from '../../source/operations/policy.js';
import {saveFile} from '../../source/operations/save-file.js';
import {makePlan} from '../../source/operations/plan.js';
import {openTemporaryStore} from '../../source/store/store.js';
import type {UiOperations} from '../../source/ui/operations.js';
import {startRig} from './fakes.js';
import {keys} from './terminal.js';

const operations: UiOperations = {
	openFleet,
	checkCluster,
	proposeFixes,
	applyFixes,
	makePlan,
	startApply,
	fetchKubeconfig,
	comparePolicy,
	saveFile,
	findings: (cluster, facts) =>
		checkAll({cluster, facts, measurements: noMeasurements}),
	sshAliases: async () => [],
	openRunLog: async ({path, world}) =>
		openRunLog({
			path,
			isOwnFolder: true,
			redact: (text) => world.redactor.redact(text),
		}),
};

describe('the demo', () => {
	it('goes from Home to Done by key presses, marked on every screen, and leaves nothing', async () => {
		let kubeconfig = '';
		let logs: readonly string[] = [];
		const rig = startRig({
			operations,
			async openDemo() {
				const {store, remove} = await openTemporaryStore();
				kubeconfig = store.kubeconfigPath!;
				let number = 0;
				const {world, cluster} = makeDemoWorld({
					pace: 0,
					now: Date.now,
					random() {
						number = (number * 16_807 + 11) % 2_147_483_647;
						return number / 2_147_483_647;
					},
				});
				return {
					world,
					store: {
						...store,
						runLogPath(name, at) {
							const path = store.runLogPath(name, at);
							logs = [...logs, path];
							return path;
						},
					},
					cluster,
					remove,
				};
			},
		});
		const {terminal} = rig;
		try {
			await terminal.waitFor(/Try the demo/);
			terminal.type('d');
			await terminal.waitFor(
				(screen) =>
					screen.includes('● fra1 ') &&
					/● nuc .*192\.0\.2\.7 NAT/.test(screen) &&
					screen.includes('● nyc1 '),
			);
			// A machine that refuses on port 22 and answers on another.
			terminal.type('a');
			await terminal.waitFor(/Enter add/);
			terminal.type(`root@203.0.113.40${keys.enter}`);
			await terminal.waitFor(
				/✖ node1[^\n]*\n[^\n]*refuses connections on port 22/,
			);
			terminal.type(keys.escape);
			await terminal.waitFor(/a add {2}e edit/);
			terminal.type('e');
			await terminal.waitFor(/❯ Name/);
			terminal.type(`${keys.ctrlU}ams2${keys.tab}`);
			await terminal.waitFor(/❯ SSH/);
			terminal.type(`:2222${keys.enter}`);
			await terminal.waitFor(/● ams2 +agent +root@203[^\n]* 203\.0\.113\.40/);
			terminal.type(keys.enter);
			await terminal.waitFor(/How should the nodes/);
			terminal.type(keys.enter);
			await terminal.waitFor(/Pod network/);
			terminal.type(keys.enter);
			await terminal.waitFor(/4 of 4 nodes · (\d+) of \1 paths · [\d.]+s +\d/);
			terminal.type(keys.enter);
			await terminal.waitFor(/Go on with \d warning|will change/);
			terminal.type('y');
			await terminal.waitFor(/4 nodes will change/);
			terminal.type(keys.enter);
			await terminal.waitFor(/demo is installed · 4 of 4 nodes done/);
			terminal.type('c');
			await terminal.waitFor(/● +4 of 4 nodes Ready/);
			await terminal.waitFor(/● 12 of 12 mesh paths proven/);
			await terminal.waitFor(/context "demo" merged into/);
			assert.match(await readFile(kubeconfig, 'utf8'), /name: demo/);
			assert.equal(logs.length, 1);
			assert.match(await readFile(logs[0]!, 'utf8'), /"run-ended"/);
			terminal.type(keys.enter);
			const end = await rig.ended;
			assert.equal(end.exitCode, 0);
			assert.match(end.summary[0]!, /That was the demo/);
			assert.equal(existsSync(kubeconfig), false);
			assert.deepEqual(await rig.store.files.list(), []);
			assert.deepEqual(rig.store.preferences.clusters(), []);
			const rows = terminal.everyFirstRow().filter((row) => row !== '');
			assert.ok(rows.some((row) => row.startsWith(' DEMO k3s-mesh')));
			assert.ok(
				rows.every((row) => /^ (?:DEMO )?k3s-mesh/.test(row)),
				'a frame was taller than the terminal',
			);
		} finally {
			await rig.dispose();
		}
	});
});
