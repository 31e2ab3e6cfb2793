import {z} from 'zod';
import type {Redactor} from '../host/redactor.js';
import {errorTexts, parseJson} from './api-call.js';
import {ControlError} from './control-error.js';
import type {CallOptions} from './control-plane.js';
import type {Send} from './http.js';

/** An access token is not used in its last minute. */
const marginMs = 60_000;

const tokenSchema = z.object({
	access_token: z.string().min(1),
	expires_in: z.number().positive().default(3600),
});

/** Access tokens of an OAuth client, in memory only. */
export type TokenSource = {
	/** The token that is there, or a new one when it ends soon. */
	current(options: CallOptions): Promise<string>;
	/** A new one in any case. */
	renewed(options: CallOptions): Promise<string>;
};

/** Gets access tokens by the client credentials grant (RFC 6749, 4.4) at `POST /api/v2/oauth/token`. */
export const makeTokenSource = (
	client: {
		readonly baseUrl: string;
		readonly id: string;
		readonly secret: string;
	},
	send: Send,
	redactor: Redactor,
): TokenSource => {
	let held: {readonly token: string; readonly untilMs: number} | undefined;
	const renewed = async (options: CallOptions): Promise<string> => {
		const answer = await send(
			{
				method: 'POST',
				url: new URL(`${client.baseUrl}/api/v2/oauth/token`),
				headers: {
					accept: 'application/json',
					'content-type': 'application/x-www-form-urlencoded',
				},
				body: new URLSearchParams({
					grant_type: 'client_credentials',
					client_id: client.id,
					client_secret: client.secret,
				}).toString(),
			},
			options,
		);
		if (answer.status === 400 || answer.status === 401) {
			throw new ControlError(
				'unauthorized',
				`Tailscale does not take the secret of the OAuth client (${answer.status}): it was revoked, or is not whole.`,
				{
					status: answer.status,
					tryNext: [
						'Make a new OAuth client under Settings, Trust credentials of the admin console, and give its secret.',
					],
				},
			);
		}

		const parsed = tokenSchema.safeParse(parseJson(answer.text));
		if (answer.status !== 200 || !parsed.success) {
			const said = errorTexts(answer)
				.slice(0, 1)
				.map((text) => ` It says: ${redactor.redact(text).slice(0, 200)}`)
				.join('');
			throw new ControlError(
				answer.status >= 500 ? 'server-error' : 'unexpected-answer',
				`Tailscale gave no access token for the OAuth client (${answer.status}).${answer.status === 200 ? '' : said}`,
				{status: answer.status, tryNext: ['Try again in a minute.']},
			);
		}

		const {access_token: token, expires_in: seconds} = parsed.data;
		redactor.add(token);
		held = {token, untilMs: Date.now() + seconds * 1000 - marginMs};
		return token;
	};

	return {
		renewed,
		async current(options) {
			return held !== undefined && Date.now() < held.untilMs
				? held.token
				: renewed(options);
		},
	};
};
