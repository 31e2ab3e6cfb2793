/** Third part of the probe agent: who said no, from the error queue of a socket. */
export const errorsSource = String.raw`
IP_RECVERR = 11
IPV6_RECVERR = 25
MSG_ERRQUEUE = 0x2000
# struct sock_extended_err: errno, origin, type, code, padding, info, data; the offender's sockaddr follows.
EXTENDED = struct.Struct("=IBBBBII")
ORIGIN_ICMP = 2
ORIGIN_ICMP6 = 3
UNREACHABLE = {
    0: "net-unreachable",
    1: "host-unreachable",
    2: "protocol-unreachable",
    3: "port-unreachable",
    5: "source-route-failed",
    9: "net-prohibited",
    10: "host-prohibited",
    11: "net-unreachable-for-service",
    12: "host-unreachable-for-service",
    13: "admin-prohibited",
}
UNREACHABLE6 = {
    0: "no-route",
    1: "admin-prohibited",
    2: "beyond-scope",
    3: "address-unreachable",
    4: "port-unreachable",
    5: "source-policy",
    6: "reject-route",
}


def ask_for_errors(sock):
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.SOL_IP, IP_RECVERR, 1)


def icmp_refusal(sock):
    """(offender, reason) of the last refusal that came as ICMP, or nothing. Empties the error queue."""
    found = None
    own = sock.getsockname()[0]
    while True:
        try:
            _, extras, _, _ = sock.recvmsg(512, 512, MSG_ERRQUEUE)
        except OSError:
            # When no neighbour answers, our own kernel says so in the form of ICMP.
            return None if found in ((own, "host-unreachable"), (own, "address-unreachable")) else found
        for level, kind, data in extras:
            if len(data) < EXTENDED.size:
                continue
            _, origin, icmp, code, _, _, _ = EXTENDED.unpack_from(data)
            rest = data[EXTENDED.size:]
            if origin == ORIGIN_ICMP and icmp == 3 and code in UNREACHABLE and len(rest) >= 8:
                found = (socket.inet_ntop(socket.AF_INET, rest[4:8]), UNREACHABLE[code])
            if origin == ORIGIN_ICMP6 and icmp == 1 and code in UNREACHABLE6 and len(rest) >= 24:
                found = (socket.inet_ntop(socket.AF_INET6, rest[8:24]), UNREACHABLE6[code])


def outcome_of(number, refusal):
    """What an error of connecting or sending means."""
    if refusal:
        return {"result": "refused", "by": refusal[0], "reason": refusal[1]}
    if number == errno.ECONNREFUSED:
        return {"result": "refused", "by": None, "reason": "connection refused"}
    if number == errno.EPERM:
        return {"result": "refused", "by": None, "reason": "blocked by the sender's own firewall"}
    if number in (errno.EHOSTUNREACH, errno.ETIMEDOUT):
        # No ICMP: the neighbour did not answer. That is silence too.
        return {"result": "silent"}
    return {"result": "failed", "reason": os.strerror(number)}
`;
