/** What goes wrong with keys, control servers and tailnets, on real headscale and Tailscale: one lab for all of it. */
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {setTimeout as delay} from 'node:timers/promises';
import {parse} from 'yaml';
import type {ClusterInput} from '../../source/cluster/schema.js';
import type {Finding} from '../../source/checks/finding.js';
import {waitFor} from './run.js';
import {assertCode, stageFor, type Stage} from './support.js';
import {requireGo} from './tailnet/go.js';
import type {Headscale} from './tailnet/headscale.js';
import {firstPolicy, firstTag} from './tailnet/settings.js';
import {
	assertNowhere,
	logIn,
	secretFile,
	type TailnetMesh,
} from './tailnet/stage.js';
import {publicHost} from './topologies/public-host.js';
import type {Topology} from './topology.js';
import {watchCommandLines} from './watch-command-lines.js';
import {ignore} from './wizard.js';

/** Machines on which cases are played side by side, and one of somebody else in the same tailnet. */
const topology: Topology = {
	name: 'control',
	about: 'a headscale, and public hosts with Tailscale',
	tailnet: 'current',
	sites: [],
	hosts: [
		publicHost('hub', 'server', '198.51.100.91', {tailscale: 'installed'}),
		publicHost('edge', 'agent', '203.0.113.92', {tailscale: 'installed'}),
		publicHost('spare', 'agent', '203.0.113.93', {tailscale: 'installed'}),
		publicHost('rival', 'server', '198.51.100.97', {
			tailscale: 'installed',
			outsider: true,
		}),
	],
};

type Rest = Partial<TailnetMesh> & {readonly apiKeyFrom?: string};

/** A cluster of some nodes of the lab, the first of them its server, and the program run on its file. */
const clusterOf = (stage: Stage, names: readonly string[]) => {
	const file = path.join(stage.folder, `${names.join('-')}.yaml`);
	const {nodes = []} = parse(stage.lab.clusterFile()) as ClusterInput;
	/** Writes the file with these settings of the tailnet. */
	const write = (rest: Rest): void => {
		const mesh: ClusterInput['mesh'] = {
			kind: 'tailscale',
			controlServer: stage.lab.headscale.url,
			tags: [firstTag],
			...rest,
		};
		writeFileSync(
			file,
			stage.lab.clusterFile({
				name: names[0]!,
				ignore,
				nodes: names.map((name, index) => ({
					...nodes.find((node) => node.name === name)!,
					role: index === 0 ? 'server' : 'agent',
				})),
				mesh,
			}),
		);
	};

	return {
		/** What `check` finds, without changing anything. */
		async check(mesh: Rest): Promise<readonly Finding[]> {
			write(mesh);
			const outcome = await stage.run(['check', file, '--json']);
			assert.ok([0, 1].includes(outcome.code), outcome.stderr);
			return (JSON.parse(outcome.stdout) as {findings: readonly Finding[]})
				.findings;
		},
		/** An apply fails with these words; what it printed. */
		async fails(
			mesh: Rest,
			words: RegExp,
			...options: readonly string[]
		): Promise<string> {
			write(mesh);
			const outcome = await stage.run([
				'apply',
				file,
				'--yes',
				'--wait-limit',
				'15',
				...options,
			]);
			assertCode(outcome, 1);
			assert.match(outcome.stderr, words);
			return outcome.stderr;
		},
	};
};

type Played = ReturnType<typeof clusterOf>;

/** One finding of a rule is there, with these words. */
const assertFound = (
	findings: readonly Finding[],
	id: string,
	severity: Finding['severity'],
	words: RegExp,
): void => {
	const own = findings.filter((finding) => finding.id === id);
	assert.equal(
		own.length,
		1,
		`${id}: ${JSON.stringify(findings.map(({id, message}) => [id, message]))}`,
	);
	assert.equal(own[0]!.severity, severity, own[0]!.message);
	assert.match(own[0]!.message, words);
	assert.notEqual(own[0]!.fixes.length, 0, `${id} says nothing to try`);
};

const on = async (stage: Stage, node: string, script: string) => {
	const {code, stdout, stderr} = await stage.lab
		.node(node)
		.exec(`set -eu\n${script}`, {timeoutMs: 60_000});
	assert.equal(code, 0, `${node}: ${stderr}`);
	return stdout;
};

/** The number by which a headscale knows a key. */
const numberOf = async (headscale: Headscale, key: string): Promise<string> => {
	const keys = JSON.parse(
		await headscale.command(['preauthkeys', 'list', '--output', 'json']),
	) as ReadonlyArray<{id: number; key: string}>;
	const prefix = key.split('-').slice(0, 3).join('-');
	const found = keys.find((one) => one.key.startsWith(prefix));
	assert.ok(found, JSON.stringify(keys));
	return String(found.id);
};

test('bad keys, control servers and tailnets are told of in clear sentences', async (t) => {
	if (!requireGo(t)) {
		return;
	}

	const stage = await stageFor(topology);
	t.after(stage.down);
	const {headscale} = stage.lab;
	const strange = await stage.lab.startStrangeHeadscale();
	const secrets: string[] = [];
	/** A key in a file of the client, which nothing may ever show. */
	const keyFile = (key: string): string => {
		secrets.push(key);
		return secretFile(stage, `key-${secrets.length}`, key);
	};

	const good = await headscale.createKey({tags: [firstTag]});
	const goodFile = keyFile(good);
	const apiFile = keyFile(await headscale.createApiKey());
	const strangeKey = await strange.createKey({tags: [firstTag]});
	const strangeFile = keyFile(strangeKey);
	await watchCommandLines(stage);

	const notKnown =
		/could not log in to the tailnet: https:\/\/192\.0\.2\.90 does not know the key: it was revoked, or is of another tailnet/;

	/** A key that logs nobody in: the control server tells why before, where it is asked. */
	const assertToldBefore = async (
		cluster: Played,
		key: string,
		words: RegExp,
	): Promise<void> => {
		assertFound(
			await cluster.check({authKeyFrom: keyFile(key), apiKeyFrom: apiFile}),
			'tailscale.key-state',
			'error',
			words,
		);
	};

	/** And the login does, where it is not asked. */
	const assertToldAtLogin = async (
		cluster: Played,
		key: string,
		words: RegExp,
	): Promise<void> => {
		const printed = await cluster.fails({authKeyFrom: keyFile(key)}, words);
		assert.match(printed, /headscale preauthkeys create --reusable/);
	};

	const keysOnHub = async (cluster: Played): Promise<void> => {
		await t.test('an expired key', async () => {
			const key = await headscale.createKey({
				tags: [firstTag],
				expiration: '1s',
			});
			// Its second goes by: a check may be faster.
			await delay(1500);
			await assertToldBefore(cluster, key, /has expired/);
			await assertToldAtLogin(
				cluster,
				key,
				/hub could not log in to the tailnet: the key has expired/,
			);
		});

		await t.test('a key that was used', async () => {
			const key = await headscale.createKey({
				tags: [firstTag],
				reusable: false,
			});
			await logIn(stage, stage.lab.node('rival'), key);
			await assertToldBefore(
				cluster,
				key,
				/can be used once only, and was used/,
			);
			await assertToldAtLogin(
				cluster,
				key,
				/hub could not log in to the tailnet: the key was for one machine only, and has been used/,
			);
		});

		await t.test(
			'a key that was revoked, and one that was deleted',
			async () => {
				const key = await headscale.createKey({tags: [firstTag]});
				const number = await numberOf(headscale, key);
				await headscale.command(['preauthkeys', 'expire', '--id', number]);
				await assertToldBefore(cluster, key, /has expired/);
				await headscale.command(['preauthkeys', 'delete', '--id', number]);
				await assertToldBefore(cluster, key, /does not know the key/);
				await assertToldAtLogin(cluster, key, notKnown);
			},
		);

		await t.test('an ephemeral key, before and after it was used', async () => {
			const key = await headscale.createKey({
				tags: [firstTag],
				ephemeral: true,
			});
			await assertToldBefore(cluster, key, /is ephemeral/);
			// Logged in by hand, which leaves Tailscale's own name server in place, too.
			await logIn(stage, stage.lab.node('hub'), key);
			const findings = await cluster.check({apiKeyFrom: apiFile});
			assertFound(
				findings,
				'tailscale.ephemeral',
				'error',
				/hub is in the tailnet as an ephemeral machine/,
			);
			assertFound(
				findings,
				'tailscale.dns',
				'warning',
				/hub asks Tailscale's name server \(100\.100\.100\.100\)/,
			);
			await on(
				stage,
				'hub',
				'tailscale set --accept-dns=false; tailscale logout',
			);
		});

		await t.test('another cluster with the same pod network', async () => {
			await on(stage, 'rival', 'tailscale set --advertise-routes=10.42.7.0/24');
			await waitFor(
				'headscale has the route of rival',
				async () => {
					const {subnetRoutes} = await headscale.node('rival');
					return subnetRoutes.includes('10.42.7.0/24') || undefined;
				},
				{timeoutMs: 20_000},
			);
			const words = /routes 10\.42\.7\.0\/24 to rival/;
			assertFound(
				await cluster.check({authKeyFrom: goodFile, apiKeyFrom: apiFile}),
				'tailscale.routes-conflict',
				'error',
				words,
			);
			await cluster.fails(
				{authKeyFrom: goodFile},
				/The tailnet that hub has logged in to routes 10\.42\.7\.0\/24 to rival/,
			);
			const {code} = await stage.lab.node('hub').exec('systemctl cat k3s');
			assert.notEqual(code, 0, 'K3s was set up');
			assertFound(
				await cluster.check({authKeyFrom: goodFile}),
				'tailscale.routes-conflict',
				'error',
				words,
			);
			await on(stage, 'rival', 'tailscale logout');
		});

		await t.test('a machine with tags that has logged out', async () => {
			await on(stage, 'hub', 'tailscale logout');
			const printed = await cluster.fails(
				{authKeyFrom: goodFile},
				/hub could not log in to the tailnet: https:\/\/192\.0\.2\.90 holds an earlier login of hub that has ended/,
			);
			assert.match(printed, /headscale nodes delete --identifier NUMBER/);
			await headscale.remove('hub');
		});
	};

	const serversOnSpare = async (cluster: Played): Promise<void> => {
		await t.test('a control server that is not there', async () => {
			const mesh = {
				controlServer: 'https://192.0.2.91',
				authKeyFrom: goodFile,
			};
			assertFound(
				await cluster.check(mesh),
				'outbound.tailscale',
				'error',
				/spare does not reach https:\/\/192\.0\.2\.91/,
			);
			const printed = await cluster.fails(
				mesh,
				/spare could not log in to the tailnet: spare does not reach https:\/\/192\.0\.2\.91/,
				'--ignore',
				'outbound.tailscale',
			);
			assert.match(printed, /Open the way out from spare/);
		});

		await t.test(
			'a control server whose certificate nobody knows',
			async () => {
				const mesh = {
					controlServer: strange.url,
					authKeyFrom: strangeFile,
				};
				const withApi = {
					...mesh,
					apiKeyFrom: keyFile(await strange.createApiKey()),
				};
				assertFound(
					await cluster.check(withApi),
					'tailscale.api',
					'error',
					/certificate/,
				);
				const findings = await cluster.check({
					...withApi,
					authorityFile: strange.authority,
				});
				assert.ok(
					!findings.some(({id}) =>
						['tailscale.api', 'tailscale.key-state'].includes(id),
					),
					JSON.stringify(findings),
				);
				assertFound(
					findings,
					'tailscale.certificate',
					'error',
					/spare does not trust the certificate of https:\/\/192\.0\.2\.90:8443 \(curl: \(60\)/,
				);
				const printed = await cluster.fails(
					mesh,
					/spare could not log in to the tailnet: the certificate of https:\/\/192\.0\.2\.90:8443 is not trusted on spare/,
					'--ignore',
					'tailscale.certificate',
				);
				assert.match(printed, /among those that spare trusts/);
			},
		);
	};

	const tailnetsOnEdge = async (cluster: Played): Promise<void> => {
		await t.test('a key of another tailnet', async () => {
			await assertToldBefore(
				cluster,
				strangeKey,
				/does not know the key .*of another tailnet/,
			);
			await assertToldAtLogin(cluster, strangeKey, notKnown);
		});

		await t.test('a node that is in another tailnet already', async () => {
			const edge = stage.lab.node('edge');
			const {code} = await edge.exec(
				'cat >/usr/local/share/ca-certificates/strange.crt && update-ca-certificates',
				{input: readFileSync(strange.authority)},
			);
			assert.equal(code, 0);
			await logIn(stage, edge, strangeKey, ['--accept-dns=false'], strange.url);
			const mesh = {authKeyFrom: goodFile};
			assertFound(
				await cluster.check(mesh),
				'tailscale.other-tailnet',
				'error',
				/edge is logged in at https:\/\/192\.0\.2\.90:8443 .*and the cluster is to use https:\/\/192\.0\.2\.90\./,
			);
			await cluster.fails(
				mesh,
				/edge is logged in to another tailnet already/,
				'--ignore',
				'tailscale.other-tailnet',
			);
			const {BackendState} = JSON.parse(
				await on(stage, 'edge', 'tailscale status --json'),
			) as {BackendState: string};
			assert.equal(BackendState, 'Running', 'the login was taken away');
			await on(stage, 'edge', 'tailscale logout');
		});

		await t.test('a key without the tag', async () => {
			assertFound(
				await cluster.check({
					authKeyFrom: goodFile,
					apiKeyFrom: apiFile,
					tags: ['tag:other'],
				}),
				'tailscale.key-state',
				'error',
				/gives them tag:k3s, and the cluster file asks for tag:other/,
			);
			const printed = await cluster.fails(
				{authKeyFrom: goodFile, tags: ['tag:other']},
				/edge is logged in to the tailnet as tag:k3s, and not as tag:other, which the cluster file wants/,
			);
			assert.match(
				printed,
				/headscale nodes tag --identifier \d+ --tags tag:k3s,tag:other/,
			);
		});
	};

	await Promise.all([
		keysOnHub(clusterOf(stage, ['hub'])),
		serversOnSpare(clusterOf(stage, ['spare'])),
		tailnetsOnEdge(clusterOf(stage, ['edge'])),
	]);

	await t.test('routes that nobody approves', async () => {
		await headscale.setPolicy({...firstPolicy, autoApprovers: {}});
		const printed = await clusterOf(stage, ['hub']).fails(
			{authKeyFrom: goodFile},
			/10\.42\.0\.0\/24 of hub is not approved in the tailnet, and its pods cannot be reached without \(given up after 15 s\)/,
		);
		assert.match(
			printed,
			/Now approve it on the headscale: headscale nodes approve-routes --identifier \d+ --routes 10\.42\.0\.0\/24/,
		);
		assert.match(printed, /"autoApprovers"/);
	});

	await t.test('a policy that lets nothing through', async () => {
		await headscale.setPolicy({
			tagOwners: firstPolicy.tagOwners,
			autoApprovers: firstPolicy.autoApprovers,
			acls: [{action: 'accept', src: ['k3s@'], dst: ['k3s@:22']}],
		});
		const cluster = clusterOf(stage, ['hub', 'edge']);
		const denied = (
			await cluster.check({authKeyFrom: goodFile, apiKeyFrom: apiFile})
		).filter(({id}) => id === 'tailscale.policy');
		assert.notEqual(denied.length, 0);
		for (const {severity, fixes} of denied) {
			assert.equal(severity, 'error');
			assert.match(fixes.join(' '), /k3s-mesh-tui policy/);
		}

		// Without the API the matrix shows it, as both are logged in by now.
		const mesh = {authKeyFrom: goodFile};
		const blocked = (await cluster.check(mesh)).filter(
			({id}) => id === 'path.blocked',
		);
		assert.equal(blocked.length, 1);
		assert.match(
			blocked[0]!.fixes[0]!,
			/^Let edge reach TCP 6443 of hub in the policy of the tailnet/,
		);
		await cluster.fails(
			mesh,
			/waits for 100\.64\.\d+\.\d+:6443: the tailnet does not show it that machine, so that the policy of the tailnet lets it reach nothing there \(given up after 15 s\)/,
			'--ignore',
			'path.blocked',
		);
	});

	await t.test('no key is anywhere on the machines', async () => {
		await assertNowhere(stage, secrets, '');
	});
});
