import type {Topology} from '../topology.js';
import {noBash, noListener, noPerl, noPython} from './lacks.js';
import {publicHost} from './public-host.js';

const bare: Topology = {
	name: 'bare',
	about:
		'seven public hosts that lack, one after the other: nothing, python3 on the path, perl, python3, both, socat and nc as well, bash as well',
	sites: [],
	hosts: [
		publicHost('whole', 'server', '198.51.100.151'),
		publicHost('platform', 'agent', '198.51.100.152', {
			// As on Red Hat's systems, where python3 is an extra and the system has its own.
			setup: `
mkdir -p /usr/libexec
mv /usr/bin/python3.11 /usr/libexec/platform-python
${noPython}`,
		}),
		publicHost('noperl', 'agent', '198.51.100.153', {setup: noPerl}),
		publicHost('nopython', 'agent', '198.51.100.154', {setup: noPython}),
		publicHost('neither', 'agent', '203.0.113.155', {setup: noPython + noPerl}),
		publicHost('shell', 'agent', '203.0.113.156', {
			setup: noPython + noPerl + noListener,
		}),
		publicHost('nothing', 'agent', '203.0.113.157', {
			setup: noPython + noPerl + noListener + noBash,
		}),
	],
};

/** A program on the ports that K3s needs, started as a service would be. `answer` is what a visitor gets. */
const holdPorts = (
	answer: 'silent' | 'flood',
	...ports: ReadonlyArray<`${'tcp' | 'udp'}/${number}`>
): string => String.raw`
cat >/usr/local/bin/hold-ports <<'PYTHON'
import asyncio, socket, sys

ANSWER = sys.argv[1]
GARBAGE = b"\0\xffk3s-mesh-probe \n" * 64

async def visitor(reader, writer):
    try:
        if ANSWER == "flood":
            while True:
                writer.write(GARBAGE)
                await writer.drain()
        with open("/run/hold-ports.visits", "ab") as log:
            log.write(await reader.read(4096) + b"|")
            log.flush()
        await reader.read()
    except OSError:
        pass
    finally:
        writer.close()

class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, peer):
        with open("/run/hold-ports.visits", "ab") as log:
            log.write(data + b"|")
        if ANSWER == "flood":
            for _ in range(500):
                self.transport.sendto(GARBAGE, peer)

async def main():
    for place in sys.argv[2:]:
        protocol, port = place.split("/")
        if protocol == "tcp":
            await asyncio.start_server(visitor, "0.0.0.0", int(port))
        else:
            await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, ("0.0.0.0", int(port)))
    open("/run/hold-ports.ready", "w").close()
    await asyncio.Event().wait()

asyncio.run(main())
PYTHON
systemd-run --quiet --unit=hold-ports python3 /usr/local/bin/hold-ports ${answer} ${ports.join(' ')}
until [ -e /run/hold-ports.ready ]; do sleep 0.05; done
`;

const busy: Topology = {
	name: 'busy',
	about:
		'five public hosts: two are free, on one another program holds the ports, on one it floods whoever comes, and one has the address of a stranger that floods',
	sites: [],
	hosts: [
		publicHost('free', 'server', '198.51.100.161'),
		publicHost('held', 'agent', '198.51.100.162', {
			setup: holdPorts('silent', 'tcp/10250', 'udp/51820'),
		}),
		publicHost('flood', 'agent', '203.0.113.163', {
			setup: holdPorts('flood', 'tcp/10250', 'udp/51820'),
		}),
		publicHost('free2', 'agent', '203.0.113.164'),
		// Its file names the address of a machine that floods whoever comes.
		publicHost('lured', 'agent', '203.0.113.166', {
			ownAddress: '203.0.113.165',
			sshAddress: '203.0.113.165',
		}),
		publicHost('trap', 'agent', '203.0.113.166', {
			outsider: true,
			setup: holdPorts('flood', 'tcp/10250', 'udp/51820'),
		}),
	],
};

/** Lets in all that K3s needs, and passes nothing on. */
const passNothingOn = `
cat >/etc/nftables.conf <<'CONF'
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
CONF
systemctl enable --now nftables.service
`;

const podFirewall: Topology = {
	name: 'podfw',
	about:
		'two public hosts whose ports are open; one passes nothing on between its interfaces, and so nothing to pods',
	sites: [],
	hosts: [
		publicHost('lets', 'server', '198.51.100.171'),
		publicHost('stops', 'agent', '203.0.113.172', {setup: passNothingOn}),
	],
};

/** Puts a program in place of python3. */
const insteadOfPython = (script: string): string => `
for name in python3 python3.11; do
	rm -f /usr/bin/$name
	cat >/usr/bin/$name <<'SCRIPT'
#!/bin/sh
${script}
SCRIPT
	chmod 0755 /usr/bin/$name
done
`;

/** Whoever logs in or runs a command hears about it, on both outputs and before the password. */
const noisy = String.raw`
echo 'AUTHORISED USERS ONLY' >/etc/issue.net
echo 'Banner /etc/issue.net' >/etc/ssh/sshd_config.d/banner.conf
cat >/etc/ssh/sshrc <<'SCRIPT'
printf '\033[31mWelcome to noisy!\033[0m 3 updates can be applied.\n'
echo 'sshrc: this is not an error' >&2
SCRIPT
printf 'echo "Last login: today"; echo "bashrc speaks" >&2\n' >/root/.bashrc
systemctl reload ssh
`;

/** Not one byte more can be written where programs like to write. */
const full = `
cp -a /root /run/root
for folder in /tmp /var/tmp /var/lib /var/log /dev/shm /home /root; do
	mount -t tmpfs -o size=128k full $folder
	[ $folder != /root ] || cp -a /run/root/. /root
	dd if=/dev/zero of=$folder/all-that-fits 2>/dev/null || :
done
! echo more >/tmp/more 2>/dev/null
`;

const rude: Topology = {
	name: 'rude',
	about:
		'eight public hosts: chatty logins, the login shells fish and tcsh, a full disk, no /tmp, and python3 that fails, dies or babbles',
	sites: [],
	hosts: [
		publicHost('noisy', 'server', '198.51.100.181', {setup: noisy}),
		publicHost('fish', 'agent', '198.51.100.182', {
			setup: 'usermod -s /usr/bin/fish root',
		}),
		publicHost('tcsh', 'agent', '198.51.100.183', {
			setup: 'usermod -s /bin/tcsh root',
		}),
		publicHost('full', 'agent', '198.51.100.184', {setup: full}),
		publicHost('notmp', 'agent', '203.0.113.185', {
			setup: 'umount -l /tmp || :; rm -rf /tmp',
		}),
		publicHost('fails', 'agent', '203.0.113.186', {
			setup: insteadOfPython('echo "python3: broken" >&2; exit 1'),
		}),
		publicHost('dies', 'agent', '203.0.113.187', {
			setup: insteadOfPython('kill -SEGV $$'),
		}),
		publicHost('babbles', 'agent', '203.0.113.188', {
			setup: insteadOfPython(
				String.raw`printf '{"ready": true}\n\377\376garbage\n'; exit 0`,
			),
		}),
	],
};

/** Hosts that lack something, are in use, or behave badly. */
export const hostTopologies: readonly Topology[] = [
	bare,
	busy,
	podFirewall,
	rude,
];
