/** Seventh part of the probe agent: services that run already and speak TLS. */
export const tlsSource = String.raw`
def parts_of(der):
    """The elements of an ASN.1 sequence, each whole."""
    found = []
    place = 0
    while place + 2 <= len(der):
        size = der[place + 1]
        head = 2
        if size & 0x80:
            head = 2 + (size & 0x7F)
            size = int.from_bytes(der[place + 2:place + head], "big")
        found.append((der[place], der[place:place + head + size], der[place + head:place + head + size]))
        place += head + size
    return found


def public_key(der):
    """The SubjectPublicKeyInfo of an X.509 certificate (RFC 5280, 4.1)."""
    body = parts_of(parts_of(parts_of(der)[0][2])[0][2])
    # The version is optional; serial number, algorithm, issuer, validity and subject come before the key.
    return body[6 if body[0][0] == 0xA0 else 5][1]


def plain_certificate(heard):
    """The server's certificate out of a handshake of TLS 1.2 that was not completed: there it is sent in the open (RFC 5246, 7.4.2)."""
    said = b""
    while len(heard) >= 5 and heard[0] == 22:
        size = int.from_bytes(heard[3:5], "big")
        said += heard[5:5 + size]
        heard = heard[5 + size:]
    while len(said) >= 4:
        size = int.from_bytes(said[1:4], "big")
        if said[0] == 11:
            first = int.from_bytes(said[7:10], "big")
            return said[10:10 + first]
        said = said[4 + size:]
    return None


# Seconds that a service which took the connection gets for its handshake: a small machine that is busy needs some.
PATIENCE = 8


class TlsTry(TcpTry):
    """One handshake without naming a host, and the end: a service takes it for a client that went away."""

    MOST = 65536

    def greet(self):
        try:
            import hashlib
            import ssl
        except ImportError:
            self.end({"result": "connected", "rtt": self.rtt})
            return
        self.ssl = ssl
        self.hash = hashlib.sha256
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.loop.change(self.sock, READ, self.step)
        self.shake()

    def give_up(self):
        if self.connected and not self.done:
            self.loop.at(self.last - LIMIT + PATIENCE, self.cut)
        else:
            super().give_up()

    def cut(self):
        self.judge(None)

    def hear(self, data):
        self.heard += data
        if not data or len(self.heard) > self.MOST:
            self.judge(None)
            return
        self.incoming.write(data)
        self.shake()

    def shake(self):
        try:
            self.tls.do_handshake()
            certificate = self.tls.getpeercert(True)
            try:
                # Says goodbye, and does not wait for the other's.
                self.tls.unwrap()
            except self.ssl.SSLError:
                pass
            self.flush()
            self.judge(certificate)
        except self.ssl.SSLWantReadError:
            self.flush()
        except (self.ssl.SSLError, ValueError):
            self.judge(None)

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.send(data)

    def judge(self, certificate):
        try:
            key = public_key(certificate or plain_certificate(self.heard))
            self.end({"result": "tls", "key": self.hash(key).hexdigest(), "rtt": self.rtt})
        except (IndexError, TypeError):
            # Nobody speaks, or somebody who shows no certificate.
            super().cut()
`;
