/** `npm run lab`: labs for people. See `usage`. */
import {spawnSync} from 'node:child_process';
import process from 'node:process';
import {parseArgs} from 'node:util';
import {installGo, requireMachine} from './requirements.js';
import {buildTailnetPrograms} from './tailnet/programs.js';
import {down, LabError, list, open, topologies, up} from './index.js';

const usage = `npm run lab -- COMMAND

  up --topology NAME [--name INSTANCE] [--vm] [--install]
                            start hosts and leave them running (INSTANCE: the topology's name)
  down [INSTANCE]           take it away, or all
  list                      what is running
  ssh NODE [--name INSTANCE] [--user USER] [-- COMMAND...]
  exec-client [--name INSTANCE] -- COMMAND...
                            run a program where the client is
  exec NODE [--name INSTANCE] -- COMMAND...
                            run a program as root inside a host, without its sshd
  cluster-file [--name INSTANCE]
                            print a cluster file for it
  headscale [--name INSTANCE] -- COMMAND...
                            run the command of the tailnet's control server, such as: nodes list
  install [--vm] [--tailnet]
                            install the Debian packages that labs need (--vm: those of virtual machines too;
                            --tailnet: Go too, and what it builds: minutes)

Topologies:
${topologies.map(({name, about}) => `  ${name.padEnd(12)}${about}`).join('\n')}
  big-N       N public hosts (up to 100) that are an sshd each, without systemd
`;

const interrupted = new AbortController();

/** The instance that was named, or the only one there is. */
const pick = (name: string | undefined): string => {
	if (name !== undefined) {
		return name;
	}

	const names = list().map((instance) => instance.name);
	if (names.length !== 1) {
		throw new LabError(
			names.length === 0
				? 'No lab is up.'
				: `Several labs are up: add --name with one of ${names.join(', ')}.`,
		);
	}

	return names[0]!;
};

/** Hands our terminal to a program, and ends as it ends. */
const become = (argv: readonly string[], env: NodeJS.ProcessEnv): number => {
	const [program, ...words] = argv;
	const {status, error} = spawnSync(program!, words, {stdio: 'inherit', env});
	if (error) {
		throw error;
	}

	return status ?? 137;
};

const main = async (): Promise<number> => {
	const all = process.argv.slice(2);
	const split = all.indexOf('--');
	const command = split === -1 ? [] : all.slice(split + 1);
	const {values, positionals} = parseArgs({
		args: split === -1 ? all : all.slice(0, split),
		allowPositionals: true,
		options: {
			topology: {type: 'string'},
			name: {type: 'string'},
			user: {type: 'string'},
			vm: {type: 'boolean', default: false},
			install: {type: 'boolean', default: false},
			tailnet: {type: 'boolean', default: false},
			help: {type: 'boolean', default: false},
		},
	});
	const [verb, what] = positionals;
	if (values.help || verb === undefined) {
		console.log(usage);
		return verb === undefined && !values.help ? 2 : 0;
	}

	switch (verb) {
		case 'up': {
			if (values.topology === undefined) {
				throw new LabError(
					`Name a --topology: ${topologies.map(({name}) => name).join(', ')}.`,
				);
			}

			const started = performance.now();
			const lab = await up({
				topology: values.topology,
				name: values.name ?? values.topology,
				vm: values.vm,
				install: values.install,
				detached: true,
				signal: interrupted.signal,
				onProgress(sentence) {
					console.error(sentence);
				},
			});
			const seconds = ((performance.now() - started) / 1000).toFixed(1);
			console.log(`${lab.name} is up after ${seconds} s.`);
			for (const node of lab.nodes) {
				console.log(
					`  ${node.name.padEnd(10)}${node.role.padEnd(8)}${node.sshUser}@${node.sshAddress}${node.sshPort === 22 ? '' : `:${node.sshPort}`}${node.internalIp === undefined ? '' : ` (inside ${node.internalIp})`}`,
				);
			}

			if (lab.topology.tailnet !== undefined) {
				console.log(
					`  headscale ${lab.headscale.version} at ${lab.headscale.url}`,
				);
			}

			console.log(
				`Try: npm run lab -- ssh ${lab.nodes[0]!.name} --name ${lab.name}\nEnd: npm run lab -- down ${lab.name}`,
			);
			return 0;
		}

		case 'down': {
			await requireMachine(false, false);
			const names = await down(what);
			console.log(
				names.length === 0
					? 'No lab is up.'
					: `Taken down: ${names.join(', ')}.`,
			);
			return 0;
		}

		case 'list': {
			for (const instance of list()) {
				console.log(
					`${instance.name}: ${instance.topology}${instance.vm ? ' (vm)' : ''}, ${instance.state}\n  ${instance.nodes.join('\n  ')}`,
				);
			}

			return 0;
		}

		case 'ssh': {
			const lab = open(pick(values.name));
			const node = lab.node(what ?? '');
			return become(
				[
					'nsenter',
					`--net=/run/netns/${lab.client.netns}`,
					'--',
					'ssh',
					'-i',
					lab.sshKey,
					// ssh asks the system, not HOME, where the home is.
					'-o',
					`UserKnownHostsFile=${lab.home}/.ssh/known_hosts`,
					'-o',
					'IdentitiesOnly=yes',
					'-F',
					'/dev/null',
					'-p',
					String(node.sshPort),
					`${values.user ?? node.sshUser}@${node.sshAddress}`,
					...(command.length === 0 ? [] : ['--', ...command]),
				],
				{...lab.client.env, TERM: process.env.TERM},
			);
		}

		case 'exec-client': {
			const lab = open(pick(values.name));
			return become(
				['nsenter', `--net=/run/netns/${lab.client.netns}`, '--', ...command],
				{...lab.client.env, TERM: process.env.TERM},
			);
		}

		case 'exec': {
			const lab = open(pick(values.name));
			const {code, stdout, stderr} = await lab.node(what ?? '').exec(command);
			process.stdout.write(stdout);
			process.stderr.write(stderr);
			return code;
		}

		case 'headscale': {
			const {headscale} = open(pick(values.name));
			console.log(await headscale.command(command));
			return 0;
		}

		case 'cluster-file': {
			process.stdout.write(open(pick(values.name)).clusterFile());
			return 0;
		}

		case 'install': {
			await requireMachine(values.vm, true);
			if (values.tailnet) {
				await installGo();
				await buildTailnetPrograms((sentence) => {
					console.error(sentence);
				});
			}

			return 0;
		}

		default: {
			console.error(`"${verb}" is no command.\n\n${usage}`);
			return 2;
		}
	}
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
	process.once(signal, () => {
		interrupted.abort(new LabError(`Stopped by ${signal}.`));
	});
}

try {
	process.exitCode = await main();
} catch (error) {
	const known =
		error instanceof LabError ||
		(error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
	console.error(known ? (error as Error).message : error);
	process.exitCode = 1;
}
