import {proxyFor, type ProxyScheme} from '../cluster/proxy.js';
import {proxyUrlProblem} from '../cluster/proxy-url.js';
import type {Cluster} from '../cluster/schema.js';
import {UserError, exitCodes} from '../errors.js';
import type {Redactor} from '../host/redactor.js';

const decoded = (text: string): string => {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
};

/**
 * The URL of the cluster's proxy for a scheme, read from where the file says when it is not in the file. The redactor
 * knows it, and its password by itself, before it is returned. Throws a `UserError` when what is read is no proxy.
 */
export const proxyUrl = async (
	cluster: Pick<Cluster, 'proxy'>,
	scheme: ProxyScheme,
	{
		readSecret,
		redactor,
	}: {
		readonly readSecret: (from: string) => Promise<string>;
		readonly redactor: Redactor;
	},
): Promise<string> => {
	const source = proxyFor(cluster, scheme);
	if (source === undefined) {
		throw new Error('The plan names a proxy and the cluster none.');
	}

	if ('url' in source) {
		return source.url;
	}

	const text = await readSecret(source.from);
	const url = text.trim();
	redactor.add(url);
	const problem = proxyUrlProblem(url);
	if (problem !== undefined) {
		throw new UserError(
			`The proxy that the cluster file takes from ${source.from} cannot be used: it ${problem}.`,
			{exitCode: exitCodes.usage},
		);
	}

	const {password} = new URL(url);
	for (const form of [password, decoded(password)]) {
		redactor.add(form);
	}

	return url;
};
