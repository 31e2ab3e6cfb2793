import {stunRequest} from '../stun.js';

/** Eighth part of the probe agent: what a node needs of the internet. */
export const servicesSource = String.raw`
# Seconds until a name counts as unresolved, and a service as silent.
NAME_LIMIT = 3.0
SERVICE_LIMIT = 3.0
# What is asked by one packet: the time (RFC 5905, 7.3: version 4, client, nothing else need be filled in), and a relay.
QUESTIONS = {"time": b"\x23" + bytes(47), "stun": bytes.fromhex("${stunRequest}")}
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def lines_of(path):
    try:
        with open(path, errors="replace") as lines:
            return [line.strip() for line in lines.read(65536).split("\n")]
    except OSError:
        return []


def has_proxy():
    """Is a proxy set for all of this machine? Its value may hold a password, and is not looked at."""
    names = [line.replace("export ", "").split("=")[0].strip().lower() for line in lines_of("/etc/environment") if "=" in line]
    return any(name in PROXIES for name in names + [name.lower() for name in os.environ])


def time_server():
    """The time server that this machine is set to, or the one of most distributions."""
    for path in ("/etc/systemd/timesyncd.conf", "/etc/chrony.conf", "/etc/chrony/chrony.conf", "/etc/ntp.conf", "/etc/ntpsec/ntp.conf"):
        for line in lines_of(path):
            words = line.replace("=", " ").split()
            if len(words) > 1 and words[0] in ("NTP", "server", "pool"):
                return words[1]
    return "pool.ntp.org"


class Names:
    """Looks names up with the machine's own resolver, each in a thread, because it blocks."""

    def __init__(self, loop):
        self.loop = loop
        self.found = collections.deque()
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        loop.watch(self.reader, READ, self.read)

    def ask(self, name, port, call):
        threading.Thread(target=self.look, args=(name, port, call), daemon=True).start()

    def look(self, name, port, call):
        try:
            found = [one[4][:2] for one in socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)]
        except (OSError, UnicodeError):
            found = []
        self.found.append((call, found))
        os.write(self.writer, b".")

    def read(self):
        try:
            os.read(self.reader, 4096)
        except BlockingIOError:
            pass
        while self.found:
            call, found = self.found.popleft()
            call(found)


def is_answer(speaks, data):
    """Is it an answer to our question? That of a relay has our number in it."""
    if speaks == "time":
        return len(data) >= 48
    return data[:2] == b"\x01\x01" and data[8:20] == QUESTIONS["stun"][8:20]


class ServiceTry(Try):
    """A name, a connection, the time, or a relay, by plain packets."""

    def start(self):
        self.host = self.wanted["address"] or time_server()
        self.began = time.monotonic()
        self.loop.at(self.began + NAME_LIMIT, self.no_name)
        self.looking = True
        self.work.names.ask(self.host, self.wanted["port"], self.named)

    def no_name(self):
        if self.looking:
            self.finish({"result": "silent" if self.wanted["speaks"] == "names" else "unresolved"})

    def named(self, found):
        if self.done or not self.looking:
            return
        self.looking = False
        if not found:
            self.finish({"result": "unresolved"})
        elif self.wanted["speaks"] == "names":
            self.finish({"result": "served", "rtt": (time.monotonic() - self.began) * 1000})
        else:
            # IPv4 first: a machine often has addresses of IPv6 without a way out.
            self.left = sorted(found, key=lambda peer: ":" in peer[0])
            self.problem = {"result": "silent"}
            self.loop.at(time.monotonic() + SERVICE_LIMIT, lambda: self.finish(self.problem))
            self.next()

    def next(self):
        if not self.left:
            self.finish(self.problem)
            return
        peer = self.left.pop(0)
        if self.sock:
            self.loop.drop(self.sock)
        question = QUESTIONS.get(self.wanted["speaks"])
        self.sock = socket.socket(family_of(peer[0]), socket.SOCK_DGRAM if question else socket.SOCK_STREAM)
        self.sock.setblocking(False)
        ask_for_errors(self.sock)
        self.sent += 1
        self.asked = time.monotonic()
        number = self.sock.connect_ex(peer)
        if number not in (0, errno.EINPROGRESS):
            self.problem = outcome_of(number, None)
            self.next()
            return
        if question:
            self.sock.send(question)
        self.loop.watch(self.sock, READ if question else READ | WRITE, self.step)

    def step(self):
        refusal = icmp_refusal(self.sock)
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number or refusal:
            self.problem = outcome_of(number, refusal)
            self.next()
            return
        try:
            if self.wanted["speaks"] in QUESTIONS:
                if not is_answer(self.wanted["speaks"], self.sock.recv(512)):
                    return
            else:
                self.sock.getpeername()
        except OSError:
            return
        self.finish({"result": "served", "rtt": (time.monotonic() - self.asked) * 1000})

    def finish(self, report):
        if report["result"] != "served" and self.wanted["speaks"] not in QUESTIONS and has_proxy():
            report = {"result": "failed", "reason": "a proxy is set in its environment, so plain connections say little"}
        self.end(dict(report, host=self.host))
`;
