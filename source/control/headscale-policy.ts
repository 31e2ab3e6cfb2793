import {z} from 'zod';
import {checksPolicies, type HeadscaleApi} from '../mesh/headscale-version.js';
import {errorTexts, type ApiCall, type ApiRequest} from './api-call.js';
import {ControlError} from './control-error.js';
import type {CallOptions, ControlCalls, Policy} from './control-plane.js';
import {time} from './wire.js';

const policySchema = z.object({
	policy: z
		.string()
		.nullish()
		.transform((text) => text ?? ''),
	/** Only a policy in the database has a time. */
	updatedAt: time,
});

const path = '/api/v1/policy';

const fileMode =
	'This headscale reads its policy from a file (policy.mode: file), which its API can not write.';

const writeFileHelp = [
	'Put the policy into the file that policy.path in its configuration names, then reload headscale: systemctl reload headscale.',
];

const readPolicy = async (
	call: ApiCall,
	options: CallOptions,
): Promise<Policy> => {
	const request: ApiRequest = {
		method: 'GET',
		path,
		what: 'reading the policy',
	};
	const answer = await call.send(request, options);
	const said = answer.status >= 300 ? errorTexts(answer).join(' ') : '';
	if (/policy not found/i.test(said)) {
		// The database has none yet: everything may reach everything.
		return {text: '', version: '', readOnly: undefined};
	}

	if (said.includes('reading policy from path ""')) {
		return {text: '', version: '', readOnly: fileMode};
	}

	if (answer.status >= 300) {
		throw call.failed(request, answer);
	}

	const {policy, updatedAt} = call.parse(request, answer, policySchema);
	return {
		text: policy,
		version: policy,
		readOnly: updatedAt === undefined ? fileMode : undefined,
	};
};

/** The calls about the policy. The API has no ETag: the text itself tells whether somebody else wrote meanwhile. */
export const makePolicyCalls = (
	call: ApiCall,
	api: HeadscaleApi,
): Pick<ControlCalls, 'readPolicy' | 'validatePolicy' | 'writePolicy'> => ({
	readPolicy: async (options) => readPolicy(call, options),
	async validatePolicy(text, options) {
		if (!checksPolicies(api)) {
			return {
				kind: 'unchecked',
				reason:
					'headscale before 0.29 has no call that checks a policy; it looks at it when it is written, and keeps the old one when the new one is wrong.',
			};
		}

		const request: ApiRequest = {
			method: 'POST',
			path: `${path}/check`,
			json: {policy: text},
			what: 'checking the policy',
		};
		const answer = await call.send(request, options);
		if (answer.status === 400) {
			return {
				kind: 'refused',
				problems: errorTexts(answer).map((problem) => call.clean(problem)),
			};
		}

		if (answer.status >= 300) {
			throw call.failed(request, answer);
		}

		return {kind: 'accepted'};
	},
	async writePolicy(text, previous, options) {
		if (previous.readOnly !== undefined) {
			throw new ControlError('refused', previous.readOnly, {
				tryNext: writeFileHelp,
			});
		}

		const current = await readPolicy(call, options);
		if (current.version !== previous.version) {
			throw new ControlError(
				'changed-meanwhile',
				`${call.title}: writing the policy: somebody else has changed it meanwhile.`,
				{
					tryNext: ['Read it again, look at the difference, and decide anew.'],
				},
			);
		}

		await call.ask(
			{
				method: 'PUT',
				path,
				json: {policy: text},
				what: 'writing the policy',
			},
			options,
		);
		return readPolicy(call, options);
	},
});
