import assert from 'node:assert/strict';
import {test} from 'node:test';
import {configPath} from '../../source/plan/paths.js';
import {isSecretPlace, secretPlaces} from '../lab/secret-places.js';

test('the README’s table of secrets names the files that we write them to', () => {
	const places = secretPlaces();
	assert.ok(
		places.some(({path, mode}) => path === configPath && mode === '600'),
	);
	assert.ok(places.length >= 3);
	assert.ok(isSecretPlace(places, '/var/lib/rancher/k3s/server/token'));
	assert.ok(!isSecretPlace(places, '/etc/rancher/k3s/config.yaml'));
});
