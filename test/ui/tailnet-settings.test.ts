/** Settings of a tailnet, and its policy: what is offered when, and what becomes of the keys. */
import assert from 'node:assert/strict';
import {afterEach, describe, it} from 'node:test';
import type {SaveOutcome} from '../../source/operations/save-file.js';
import {
	settingFieldsOf,
	writeSetting,
} from '../../source/ui/state/settings-fields.js';
import {clusterSchema, type ClusterInput} from '../../source/cluster/schema.js';
import {machine, startRig, type Rig} from './fakes.js';
import {keys, type TestTerminal} from './terminal.js';

const clusterWith = (mesh: NonNullable<ClusterInput['mesh']>) =>
	clusterSchema.parse({version: 1, name: 'home', mesh});

const own = 'https://head.example.org';

describe('the settings', () => {
	it('ask for the user and the authority where a headscale is named', () => {
		const idsOf = (mesh: NonNullable<ClusterInput['mesh']>) =>
			settingFieldsOf(clusterWith(mesh))
				.map(({id}) => id)
				.filter((id) => id === 'user' || id === 'authority');
		assert.deepEqual(idsOf({kind: 'wireguard-native'}), []);
		assert.deepEqual(idsOf({kind: 'tailscale'}), []);
		assert.deepEqual(
			idsOf({
				kind: 'tailscale',
				controlServer: 'https://controlplane.tailscale.com',
			}),
			[],
		);
		assert.deepEqual(idsOf({kind: 'tailscale-ip', controlServer: own}), [
			'authority',
			'user',
		]);
	});

	it('write both, and take them away when they are emptied', () => {
		let cluster = clusterWith({kind: 'tailscale', controlServer: own});
		for (const [id, text, key] of [
			['authority', '~/ca.pem', 'authorityFile'],
			['user', 'k3s', 'user'],
		] as const) {
			const field = settingFieldsOf(cluster).find((one) => one.id === id)!;
			const written = writeSetting(cluster, field, text);
			assert.ok(written.ok);
			assert.equal(
				(written.cluster.mesh as Record<string, unknown>)[key],
				text,
			);
			assert.equal(field.read(written.cluster), text);
			cluster = written.cluster;
		}

		const user = settingFieldsOf(cluster).find(({id}) => id === 'user')!;
		const emptied = writeSetting(cluster, user, ' ');
		assert.ok(emptied.ok && !('user' in emptied.cluster.mesh));
	});
});

let rig: Rig | undefined;
afterEach(async () => rig?.dispose());

const startAtPolicy = async (
	outcome: (mayReplace: () => Promise<boolean>) => Promise<SaveOutcome>,
): Promise<{readonly terminal: TestTerminal; readonly saved: string[]}> => {
	const saved: string[] = [];
	rig = startRig({
		machines: {fra1: machine('fra1', '198.51.100.11')},
		async prepare(store) {
			await store.files.write(
				'home',
				`version: 1
name: home
mesh: {kind: tailscale, controlServer: '${own}', tags: ['tag:k3s']}
nodes:
  - {name: fra1, role: server, ssh: fra1, externalIp: 198.51.100.11}
`,
			);
			store.preferences.remember({
				name: 'home',
				progress: 'settings',
				usedAt: 1,
			});
		},
		operations: {
			async saveFile(file, text, mayReplace) {
				saved.push(file, text);
				return outcome(mayReplace);
			},
		},
	});
	const {terminal} = rig;
	await terminal.waitFor(/home +left at/);
	terminal.type(keys.enter);
	await terminal.waitFor(/Its authority/);
	terminal.type('p');
	await terminal.waitFor(/What the tailnet's policy must hold/);
	await terminal.waitFor(/tagOwners/);
	return {terminal, saved};
};

describe('the policy', () => {
	it('is saved under the name of the cluster', async () => {
		const {terminal, saved} = await startAtPolicy(async () => 'saved');
		terminal.type('s');
		await terminal.waitFor(/The policy is in \S*home-policy\.hujson/);
		assert.match(saved[0]!, /\/home-policy\.hujson$/);
		assert.match(saved[1]!, /tag:k3s/);
	});

	it('replaces no file without a yes', async () => {
		const {terminal} = await startAtPolicy(async (mayReplace) =>
			(await mayReplace()) ? 'saved' : 'kept',
		);
		terminal.type('s');
		await terminal.waitFor(
			/home-policy\.hujson is there already\. Replace it\?/,
		);
		terminal.type('n');
		await terminal.waitFor(/was left as it is/);
		terminal.type('s');
		await terminal.waitFor(/Replace it\?/);
		terminal.type('y');
		await terminal.waitFor(/The policy is in/);
	});
});
