import assert from 'node:assert/strict';
import test from 'node:test';
import {assertCode, fingerprint, kubectl, stageFor} from './support.js';

type NodeList = {
	readonly items: ReadonlyArray<{
		readonly metadata: {readonly name: string};
		readonly status: {
			readonly conditions: ReadonlyArray<{
				readonly type: string;
				readonly status: string;
			}>;
			readonly addresses: ReadonlyArray<{
				readonly type: string;
				readonly address: string;
			}>;
		};
	}>;
};

for (const topology of ['lan3', 'two-sites', 'ha3']) {
	test(`${topology}: apply makes a cluster, and a second apply changes nothing`, async (t) => {
		const stage = await stageFor(topology);
		t.after(stage.down);
		const {nodes} = stage.lab;

		assertCode(await stage.apply(), 0);

		const answer = await kubectl(stage, 'get', 'nodes', '-o', 'json');
		assertCode(answer, 0);
		const {items} = JSON.parse(answer.stdout) as NodeList;
		assert.deepEqual(
			items.map(({metadata}) => metadata.name).toSorted(),
			nodes.map(({name}) => name).toSorted(),
		);
		for (const item of items) {
			const wanted = nodes.find(({name}) => name === item.metadata.name)!;
			assert.ok(
				item.status.conditions.some(
					({type, status}) => type === 'Ready' && status === 'True',
				),
				`${wanted.name} is not Ready`,
			);
			assert.ok(
				item.status.addresses.some(
					({type, address}) =>
						type === 'ExternalIP' && address === wanted.externalIp,
				),
				`${wanted.name} does not show ${wanted.externalIp}`,
			);
		}

		const before = new Map<string, string>();
		for (const {name} of nodes) {
			before.set(name, await fingerprint(stage, name));
		}

		const again = await stage.apply();
		assertCode(again, 0);
		assert.match(again.stderr, /nothing (?:was|to) change/i);
		for (const {name} of nodes) {
			assert.equal(await fingerprint(stage, name), before.get(name), name);
		}
	});
}
