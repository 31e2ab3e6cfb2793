import assert from 'node:assert/strict';
import {test} from 'node:test';
import {parseSections} from '../../source/facts/sections.js';

test('sections are told apart by their headers, content by its mark', () => {
	const sections = parseSections(
		'noise\n|lost\n= one\n|first\n|\n|= two\n\n= two\n\n= k\n|a\n\n= k\n|b\n',
	);
	assert.deepEqual(sections.lines('one'), ['first', '', '= two']);
	assert.deepEqual(sections.lines('two'), []);
	assert.deepEqual(sections.lines('three'), []);
	assert.deepEqual(sections.all('k'), [['a'], ['b']]);
	assert.equal(sections.first('one'), 'first');
	assert.equal(sections.first('two'), '');
});

test('control characters of a machine do not come along', () => {
	const sections = parseSections('= one\n|a\u001B[31mb\u0007\tc\r\n');
	assert.deepEqual(sections.lines('one'), ['a[31mb\tc']);
});
