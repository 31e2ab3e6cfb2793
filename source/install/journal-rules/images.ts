import type {JournalRule} from './rule.js';

/** An image in a message of containerd, as `registry.example:5000/name:tag`. */
const image =
	/image [\\"]*([\w.-]+(?::\d+(?=\/))?(?:\/[\w./-]+)?(?::[\w.-]+)?)/;

const imageOf = (text: string): string => image.exec(text)?.[1] ?? 'an image';

/** The registry in a message of containerd about an image: that of an address, or else that of the image's name. */
const registryOf = (text: string): string =>
	/https?:\/\/([\w.-]+(?::\d+)?)/.exec(text)?.[1] ??
	/^([\w-]+[.:][\w.:-]*)\//.exec(imageOf(text))?.[1] ??
	'the registry';

/** Images of containers, and the registries that they come from. */
export const imageRules: readonly JournalRule[] = [
	{
		// containerd 5.x: issues 597, 5445.
		pattern: /failed to pull.*no match for platform in manifest/i,
		cause: ({match}) =>
			`${imageOf(match[0])} does not exist for the processor architecture of this machine`,
		tryNext: [
			'Look at the image in the mirror or the manifest that you use: it must be there for every architecture of the cluster.',
		],
	},
	{
		pattern: /failed to pull.*(?:429 Too Many Requests|toomanyrequests)/i,
		cause: ({match}) =>
			`${registryOf(match[0])} refuses ${imageOf(match[0])}: its limit of pulls is reached`,
		tryNext: [
			'Wait until the limit is over (Docker Hub: up to six hours), or name a mirror or an account in /etc/rancher/k3s/registries.yaml.',
		],
	},
	{
		// Issues 2787, 12326, containerd 4862, 5246. A registry says the same of an image that it does not have.
		pattern:
			/failed to pull.*(?:40[13] (?:Unauthorized|Forbidden)|authorization failed)|pull access denied.*authorization/i,
		cause: ({match}) =>
			`${registryOf(match[0])} does not give out ${imageOf(match[0])}: it wants a login, or refuses the one that it was given`,
		tryNext: ({match}) => [
			`Put name and password for ${registryOf(match[0])} under configs into /etc/rancher/k3s/registries.yaml on that machine, and restart K3s there.`,
			'Look at the name of the image, too: registries say the same of images that they do not have.',
		],
	},
	{
		// Issues 11412, 10926.
		pattern:
			/failed to (?:pull|get sandbox) .*?https:\/\/[\w.-]+(?::\d+)?\/.*(?:i\/o timeout|connection refused|connection reset|no such host|server misbehaving|network is unreachable|no route to host|TLS handshake timeout|deadline exceeded)/i,
		cause: ({match}) =>
			`${imageOf(match[0])} cannot be fetched: ${registryOf(match[0])} cannot be reached from this machine`,
		tryNext: ({match}) => [
			`Look whether that machine can reach ${registryOf(match[0])} (curl -I https://${registryOf(match[0])}/v2/), or name a mirror in /etc/rancher/k3s/registries.yaml.`,
		],
	},
];
