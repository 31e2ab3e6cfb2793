import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {probeHandshakes} from '../../source/host/scripts/probe-handshakes.js';
import {systemShells} from '../host/shells.js';
import {makeSandbox} from '../install/script-sandbox.js';

/** A `wg` with three interfaces, which fails when it is asked for keys. */
const wg = (now: number) => String.raw`#!/bin/sh
case "$*" in
	'show interfaces') echo 'wg0 flannel-wg flannel-wg-v6' ;;
	'show wg0 listen-port') echo 51999 ;;
	'show flannel-wg listen-port' | 'show flannel-wg-v6 listen-port') echo 51820 ;;
	'show flannel-wg latest-handshakes') printf 'a+/=\t%s\nb=\t0\nc=\t%s\n' ${now - 12} ${now - 500} ;;
	'show flannel-wg endpoints') printf 'a+/=\t198.51.100.11:51820\nb=\t192.0.2.7:40000\nc=\t(none)\n' ;;
	'show flannel-wg-v6 latest-handshakes') printf 'd=\t%s\n' ${now - 90} ;;
	'show flannel-wg-v6 endpoints') printf 'd=\t[2001:db8::7]:51821\n' ;;
	*) echo 'nobody asked for this' >&2; exit 1 ;;
esac
`;

describe('the handshakes of a WireGuard that runs, by its port', () => {
	for (const shell of systemShells) {
		test(`with ${shell.name}`, {skip: shell.skip}, async () => {
			const sandbox = makeSandbox(shell);
			sandbox.program('wg', wg(Math.floor(Date.now() / 1000)));
			try {
				const peers = await sandbox.run(probeHandshakes, {port: 51_820});
				assert.deepEqual(
					peers?.map(({endpoint}) => endpoint),
					['198.51.100.11:51820', '192.0.2.7:40000', '[2001:db8::7]:51821'],
				);
				const [one, never, other] = peers.map(({ageSeconds}) => ageSeconds);
				// The clock goes on meanwhile.
				assert.ok(one !== undefined && one >= 12 && one < 72, `${one}`);
				assert.equal(never, undefined);
				assert.equal(other, one + 78);
				assert.deepEqual(await sandbox.run(probeHandshakes, {port: 1}), []);
			} finally {
				sandbox.close();
			}
		});
	}

	test('a machine without wg can not say', () => {
		assert.equal(
			probeHandshakes.decode({stdout: 'unavailable\n', code: 0}),
			undefined,
		);
	});
});
