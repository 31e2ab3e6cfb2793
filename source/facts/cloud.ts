/** What DMI says on machines of a provider; the first that matches counts. */
const signs: ReadonlyArray<
	readonly [cloud: string, field: string, pattern: RegExp]
> = [
	['aws', 'sys_vendor', /^Amazon EC2/],
	['gcp', 'product_name', /^Google Compute Engine/],
	['azure', 'chassis_asset_tag', /^7783-7084-3265-9085-8269-3286-77$/],
	['oracle', 'chassis_asset_tag', /^OracleCloud\.com/],
	['hetzner', 'sys_vendor', /^Hetzner/],
	['digitalocean', 'sys_vendor', /^DigitalOcean/],
	['scaleway', 'sys_vendor', /^Scaleway/],
	['vultr', 'sys_vendor', /^Vultr/],
	['alibaba', 'sys_vendor', /^Alibaba Cloud/],
	['linode', 'sys_vendor', /^(?:Akamai|Linode)/],
	['openstack', 'product_name', /^OpenStack/],
	['aws', 'bios_vendor', /^Amazon EC2/],
	['gcp', 'bios_vendor', /^Google/],
];

/** The cloud provider by DMI, or `undefined`. */
export const cloudOf = (lines: readonly string[]): string | undefined => {
	const values = new Map(
		lines.map((line) => {
			const [field = '', ...rest] = line.split(' ');
			return [field, rest.join(' ').trim()];
		}),
	);
	return signs.find(([, field, pattern]) =>
		pattern.test(values.get(field) ?? ''),
	)?.[0];
};

/** Providers whose machines see only a private address: the public one is translated outside of them. */
export const translatingClouds: ReadonlySet<string> = new Set([
	'aws',
	'gcp',
	'azure',
	'oracle',
	'alibaba',
	'openstack',
]);
