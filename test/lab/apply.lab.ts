import assert from 'node:assert/strict';
import test from 'node:test';
import type {InstallEvent, Proof} from '../../source/install/events.js';
import {
	assertCode,
	fingerprint,
	kubectl,
	stageFor,
	type Outcome,
} from './support.js';

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

/** The proofs that a run with `--progress json` printed. */
const proofsIn = ({stdout}: Outcome): readonly Proof[] =>
	stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as InstallEvent | {type: 'kubeconfig'})
		.flatMap((event) => (event.type === 'proof' ? [event.proof] : []));

for (const topology of ['lan3', 'two-sites', 'ha3']) {
	test(`${topology}: apply makes a cluster, and a second apply changes nothing`, async (t) => {
		const stage = await stageFor(topology);
		t.after(stage.down);
		const {nodes} = stage.lab;

		const applied = await stage.apply('--progress', 'json');
		assertCode(applied, 0);
		assert.deepEqual(
			proofsIn(applied)
				.filter(({kind, ok}) => kind === 'dns' && ok)
				.map(({from}) => from)
				.toSorted(),
			nodes.map(({name}) => name).toSorted(),
		);

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

test('lan3: where an image cannot be had any more, network namespaces play the pods and are taken away', async (t) => {
	const stage = await stageFor('lan3');
	t.after(stage.down);
	assertCode(await stage.apply(), 0);
	// Of the container on one node, of every sandbox on the other.
	const missing = new Map([
		['fra2', ['pause', /ErrImagePull|ImagePullBackOff/]],
		['ams1', ['sandbox', /FailedCreatePodSandBox/]],
	] as const);
	for (const [name, [image]] of missing) {
		await stage.lab
			.node(name)
			.exec(
				`mkdir -p /etc/k3s-double && echo ${image} >/etc/k3s-double/no-images`,
			);
	}

	const applied = await stage.apply('--progress', 'json');
	assertCode(applied, 0);
	const proofs = proofsIn(applied);
	for (const [name, [, why]] of missing) {
		for (const kind of ['pod-to-pod', 'dns', 'logs'] as const) {
			const own = proofs.filter(
				(proof) => proof.kind === kind && proof.from === name,
			);
			assert.equal(own.length, kind === 'pod-to-pod' ? 2 : 1, kind);
			for (const {ok, standIn, detail} of own) {
				assert.ok(ok, detail);
				assert.match(standIn ?? '', why);
			}
		}
	}

	assert.equal(
		proofs.find(({kind, from}) => kind === 'dns' && from === 'fra1')?.standIn,
		undefined,
	);
	for (const name of missing.keys()) {
		const {stdout} = await stage.lab.node(name).exec(`
systemctl show -p LoadState k3s-mesh-verify-pod
ip -o link | grep -c k3s-mesh || :
`);
		assert.equal(stdout, 'LoadState=not-found\n0\n', name);
	}
});
