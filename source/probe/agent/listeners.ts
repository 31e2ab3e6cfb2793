/** Second part of the probe agent: sockets that answer, one for each local address. */
export const listenersSource = String.raw`
class Listeners:
    """Binds what is free of the required ports, and answers whoever knows the token."""

    # Connections that may be open at once, and how long one may stay, in seconds.
    MOST = 1024
    PATIENCE = 5
    # Tries whose arrival is remembered.
    REMEMBERED = 20000

    def __init__(self, loop, token, node):
        self.loop = loop
        self.token = token
        self.node = node
        self.open = 0
        # The sockets of UDP by local address and port, and what has arrived: [source, packets] by the try's number.
        self.udp = {}
        self.arrived = {}
        # Who waits for answers at one of these sockets, by the try's number.
        self.waiting = {}

    def bind(self, protocol, address, port):
        """Returns nothing, or why the port can not be had."""
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        sock = socket.socket(family_of(address), kind)
        sock.setblocking(False)
        try:
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if protocol == "tcp":
                # Without it, connections that ended a minute ago would hold the port. For UDP it would share it.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            if protocol == "tcp":
                sock.listen(512)
                self.loop.watch(sock, READ, lambda: self.accept(sock))
            else:
                self.udp[sock.getsockname()[:2]] = sock
                self.loop.watch(sock, READ, lambda: self.echo(sock))
        except OSError as error:
            sock.close()
            return "in use" if error.errno == errno.EADDRINUSE else os.strerror(error.errno or 0)
        return None

    def sender(self, peer, port):
        """The socket that sends from this port to there: the listener on the route's own address, or one of a free port."""
        family = family_of(peer[0])
        route = socket.socket(family, socket.SOCK_DGRAM)
        try:
            route.connect(peer)
            own = route.getsockname()[0]
        finally:
            route.close()
        if (own, port) in self.udp:
            return self.udp[(own, port)]
        shared = (family, "shared")
        if shared not in self.udp:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
            self.udp[shared] = sock
            self.loop.watch(sock, READ, lambda: self.echo(sock))
        return self.udp[shared]

    def note(self, number, peer):
        known = self.arrived.get(number)
        if known:
            known[1] += 1
        elif len(self.arrived) < self.REMEMBERED:
            self.arrived[number] = [shown(peer), 1]

    def echo(self, sock):
        # A burst is taken in one go, but does not keep the others waiting for ever.
        for _ in range(64):
            try:
                data, peer = sock.recvfrom(65535)
                asked = answer(self.token, self.node, data, peer)
                if asked:
                    self.note(asked[0], peer)
                    if asked[1]:
                        sock.sendto(asked[1], peer)
                elif self.waiting:
                    found = read_answer(self.token, data)
                    if found and found[0] in self.waiting:
                        self.waiting[found[0]].answered(found, peer)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # An answer that could not leave says nothing about the next packet.
                continue

    def accept(self, sock):
        for _ in range(64):
            try:
                connection, peer = sock.accept()
            except OSError:
                return
            if self.open >= self.MOST:
                connection.close()
                continue
            connection.setblocking(False)
            self.open += 1
            Visitor(self, connection, peer)


class Visitor:
    """One connection to a port of ours: a request of one line, an answer of one line, the end."""

    def __init__(self, listeners, connection, peer):
        self.listeners = listeners
        self.connection = connection
        self.peer = peer
        self.heard = b""
        self.done = False
        listeners.loop.watch(connection, READ, self.read)
        listeners.loop.at(time.monotonic() + listeners.PATIENCE, self.end)

    def read(self):
        try:
            data = self.connection.recv(REQUEST)
            self.heard += data
            if data and b"\n" not in self.heard and len(self.heard) < REQUEST:
                return
            asked = answer(self.listeners.token, self.listeners.node, self.heard, self.peer)
            if asked:
                self.listeners.note(asked[0], self.peer)
                if asked[1]:
                    self.connection.send(asked[1])
        except OSError:
            pass
        self.end()

    def end(self):
        if not self.done:
            self.done = True
            self.listeners.open -= 1
            self.listeners.loop.drop(self.connection)
`;
