import assert from 'node:assert/strict';
import test from 'node:test';
import {assertCode, fingerprint, kubectl, stageFor} from './support.js';

type CheckAnswer = {
	readonly cells: ReadonlyArray<{
		readonly from: string;
		readonly to: string;
		readonly addressKind: string;
		readonly protocol: string;
		readonly port: number;
		readonly verdict: {readonly kind: string};
	}>;
};

test('fw: the checks name exactly what is blocked, and the install does not start unless overridden', async (t) => {
	const stage = await stageFor('fw');
	t.after(stage.down);
	const {nodes} = stage.lab;
	const denied = nodes.find(({name}) => name === 'wall')!;
	const dropped = nodes.find(({name}) => name === 'gate')!;

	const checked = await stage.run(['check', stage.clusterPath, '--json']);
	assertCode(checked, 1);
	const {cells} = JSON.parse(checked.stdout) as CheckAnswer;
	const blocked = cells
		.filter(({verdict}) => !['open', 'reached'].includes(verdict.kind))
		.map(
			(cell) =>
				`${cell.from} > ${cell.to} ${cell.addressKind} ${cell.protocol}/${cell.port} ${cell.verdict.kind}`,
		)
		.toSorted();
	const expected = nodes
		.flatMap(({name}) => [
			...(name === denied.name
				? []
				: [`${name} > ${denied.name} external udp/51820 filtered`]),
			// The firewall drops what comes in from outside; a host reaches its own address over loopback.
			...(name === dropped.name
				? []
				: [`${name} > ${dropped.name} external tcp/6443 filtered`]),
		])
		.toSorted();
	assert.deepEqual(blocked, expected);

	const before = await Promise.all(
		nodes.map(async ({name}) => fingerprint(stage, name)),
	);
	const refused = await stage.apply();
	assertCode(refused, 1);
	assert.match(refused.stderr, /Nothing was changed/);
	assert.match(refused.stderr, /51820/);
	assert.match(refused.stderr, /6443/);
	assert.deepEqual(
		await Promise.all(nodes.map(async ({name}) => fingerprint(stage, name))),
		before,
	);

	// Overridden, the plan opens both host firewalls itself.
	assertCode(await stage.apply('--ignore', 'path.blocked'), 0);
	assertCode(await kubectl(stage, 'get', 'nodes'), 0);
	const checkedAgain = await stage.run(['check', stage.clusterPath, '--json']);
	const {cells: cellsAgain} = JSON.parse(checkedAgain.stdout) as CheckAnswer;
	assert.deepEqual(
		cellsAgain.filter(({verdict}) => verdict.kind === 'filtered'),
		[],
	);
});
