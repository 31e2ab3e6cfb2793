/** What a host is like, in one text: to see that nothing of ours is left, and nothing of its owner's is gone. */
import assert from 'node:assert/strict';
import type {Stage} from './support.js';
import type {LabNode} from './index.js';

/**
 * Every file, folder and link of a host but what changes by itself, with mode, owner, time and content; its firewall;
 * its units. Left out is what firewalld and iptables keep for themselves, and what lists no rule: files of zones
 * (their settings are listed), empty chains; and what ufw says of routed packets, by the forwarding that K3s has turned
 * on until the next boot.
 */
export const machineOf = async (node: LabNode): Promise<string> => {
	const {code, stdout, stderr} = await node.exec(String.raw`
find / -xdev '(' -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log \
	-o -path /var/cache -o -path /var/lib/systemd -o -path /etc/firewalld/zones -o -path /root -o -path /home ')' -prune -o \
	-type f -printf '%p %m %U:%G %s\n' -o ! -type f -printf '%p %y %m %U:%G %l\n' | sort
find /etc /usr/local /opt /var/lib -xdev -type f ! -path '/var/lib/systemd/*' ! -path '/etc/firewalld/zones/*' -print0 | sort -z | xargs -0 sha256sum
stat -c '%n %y' /etc/rancher/k3s/registries.yaml
ufw status verbose | sed 's/, [a-z]* (routed)//'
ufw show added
for family in iptables ip6tables; do
	for table in filter nat mangle; do
		$family -t $table -S
	done
done
nft list tables | grep -vE '^table (ip6? (filter|nat|mangle|raw|security)|inet firewalld)$' | while read -r _ family name; do
	nft list table "$family" "$name" | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'
done
if command -v firewall-cmd >/dev/null; then
	for zone in public trusted; do
		firewall-cmd --zone=$zone --list-all
		firewall-cmd --permanent --zone=$zone --list-all
	done
fi
systemctl list-unit-files --no-legend --no-pager | sort
systemctl list-units --all --no-legend --plain --no-pager 'k3s*' | sort
ip -br link | grep -E 'cni0|flannel' || :
`);
	assert.equal(code, 0, stderr);
	return stdout;
};

/** All hosts of a stage, by name. */
export const machinesOf = async ({
	lab,
}: Stage): Promise<ReadonlyMap<string, string>> =>
	new Map(
		await Promise.all(
			lab.nodes.map(
				async (node) => [node.name, await machineOf(node)] as const,
			),
		),
	);

/** Compares line by line, so that a difference can be read. */
export const assertSame = (
	name: string,
	after: string | undefined,
	before: string | undefined,
): void => {
	const lines = (text: string | undefined) => (text ?? '').split('\n');
	const was = new Set(lines(before));
	const is = new Set(lines(after));
	assert.deepEqual(
		{
			more: [...is].filter((line) => !was.has(line)),
			less: [...was].filter((line) => !is.has(line)),
		},
		{more: [], less: []},
		name,
	);
};
