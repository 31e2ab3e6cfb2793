/** Routes that a person approves while an apply waits for it, on real headscale and Tailscale. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {startProgram} from './running.js';
import {assertCode} from './support.js';
import {requireGo} from './tailnet/go.js';
import {firstPolicy, firstTag} from './tailnet/settings.js';
import {
	assertUnchanged,
	logIn,
	pair,
	secretFile,
	tailnetStage,
} from './tailnet/stage.js';
import type {LabNode} from './index.js';

/** What Tailscale remembers as its owner's wishes, without its keys. */
const preferences = async (
	node: LabNode,
): Promise<Readonly<Record<string, unknown>>> => {
	const {stdout} = await node.exec('tailscale debug prefs');
	const {
		Config: _keys,
		AdvertiseRoutes: _routes,
		RouteAll: _accepts,
		...rest
	} = JSON.parse(stdout) as Record<string, unknown>;
	return rest;
};

test('without credentials an apply says how to approve each route, waits, and keeps what an owner set', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	let key = '';
	const stage = await tailnetStage(t, pair, async (made) => {
		const {headscale} = made.lab;
		await headscale.setPolicy({...firstPolicy, autoApprovers: {}});
		key = await headscale.createKey({tags: [firstTag]});
		return {
			kind: 'tailscale',
			controlServer: headscale.url,
			authKeyFrom: secretFile(made, 'key', key),
			tags: [firstTag],
		};
	});
	const {headscale} = stage.lab;
	const home = stage.lab.node('home1');
	const ownRoute = '192.168.40.0/24';
	await logIn(stage, home, key, [
		'--hostname=nas',
		'--ssh',
		'--operator=nobody',
		`--advertise-routes=${ownRoute}`,
		'--accept-dns=false',
	]);
	await headscale.approveRoutes('nas', [ownRoute]);
	const before = await preferences(home);
	assert.equal(before.RunSSH, true);

	const running = startProgram(stage, [
		'apply',
		stage.clusterPath,
		'--yes',
		'--kubeconfig',
		stage.kubeconfigPath,
	]);
	t.after(running.kill);
	const approved: string[] = [];
	for (const name of ['hub', 'home1']) {
		const {groups} = await running.said(
			new RegExp(
				String.raw`${name} +▲ waits until (?<cidr>10\.42\.\d+\.0/24) is approved in the tailnet: .*headscale (?<words>nodes approve-routes --identifier \d+ --routes \S+) .*gives up in \d+ s`,
			),
		);
		// Its own words, and nothing else.
		await headscale.command(groups!.words!.split(' '));
		approved.push(groups!.cidr!);
	}

	assertCode(await running.outcome, 0);
	const hub = await headscale.node('hub');
	const nas = await headscale.node('nas');
	assert.deepEqual(hub.approvedRoutes, [approved[0]]);
	assert.deepEqual(
		nas.approvedRoutes.toSorted(),
		[ownRoute, approved[1]!].toSorted(),
		'an approved route of the owner was lost',
	);
	assert.deepEqual(
		nas.availableRoutes.toSorted(),
		nas.approvedRoutes.toSorted(),
	);
	assert.deepEqual(await preferences(home), before);
	await assertUnchanged(stage);
});
