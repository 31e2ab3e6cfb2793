/** Sixth part of the probe agent: packets from one socket to all, bursts, and what has arrived. */
export const mappingSource = String.raw`
class MappingTry(Try):
    """Packets from the listener's own socket, so that all leave from one port: under which address and port do they arrive?"""

    # Seconds from the start at which packets leave, and after which no answer is expected.
    TIMES = (0, 0.3, 0.6, 1.0, 1.5, 2.1)
    END = 2.8

    def start(self):
        self.listeners = self.work.listeners
        # As the kernel writes it, to compare with where answers come from.
        family = family_of(self.wanted["address"])
        self.peer = (socket.inet_ntop(family, socket.inet_pton(family, self.wanted["address"])), self.wanted["port"])
        # Not "self.sock", which ends with the try.
        self.sender = self.listeners.sender(self.peer, self.wanted["localPort"])
        self.port = self.sender.getsockname()[1]
        self.times = []
        self.listeners.waiting[self.number] = self
        begin = time.monotonic()
        for wait in self.TIMES:
            self.loop.at(begin + wait, self.ask)
        self.loop.at(begin + self.END, lambda: self.finish({"result": "silent"}))

    def ask(self):
        if self.done:
            return
        self.times.append(time.monotonic())
        try:
            self.sender.sendto(request(self.work.token, self.number, len(self.times) - 1), self.peer)
            self.sent += 1
        except BlockingIOError:
            pass
        except OSError as error:
            # Firewalls of our own, and routes that are not there: the next packet fares no better.
            self.finish(outcome_of(error.errno or 0, None))

    def answered(self, found, peer):
        if peer[:2] == self.peer and found[1] < len(self.times):
            rtt = (time.monotonic() - self.times[found[1]]) * 1000
            self.finish({"result": "answered", "node": found[2], "source": found[3], "rtt": rtt})

    def finish(self, report):
        self.listeners.waiting.pop(self.number, None)
        self.end(dict(report, localPort=self.port))


class Burst(Try):
    """Packets in a row for a target that can not answer; a refusal that comes back is told."""

    GAP = 0.01

    def start(self):
        self.open(socket.SOCK_DGRAM)
        self.sock.connect(self.peer)
        self.refusal = None
        self.loop.watch(self.sock, READ, self.read)
        begin = time.monotonic()
        for index in range(self.wanted["count"]):
            self.loop.at(begin + index * self.GAP, self.ask)
        self.loop.at(begin + self.wanted["count"] * self.GAP + 0.5, self.give_up)

    def ask(self):
        for _ in range(2):
            try:
                self.sock.send(request(self.work.token, self.number, self.sent))
                self.sent += 1
                return
            except OSError:
                # An error of an earlier packet: this one has not left yet.
                self.read()

    def read(self):
        self.refusal = icmp_refusal(self.sock) or self.refusal
        try:
            self.sock.recv(512)
        except OSError:
            pass

    def give_up(self):
        if self.refusal:
            self.end({"result": "refused", "by": self.refusal[0], "reason": self.refusal[1]})
        else:
            self.end({"result": "sent"})


def no_ports():
    """Packets so far for ports where nobody listens."""
    found = {"udp": 0, "udp6": 0}
    try:
        with open("/proc/net/snmp") as lines:
            names, values = [line.split() for line in lines if line.startswith("Udp:")][:2]
            found["udp"] = int(values[names.index("NoPorts")])
        with open("/proc/net/snmp6") as lines:
            for line in lines:
                if line.startswith("Udp6NoPorts"):
                    found["udp6"] = int(line.split()[1])
    except (OSError, ValueError):
        pass
    return found
`;
