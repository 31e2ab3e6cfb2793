import type {Redactor} from '../host/redactor.js';
import type {
	CallOptions,
	ControlAccess,
	ControlPlane,
} from './control-plane.js';
import {openHeadscale} from './headscale.js';
import {makeSend} from './http.js';
import {openTailscale} from './tailscale.js';

/**
 * Opens the API of a tailnet's control server with a person's credential, which the redactor learns first. Throws a
 * `ControlError` that says what to do, or the signal's reason when it was aborted.
 */
export const openControlPlane = async (
	access: ControlAccess,
	{redactor}: {readonly redactor: Redactor},
	options: CallOptions,
): Promise<ControlPlane> =>
	access.kind === 'tailscale'
		? openTailscale(access, {send: makeSend(), redactor}, options)
		: openHeadscale(
				access,
				{send: makeSend(access.authority), redactor},
				options,
			);
