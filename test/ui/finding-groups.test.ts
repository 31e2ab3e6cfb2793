import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import type {Finding} from '../../source/checks/finding.js';
import {groupAlike} from '../../source/ui/state/finding-groups.js';

const finding = (
	message: string,
	nodes: readonly string[],
	more: Partial<Finding> = {},
): Finding => ({
	id: 'time.ntp',
	severity: 'warning',
	message,
	nodes,
	fixes: ['timedatectl set-ntp true'],
	source: 'ours',
	...more,
});

const told = (findings: readonly Finding[]) =>
	groupAlike(findings).map(({message, nodes, fixes}) => [
		message,
		nodes.join(' '),
		fixes.length,
	]);

describe('what is so on several nodes', () => {
	it('is told once, with their names in front', () => {
		assert.deepEqual(
			told([
				finding('fra1 has no Python 3.', ['fra1']),
				finding('nuc and pi4 share an address.', ['nuc', 'pi4']),
				finding('nuc has no Python 3.', ['nuc']),
				finding('pi4: connection refused', ['pi4'], {id: 'node.unreachable'}),
				finding('ams2: connection refused', ['ams2'], {
					id: 'node.unreachable',
				}),
			]),
			[
				['fra1 and nuc: has no Python 3.', 'fra1 nuc', 1],
				['nuc and pi4 share an address.', 'nuc pi4', 1],
				['pi4 and ams2: connection refused', 'pi4 ams2', 1],
			],
		);
		assert.deepEqual(
			told([
				finding('The clock of fra1 is not kept.', ['fra1']),
				finding('The clock of fra10 is not kept.', ['fra10'], {
					fixes: ['Ask fra10.'],
				}),
			]),
			[['fra1 and fra10: The clock of each is not kept.', 'fra1 fra10', 2]],
		);
	});

	it('is seen as the same only by whole names', () => {
		assert.deepEqual(
			told([
				finding('fra1 hears fra10.', ['fra1']),
				finding('nuc hears fra10.', ['nuc']),
			]),
			[['fra1 and nuc: hears fra10.', 'fra1 nuc', 1]],
		);
	});

	it('stays apart where it differs by a value, a severity or a rule', () => {
		const findings = [
			finding('fra1 has 1 GB.', ['fra1']),
			finding('nuc has 2 GB.', ['nuc']),
			finding('pi4 has 1 GB.', ['pi4'], {severity: 'error'}),
			finding('ams2 has 1 GB.', ['ams2'], {id: 'memory.minimum'}),
			finding('A cluster of one.', []),
		];
		assert.deepEqual(
			groupAlike(findings).map(({message}) => message),
			findings.map(({message}) => message),
		);
	});

	it('keeps one finding as it is', () => {
		assert.deepEqual(told([finding('fra1 has no Python 3.', ['fra1'])]), [
			['fra1 has no Python 3.', 'fra1', 1],
		]);
	});
});
