import path from 'node:path';
import {stringify} from 'yaml';
import {controlAddress} from '../topology.js';
import {certificatesIn} from './authority.js';

/** The user that the lab's headscale knows from the start. */
export const firstUser = 'k3s';
/** The tag that the user's nodes may have. */
export const firstTag = 'tag:k3s';

/**
 * The policy that the lab's headscale has from the start: all may talk to all, pods too, and pod networks are approved
 * when a tagged node or one of the first user announces them. "*" alone does not reach pods since 0.29.
 */
export const firstPolicy = {
	tagOwners: {[firstTag]: [`${firstUser}@`]},
	autoApprovers: {
		routes: {
			'10.42.0.0/16': [firstTag, `${firstUser}@`],
			'2001:cafe:42::/56': [firstTag, `${firstUser}@`],
		},
	},
	acls: [
		{
			action: 'accept',
			src: ['*', '10.42.0.0/16', '2001:cafe:42::/56'],
			dst: ['*:*', '10.42.0.0/16:*', '2001:cafe:42::/56:*'],
		},
	],
};

/** Where a control server listens on its host, and the first of the ports that it uses besides. */
export type HeadscalePlace = {
	/** Name of its folder, and of its process among those of the instance. */
	readonly slot: string;
	readonly port: number;
};

/** The control server of a lab's tailnet. */
export const firstPlace: HeadscalePlace = {slot: 'headscale', port: 443};

/** A second one beside it, of other people: it has an authority of its own, which no host trusts. */
export const strangePlace: HeadscalePlace = {
	slot: 'strange-headscale',
	port: 8443,
};

/** The URL of a control server. */
export const urlOf = ({port}: HeadscalePlace): string =>
	`https://${controlAddress}${port === 443 ? '' : `:${port}`}`;

/** headscale's configuration: HTTPS, its own relay and STUN, nothing from outside, a policy that can change as it runs. */
export const headscaleConfiguration = (
	folder: string,
	place: HeadscalePlace,
): string => {
	const {certificate, key} = certificatesIn(folder);
	const beside = (name: string) => path.join(folder, name);
	return stringify({
		server_url: urlOf(place),
		listen_addr: `${controlAddress}:${place.port}`,
		metrics_listen_addr: `127.0.0.1:${place.port + 10_000}`,
		grpc_listen_addr: `127.0.0.1:${place.port + 20_000}`,
		tls_cert_path: certificate,
		tls_key_path: key,
		noise: {private_key_path: beside('noise.key')},
		prefixes: {
			v4: '100.64.0.0/10',
			v6: 'fd7a:115c:a1e0::/48',
			allocation: 'sequential',
		},
		derp: {
			server: {
				enabled: true,
				region_id: 999,
				region_code: 'lab',
				region_name: 'Lab',
				verify_clients: true,
				stun_listen_addr: `${controlAddress}:${place.port + 3035}`,
				private_key_path: beside('derp.key'),
				automatically_add_embedded_derp_region: true,
				ipv4: controlAddress,
			},
			urls: [],
			paths: [],
			auto_update_enabled: false,
		},
		disable_check_updates: true,
		// The name of the current line, and that of the older ones.
		node: {ephemeral: {inactivity_timeout: '70s'}},
		ephemeral_node_inactivity_timeout: '70s',
		database: {type: 'sqlite', sqlite: {path: beside('db.sqlite')}},
		policy: {mode: 'database'},
		dns: {
			magic_dns: true,
			base_domain: 'tailnet.example',
			override_local_dns: false,
			nameservers: {global: []},
		},
		log: {level: 'info'},
		unix_socket: beside('headscale.sock'),
		unix_socket_permission: '0700',
	});
};
