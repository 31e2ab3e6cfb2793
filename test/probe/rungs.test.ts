import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {probeRungs, type ProbeRung} from '../../source/facts/measurements.js';
import type {ProbeTools} from '../../source/facts/host-facts.js';
import {
	capabilities,
	chooseRung,
	shortcomings,
} from '../../source/facts/rungs.js';
import {probeAgent} from '../../source/host/scripts/probe-agent.js';

/** The longest text that Linux takes as one variable of an environment, in bytes (MAX_ARG_STRLEN). */
const longestVariable = 131_072;

describe('rungs of the probe', () => {
	const all: ProbeTools = {
		perl: '/usr/bin/perl',
		bash: '/bin/bash',
		socat: '/usr/bin/socat',
		nc: '/usr/bin/ncat',
	};
	const {bash} = all;
	for (const [title, python, probeTools, rung, program, listener] of [
		['everything', '/usr/bin/python3', all, 'python3', '/usr/bin/python3'],
		[
			'only the Python of the system',
			'/usr/libexec/platform-python',
			all,
			'platform-python',
			'/usr/libexec/platform-python',
		],
		['no Python', undefined, all, 'perl', '/usr/bin/perl'],
		[
			'no Perl either',
			undefined,
			{...all, perl: undefined},
			'socat',
			bash,
			'/usr/bin/socat',
		],
		[
			'ncat and bash',
			undefined,
			{bash, nc: '/usr/bin/ncat'},
			'nc',
			bash,
			'/usr/bin/ncat',
		],
		['bash alone', undefined, {bash}, 'counters', bash],
		['socat, which nothing drives', undefined, {socat: '/usr/bin/socat'}],
		['nothing', undefined, {}],
	] as ReadonlyArray<
		readonly [
			title: string,
			python: string | undefined,
			probeTools: ProbeTools,
			rung?: ProbeRung,
			program?: string,
			listener?: string,
		]
	>) {
		test(title, () => {
			assert.deepEqual(
				chooseRung({python, probeTools}),
				rung === undefined ? undefined : {rung, program, listener},
			);
		});
	}

	test('who measures less says what', () => {
		assert.deepEqual(
			probeRungs.filter((rung) => shortcomings(rung).length > 0),
			['socat', 'nc', 'counters'],
		);
		for (const rung of probeRungs) {
			assert.equal(
				shortcomings(rung).some((text) => text.includes('its own ports')),
				!capabilities[rung].answers,
			);
		}
	});

	for (const rung of probeRungs) {
		test(`the source of ${rung} fits into one variable, and its command line is the same each time`, () => {
			const fields = probeAgent.fields({
				rung,
				program: '/x',
				listener: undefined,
				limitSeconds: 1,
				silenceSeconds: 1,
			});
			for (const {value} of fields) {
				assert.ok(value.length < longestVariable, `${value.length}`);
			}

			assert.ok(fields.some(({name}) => name === 'probe_source'));
		});
	}
});
