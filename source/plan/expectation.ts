import {parseDocument} from 'yaml';
import {isSecretKey} from '../cluster/k3s-flags.js';
import {sameData} from '../cluster/same-data.js';
import type {Role} from '../cluster/schema.js';
import type {HostFacts} from '../facts/host-facts.js';
import {
	tailscaleAddress,
	tailscaleJoinAddress,
} from '../facts/tailscale-addresses.js';
import {apiUrl} from '../mesh/k3s-config.js';
import {configPath} from './paths.js';
import type {FirewallRule, Step, Template, ValueReference} from './plan.js';
import {fill} from './template.js';

type Expectation = Step['expectation'];

const expectation = (asWanted: boolean): Expectation =>
	asWanted ? 'unchanged' : 'change';

const configData = (text: string): Record<string, unknown> => {
	const document = parseDocument(text, {uniqueKeys: false});
	const data: unknown = document.errors.length > 0 ? {} : document.toJS();
	return Object.fromEntries(
		Object.entries((data ?? {}) as Record<string, unknown>).map(
			([key, value]) => [key, isSecretKey(key) ? '(secret)' : value],
		),
	);
};

/** No file has it: a login will bring the value, and the file changes then. */
const notKnownYet = '(not known yet)';

/** A value as the host's own config file would show it, as far as facts tell. */
const knownValue = (
	reference: ValueReference,
	facts: ReadonlyMap<string, HostFacts>,
): string => {
	switch (reference.reference) {
		case 'tailscale-address': {
			const {tailscale} = facts.get(reference.node) ?? {};
			return tailscaleAddress(tailscale, reference.family) ?? notKnownYet;
		}

		case 'tailscale-api-url': {
			const {tailscale} = facts.get(reference.node) ?? {};
			const address = tailscaleJoinAddress(tailscale);
			return address === undefined ? notKnownYet : apiUrl(address);
		}

		default: {
			return '(secret)';
		}
	}
};

/** Does our drop-in say on the host what it should? Secrets cannot be compared from here. */
export const configExpectation = (
	facts: HostFacts,
	content: Template,
	all: ReadonlyMap<string, HostFacts>,
): Expectation => {
	const present = facts.k3s?.configFiles.find(({path}) => path === configPath);
	return expectation(
		present !== undefined &&
			sameData(
				configData(present.text),
				configData(fill(content, (reference) => knownValue(reference, all))),
			),
	);
};

/** Did we write a file of this path before? */
export const fileExpectation = (facts: HostFacts, path: string): Expectation =>
	expectation(facts.manifest?.files[path] !== undefined);

/** Does the firewall list as many rules of ours as we want? */
export const firewallExpectation = (
	facts: HostFacts,
	rules: readonly FirewallRule[],
): Expectation =>
	expectation(
		rules.every(({add}) => {
			const mark = add.find((word) =>
				word.replace(/^"/, '').startsWith('k3s-mesh'),
			);
			const rich = add.find((word) => word.startsWith('--add-'));
			const text = mark ?? rich?.replace(/^--add-[\w-]+=/, '') ?? add.at(-1)!;
			return facts.firewall.summary.includes(text);
		}),
	);

/** Is the release there? */
export const binaryExpectation = (
	facts: HostFacts,
	version: string,
): Expectation => expectation(facts.k3s?.version === version);

/** Are the release and the unit of the role there? */
export const installExpectation = (
	facts: HostFacts,
	version: string,
	role: Role,
): Expectation =>
	expectation(
		facts.k3s?.version === version &&
			facts.k3s.role === role &&
			facts.k3s.unitState !== 'absent',
	);

/** Does K3s run in this role? */
export const runningExpectation = (facts: HostFacts, role: Role): Expectation =>
	expectation(
		facts.k3s?.role === role &&
			facts.k3s.unitState === 'active' &&
			facts.manifest?.appliedHash !== undefined,
	);
