/** Fifth part of the probe agent: round-trip times, and the largest packet that passes. */
export const samplesSource = String.raw`
# Seconds between two samples, and after the last one until it counts as lost.
GAP = 0.05
LATE = 1.0


class UdpSamples(Try):
    """Round trips by packets that are sent whether or not the ones before were answered."""

    def start(self):
        self.open(socket.SOCK_DGRAM)
        self.sock.connect(self.peer)
        self.times = {}
        self.rtts = []
        self.loop.watch(self.sock, READ, self.read)
        begin = time.monotonic() + self.wanted["phase"] * GAP
        for index in range(self.wanted["count"]):
            self.loop.at(begin + index * GAP, self.ask)
        self.loop.at(begin + self.wanted["count"] * GAP + LATE, self.give_up)

    def ask(self):
        if self.done:
            return
        self.times[self.sent] = time.monotonic()
        data = request(self.work.token, self.number, self.sent)
        self.sent += 1
        try:
            self.sock.send(data)
        except OSError:
            icmp_refusal(self.sock)

    def read(self):
        now = time.monotonic()
        try:
            found = read_answer(self.work.token, self.sock.recv(65535))
        except OSError:
            icmp_refusal(self.sock)
            return
        if found and found[0] == self.number and found[1] in self.times:
            self.rtts.append((now - self.times.pop(found[1])) * 1000)
            if len(self.rtts) == self.wanted["count"]:
                self.give_up()

    def give_up(self):
        self.end({"result": "sampled", "rtts": self.rtts})


class TcpSamples(Try):
    """Round trips by connections, one after the other, for pairs that have no UDP path."""

    def start(self):
        self.rtts = []
        self.ask()

    def ask(self):
        self.sent += 1
        single = {"id": self.number, "address": self.wanted["address"], "port": self.wanted["port"], "connectOnly": True}
        TcpTry(self, single).begin()

    # The single connections report to this object as if it were the whole work.
    @property
    def token(self):
        return self.work.token

    def ended(self, _, report):
        if report["result"] == "connected":
            self.rtts.append(report["rtt"])
        if self.sent < self.wanted["count"]:
            self.loop.at(time.monotonic() + GAP, self.ask)
        else:
            self.end({"result": "sampled", "rtts": self.rtts})


IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
# Sets "do not fragment" and sends what the interface can carry, whatever the kernel believes of the path.
PMTUDISC_PROBE = 3
IP_MTU = 14
IPV6_MTU = 24


class MtuSearch(Try):
    """The largest IP packet that arrives: first the size of the interface, then many sizes at once between what passed and what did not."""

    POINTS = 12
    TRIES = 3
    WAIT = 0.5
    SMALLEST = 576

    def start(self):
        self.open(socket.SOCK_DGRAM)
        if self.sock.family == socket.AF_INET6:
            self.headers = 48
            self.sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
            self.sock.connect(self.peer)
            largest = self.sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
        else:
            self.headers = 28
            self.sock.setsockopt(socket.SOL_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
            self.sock.connect(self.peer)
            largest = self.sock.getsockopt(socket.SOL_IP, IP_MTU)
        # UDP can not carry more, although a loopback device says 65536.
        self.failed = min(largest, 65535) + 1
        self.passed = 0
        self.loop.watch(self.sock, READ, self.read)
        self.round([self.failed - 1])

    def round(self, sizes):
        self.sizes = [size for size in sizes if size > self.passed]
        self.tries = 0
        self.ask()

    def ask(self):
        if self.done:
            return
        left = [size for size in self.sizes if size > self.passed]
        if not left or self.tries == self.TRIES:
            self.next()
            return
        self.tries += 1
        for size in left:
            data = request(self.work.token, self.number, size, size - self.headers)
            try:
                self.sock.send(data)
                self.sent += 1
            except OSError:
                icmp_refusal(self.sock)
        tries, sizes = self.tries, self.sizes
        self.loop.at(time.monotonic() + self.WAIT, lambda: self.ask() if (tries, sizes) == (self.tries, self.sizes) else None)

    def read(self):
        try:
            found = read_answer(self.work.token, self.sock.recv(65535))
        except OSError:
            icmp_refusal(self.sock)
            return
        if found and found[0] == self.number and found[1] in self.sizes:
            self.passed = max(self.passed, found[1])
            if self.passed == max(self.sizes):
                self.next()

    def next(self):
        failed = [size for size in self.sizes if size > self.passed]
        self.failed = min([self.failed] + failed)
        low = self.passed or self.SMALLEST - 1
        gap = self.failed - low
        if gap <= 1 or (not self.passed and self.SMALLEST in failed):
            self.end({"result": "largest", "bytes": self.passed})
            return
        step = max(1, gap // (self.POINTS + 1))
        smallest = [] if self.passed else [self.SMALLEST]
        self.round(smallest + list(range(low + step, self.failed, step)))
`;
