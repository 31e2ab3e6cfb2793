/** Last part of the probe agent: reads commands line by line and reports. */
export const mainSource = String.raw`
KINDS = {
    ("path", "tcp"): TcpTry,
    ("path", "udp"): UdpTry,
    ("latency", "tcp"): TcpSamples,
    ("latency", "udp"): UdpSamples,
    ("mtu", "udp"): MtuSearch,
    ("tls", "tcp"): TlsTry,
    ("burst", "udp"): Burst,
    ("mapping", "udp"): MappingTry,
    ("service", "tcp"): ServiceTry,
    ("service", "udp"): ServiceTry,
}


class Work:
    """The tries that wait and those that run, no more at once than there are file handles for."""

    def __init__(self, loop, handles):
        self.loop = loop
        self.most = handles
        self.running = 0
        self.waiting = collections.deque()
        self.token = b""
        self.listeners = None
        self.names = Names(loop)
        self.reports = Reports(loop)

    def add(self, wanted):
        kind = KINDS.get((wanted["what"], wanted["protocol"]))
        if kind:
            self.waiting.append(kind(self, wanted))

    def go_on(self):
        while self.waiting and self.running < self.most:
            self.running += 1
            self.waiting.popleft().begin()

    def ended(self, _, report):
        self.running -= 1
        self.reports.add(report)
        if self.waiting:
            self.loop.at(time.monotonic(), self.go_on)


class Agent:
    # Ends when it has heard nothing for this long, in seconds.
    SILENCE = int(os.environ.pop("probe_silence"))

    def __init__(self):
        # File handles for what others ask of us, and for what we ask of others.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        self.loop = Loop()
        self.work = Work(self.loop, most // 2)
        Listeners.MOST = most // 4
        self.heard = b""
        self.heard_at = time.monotonic()

    def command(self, message):
        if message["do"] == "listen":
            token = message["token"].encode()
            if self.work.listeners is None or self.work.token != token:
                self.work.token = token
                self.work.listeners = Listeners(self.loop, token, message["node"].encode())
            refused = []
            for place in message["places"]:
                problem = self.work.listeners.bind(place["protocol"], place["address"], place["port"])
                if problem:
                    refused.append(dict(place, problem=problem))
            say({"listening": True, "refused": refused})
        elif message["do"] == "try":
            for wanted in message["tries"]:
                self.work.add(wanted)
            self.work.go_on()
        elif message["do"] == "arrivals":
            arrived = self.work.listeners.arrived if self.work.listeners else {}
            say({"arrivals": [{"id": number, "source": one[0], "packets": min(one[1], 100000)} for number, one in arrived.items()]})
        elif message["do"] == "count":
            say({"counted": no_ports()})

    def read(self):
        data = os.read(0, 65536)
        if not data:
            leave()
        self.heard_at = time.monotonic()
        self.heard += data
        while b"\n" in self.heard:
            line, self.heard = self.heard.split(b"\n", 1)
            self.command(json.loads(line.decode()))

    def look_for_life(self):
        left = self.heard_at + self.SILENCE - time.monotonic()
        if left <= 0:
            # A machine that is slow has not read yet what was said in time.
            if not select.select([0], [], [], 0)[0]:
                leave()
            left = self.SILENCE
        self.loop.at(time.monotonic() + left, self.look_for_life)

    def run(self):
        self.loop.watch(0, READ, self.read)
        self.look_for_life()
        say({"ready": True, "version": "%d.%d.%d" % sys.version_info[:3], "interpreter": sys.executable})
        self.loop.run()


def leave():
    # Without waiting for threads that look names up.
    os._exit(0)


def main():
    # Without a handler the alarm ends the process, whatever it is doing.
    signal.alarm(int(os.environ.pop("probe_limit")))
    try:
        Agent().run()
    except (BrokenPipeError, KeyboardInterrupt):
        leave()


main()
`;
