/** Second part of the probe agent: sockets that answer, one for each local address. */
export const listenersSource = String.raw`
class Listeners:
    """Binds what is free of the required ports, and answers whoever knows the token."""

    # Connections that may be open at once, and how long one may stay, in seconds.
    MOST = 1024
    PATIENCE = 5

    def __init__(self, loop, token, node):
        self.loop = loop
        self.token = token
        self.node = node
        self.open = 0

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
                self.loop.watch(sock, READ, lambda: self.echo(sock))
        except OSError as error:
            sock.close()
            return "in use" if error.errno == errno.EADDRINUSE else os.strerror(error.errno or 0)
        return None

    def echo(self, sock):
        # A burst is taken in one go, but does not keep the others waiting for ever.
        for _ in range(64):
            try:
                data, peer = sock.recvfrom(65535)
                said = answer(self.token, self.node, data, peer)
                if said:
                    sock.sendto(said, peer)
            except OSError:
                return

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
            said = answer(self.listeners.token, self.listeners.node, self.heard, self.peer)
            if said:
                self.connection.send(said)
        except OSError:
            pass
        self.end()

    def end(self):
        if not self.done:
            self.done = True
            self.listeners.open -= 1
            self.listeners.loop.drop(self.connection)
`;
