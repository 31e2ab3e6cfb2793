/** Fourth part of the probe agent: what it tries towards others, always from ephemeral ports. */
export const triesSource = String.raw`
# Seconds after which a try towards one address and port is silent.
LIMIT = 3.5
# Pauses between the packets of a UDP try; the rest of LIMIT is for the last answer.
PAUSES = (0.3, 0.5, 0.7, 0.9)
# Seconds after which a connection is tried again that our own kernel could not even begin.
SOON = 0.5


class Try:
    """Something that ends with exactly one report."""

    def __init__(self, work, wanted):
        self.work = work
        self.loop = work.loop
        self.wanted = wanted
        self.number = wanted["id"]
        self.sent = 0
        self.sock = None
        self.done = False

    def open(self, kind):
        self.sock = socket.socket(family_of(self.wanted["address"]), kind)
        self.sock.setblocking(False)
        ask_for_errors(self.sock)
        self.peer = (self.wanted["address"], self.wanted["port"])

    def begin(self):
        try:
            self.start()
        except OSError as error:
            self.end(outcome_of(error.errno or 0, icmp_refusal(self.sock) if self.sock else None))

    def end(self, report):
        if self.done:
            return
        self.done = True
        if self.sock:
            self.loop.drop(self.sock)
        self.work.ended(self, dict(report, tried=self.number, sent=self.sent))


# Where struct tcp_info (linux/tcp.h) has the round trip, in microseconds.
RTT_AT = 68


def measured_rtt(sock):
    """The round trip of a connection in ms as the kernel measured it: without the time that we took to look."""
    try:
        known = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RTT_AT + 4)
        return struct.unpack_from("=I", known, RTT_AT)[0] / 1000
    except (OSError, struct.error):
        return 0


class TcpTry(Try):
    """Connects and shows the token; when only a connection is wanted, that it came to be is the answer."""

    def start(self):
        self.open(socket.SOCK_STREAM)
        self.connected = False
        self.refusal = None
        self.heard = b""
        self.last = time.monotonic() + LIMIT
        self.loop.at(self.last, self.give_up)
        self.connect()

    def connect(self):
        if self.done:
            return
        self.sent = 1
        self.began = time.monotonic()
        number = self.sock.connect_ex(self.peer)
        if number == errno.ENOBUFS and self.began + SOON < self.last:
            # The kernel has no room for one more neighbour right now.
            self.loop.at(self.began + SOON, self.connect)
        elif number in (0, errno.EINPROGRESS):
            self.loop.watch(self.sock, READ | WRITE, self.step)
        else:
            self.end(outcome_of(number, icmp_refusal(self.sock)))

    def step(self):
        try:
            if not self.connected:
                refusal = icmp_refusal(self.sock)
                number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number == errno.ECONNRESET:
                    # It came to be, and was cut before we looked.
                    self.end({"result": "connected", "rtt": (time.monotonic() - self.began) * 1000})
                    return
                if number:
                    self.end(outcome_of(number, refusal))
                    return
                try:
                    self.sock.getpeername()
                except OSError:
                    # Woken by the error queue alone: the kernel goes on trying, and so do we.
                    self.refusal = refusal or self.refusal
                    return
                self.connected = True
                self.rtt = measured_rtt(self.sock) or (time.monotonic() - self.began) * 1000
                if self.wanted.get("connectOnly"):
                    self.end({"result": "connected", "rtt": self.rtt})
                    return
                self.greet()
                return
            self.hear(self.sock.recv(65536))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.cut()

    def cut(self):
        """The connection was there, and then cut. Who said something else is none of ours; who said nothing may be busy."""
        if self.heard:
            self.end({"result": "stranger"})
        else:
            self.end({"result": "connected", "rtt": self.rtt})

    def greet(self):
        self.sock.send(request(self.work.token, self.number, 0))
        self.loop.change(self.sock, READ, self.step)

    def hear(self, data):
        self.heard += data
        if data and b"\n" not in self.heard and len(self.heard) < REQUEST:
            return
        found = read_answer(self.work.token, self.heard)
        if found and found[0] == self.number:
            self.end({"result": "answered", "node": found[2], "source": found[3], "rtt": self.rtt})
        else:
            self.cut()

    def give_up(self):
        if self.connected:
            self.cut()
        else:
            self.end(outcome_of(errno.ETIMEDOUT, self.refusal))


class UdpTry(Try):
    """Sends a few packets, one after the other, until one is answered."""

    def start(self):
        self.open(socket.SOCK_DGRAM)
        self.sock.connect(self.peer)
        self.refused = None
        self.times = []
        self.loop.watch(self.sock, READ, self.read)
        self.loop.at(time.monotonic() + LIMIT, self.give_up)
        self.ask()

    def ask(self):
        if self.done:
            return
        self.times.append(time.monotonic())
        try:
            self.sock.send(request(self.work.token, self.number, len(self.times) - 1))
            self.sent += 1
        except OSError as error:
            # Without room for one more neighbour in the kernel, the next packet may fare better.
            if error.errno != errno.ENOBUFS or len(self.times) > len(PAUSES):
                self.note(outcome_of(error.errno or 0, icmp_refusal(self.sock)))
        if len(self.times) <= len(PAUSES):
            self.loop.at(time.monotonic() + PAUSES[len(self.times) - 1], self.ask)

    def note(self, told):
        """One refusal may be chance: a further packet may still be answered. Two are none."""
        if told["result"] == "failed" or (self.refused and told["result"] == "refused"):
            self.end(told)
        elif told["result"] == "refused":
            self.refused = told
            self.loop.at(time.monotonic() + PAUSES[0] + 0.5, self.give_up)

    def read(self):
        try:
            data = self.sock.recv(65535)
        except OSError as error:
            # The error queue is read only then: it costs a call into the kernel for every packet.
            refusal = icmp_refusal(self.sock)
            if refusal or error.errno not in (errno.EAGAIN, errno.EINTR):
                self.note(outcome_of(error.errno or 0, refusal))
            return
        found = read_answer(self.work.token, data)
        if not found:
            self.end({"result": "stranger"})
        elif found[0] == self.number and found[1] < len(self.times):
            rtt = (time.monotonic() - self.times[found[1]]) * 1000
            self.end({"result": "answered", "node": found[2], "source": found[3], "rtt": rtt})

    def give_up(self):
        self.end(self.refused or {"result": "silent"})
`;
