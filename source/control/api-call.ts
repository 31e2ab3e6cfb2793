import type {z} from 'zod';
import type {Redactor} from '../host/redactor.js';
import {stripControls} from '../host/terminal-text.js';
import {ControlError, type ControlFailure} from './control-error.js';
import type {CallOptions} from './control-plane.js';
import type {HttpAnswer, HttpRequest, Send} from './http.js';

/** One call to an API. */
export type ApiRequest = {
	readonly method: HttpRequest['method'];
	/** Behind the base URL, its parts encoded. */
	readonly path: string;
	/** Sent as JSON. */
	readonly json?: unknown;
	/** Sent as it is, with its type. */
	readonly content?: {readonly type: string; readonly text: string};
	readonly headers?: Readonly<Record<string, string>>;
	/** What is done, as a sentence has it: `making a join key`. */
	readonly what: string;
	/** What helps against a failure here, a sentence each. */
	readonly help?: Readonly<Partial<Record<ControlFailure, readonly string[]>>>;
};

/** An API with a credential. */
export type ApiCall = {
	/** For sentences. */
	readonly title: string;
	/** Calls, and returns the answer whatever its status is. */
	send(request: ApiRequest, options: CallOptions): Promise<HttpAnswer>;
	/** Calls and throws a `ControlError` when the answer is not a success. */
	ask(request: ApiRequest, options: CallOptions): Promise<HttpAnswer>;
	/** As `ask`, with the answer as parsed JSON. */
	read<Output>(
		request: ApiRequest,
		schema: z.ZodType<Output>,
		options: CallOptions,
	): Promise<Output>;
	/** The parsed JSON of a successful answer; throws a `ControlError` when it has another form. */
	parse<Output>(
		request: ApiRequest,
		answer: HttpAnswer,
		schema: z.ZodType<Output>,
	): Output;
	/** As `ask`; fine, too, when there is nothing to remove. */
	remove(request: ApiRequest, options: CallOptions): Promise<void>;
	/** The error that an answer stands for. */
	failed(request: ApiRequest, answer: HttpAnswer): ControlError;
	/** Text of the server, safe to show. */
	clean(text: string): string;
};

/** What is known of a server, to explain what it says. */
export type ApiServer = {
	readonly title: string;
	/** Without a slash at its end. */
	readonly baseUrl: string;
	/** What helps against a 401, a sentence each. */
	readonly unauthorized: readonly string[];
	/** Some servers say "not found" with another status. */
	readonly failureOf?: (
		status: number,
		message: string,
	) => ControlFailure | undefined;
	/** The value of the Authorization header. */
	authorization(options: CallOptions): Promise<string>;
	/** A new value after a 401, where there is one. */
	readonly renewed?: (options: CallOptions) => Promise<string>;
};

/** The longest text of a server in a sentence of ours. */
const longestQuote = 300;

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

const texts = (value: unknown): readonly string[] =>
	Array.isArray(value)
		? value.flatMap((one) => {
				if (typeof one === 'string') {
					return [one];
				}

				return isObject(one)
					? [...texts([one.message]), ...texts(one.errors)]
					: [];
			})
		: [];

/** JSON, or `undefined` when the text is none. */
export const parseJson = (text: string): unknown => {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
};

/**
 * What an error's body says: `message` and `data` of Tailscale, `error_description` of OAuth (RFC 6749, 5.2), `message`
 * of headscale up to 0.29, `detail` and `errors` of problem documents (RFC 9457) after it, or a short text.
 */
export const errorTexts = (answer: HttpAnswer): readonly string[] => {
	const data = parseJson(answer.text);
	if (!isObject(data)) {
		return answer.contentType.includes('html') || answer.text.trim() === ''
			? []
			: [answer.text.trim()];
	}

	const first = [
		data.message,
		data.error_description,
		data.detail,
		data.error,
		data.title,
	].find((one) => typeof one === 'string' && one !== '');
	return [
		...new Set([...texts([first]), ...texts(data.data), ...texts(data.errors)]),
	];
};

const failureOfStatus = (status: number): ControlFailure => {
	switch (status) {
		case 401: {
			return 'unauthorized';
		}

		case 403: {
			return 'forbidden';
		}

		case 404: {
			return 'not-found';
		}

		case 412: {
			return 'changed-meanwhile';
		}

		case 429: {
			return 'rate-limited';
		}

		default: {
			return status >= 500 ? 'server-error' : 'refused';
		}
	}
};

/** What each failure means, as the end of a sentence. */
const meanings: Readonly<Partial<Record<ControlFailure, string>>> = {
	unauthorized: 'the credential is not accepted: it has expired or was revoked',
	forbidden: 'the credential may not do this',
	'not-found': 'it is not there',
	'changed-meanwhile': 'somebody else has changed it meanwhile',
	'rate-limited': 'there were too many calls',
	refused: 'the server refuses',
	'server-error': 'the server has an error of its own',
};

/** Makes the calls of an API; every text of the server goes through the redactor. */
export const makeApi = (
	server: ApiServer,
	send: Send,
	redactor: Redactor,
): ApiCall => {
	const {title} = server;
	const clean = (text: string): string => {
		const line = stripControls(redactor.redact(text)).trim();
		return line.length > longestQuote
			? `${line.slice(0, longestQuote)}…`
			: line;
	};

	const once = async (
		request: ApiRequest,
		authorization: string,
		options: CallOptions,
	): Promise<HttpAnswer> => {
		const content =
			request.json === undefined
				? request.content
				: {type: 'application/json', text: JSON.stringify(request.json)};
		return send(
			{
				method: request.method,
				url: new URL(`${server.baseUrl}${request.path}`),
				headers: {
					accept: 'application/json',
					authorization,
					...(content !== undefined && {'content-type': content.type}),
					...request.headers,
				},
				body: content?.text,
			},
			options,
		);
	};

	const helpFor = (
		failure: ControlFailure,
		request: ApiRequest,
		answer: HttpAnswer,
	): readonly string[] => {
		const own = request.help?.[failure];
		if (own !== undefined) {
			return own;
		}

		switch (failure) {
			case 'unauthorized': {
				return server.unauthorized;
			}

			case 'changed-meanwhile': {
				return ['Read it again, look at the difference, and decide anew.'];
			}

			case 'rate-limited': {
				return [
					/^\d+$/.test(answer.retryAfter ?? '')
						? `Wait ${answer.retryAfter} s, then try again.`
						: 'Wait a minute, then try again.',
				];
			}

			case 'server-error': {
				return ['Try again; when it stays so, look at the log of the server.'];
			}

			default: {
				return [];
			}
		}
	};

	const failed = (request: ApiRequest, answer: HttpAnswer): ControlError => {
		const {status} = answer;
		if (status >= 300 && status < 400) {
			return new ControlError(
				'unexpected-answer',
				`${title}: ${request.what}: the server sends us to another place (${clean(answer.location ?? 'it does not say where')}), and the credential goes to no other server.`,
				{status, tryNext: ['Give the URL at which the server itself answers.']},
			);
		}

		const said = errorTexts(answer).map((text) => clean(text));
		const failure =
			server.failureOf?.(status, said.join(' ')) ?? failureOfStatus(status);
		const meaning = meanings[failure] ?? 'it did not succeed';
		const quote = said.length === 0 ? '' : ` It says: ${said.join('; ')}`;
		return new ControlError(
			failure,
			`${title}: ${request.what}: ${meaning} (${status}).${quote}`,
			{status, tryNext: helpFor(failure, request, answer)},
		);
	};

	const calls: ApiCall = {
		title,
		clean,
		failed,
		async send(request, options) {
			const answer = await once(
				request,
				await server.authorization(options),
				options,
			);
			return answer.status === 401 && server.renewed !== undefined
				? once(request, await server.renewed(options), options)
				: answer;
		},
		async ask(request, options) {
			const answer = await calls.send(request, options);
			if (answer.status < 200 || answer.status >= 300) {
				throw failed(request, answer);
			}

			return answer;
		},
		async remove(request, options) {
			try {
				await calls.ask(request, options);
			} catch (error) {
				if (!(error instanceof ControlError && error.failure === 'not-found')) {
					throw error;
				}
			}
		},
		parse(request, answer, schema) {
			const parsed = schema.safeParse(parseJson(answer.text));
			if (parsed.success) {
				return parsed.data;
			}

			const [issue] = parsed.error.issues;
			const where =
				issue === undefined || issue.path.length === 0
					? 'it is not JSON of the known form'
					: `at ${clean(issue.path.join('.'))}`;
			throw new ControlError(
				'unexpected-answer',
				`${title}: ${request.what}: the answer is not the one of such a server (${where}).`,
				{
					status: answer.status,
					tryNext: [
						'Look at the URL: perhaps another program answers there, such as a login page or a proxy.',
					],
				},
			);
		},
		async read(request, schema, options) {
			return calls.parse(request, await calls.ask(request, options), schema);
		},
	};
	return calls;
};
