/**
 * First part of the probe agent: the event loop and the format of packets. Python 3.6, standard library only.
 *
 * The agent is one process on a node that lives as long as its standard input is open and somebody speaks there, and
 * no longer than its limit. It writes nothing to disk.
 */
export const loopSource = String.raw`
import collections
import errno
import heapq
import json
import os
import resource
import select
import selectors
import signal
import socket
import struct
import sys
import threading
import time

MAGIC = b"k3s-mesh-probe"
# Bytes of a request: room for the longest answer, so that an answer is never longer than what was asked.
REQUEST = 256
READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Loop:
    """One selector and a heap of timers; everything runs in one thread."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.timers = []
        self.order = 0

    def at(self, when, call):
        self.order += 1
        heapq.heappush(self.timers, (when, self.order, call))

    def watch(self, handle, events, call):
        self.selector.register(handle, events, call)

    def change(self, handle, events, call):
        self.selector.modify(handle, events, call)

    def drop(self, sock):
        try:
            self.selector.unregister(sock)
        except (KeyError, ValueError):
            pass
        sock.close()

    def run(self):
        while True:
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2]()
            wait = max(0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, _ in self.selector.select(wait):
                # An earlier call of this round may have closed it.
                if self.selector.get_map().get(key.fd) is key:
                    key.data()


def say(message):
    data = (json.dumps(message, separators=(",", ":")) + "\n").encode()
    while data:
        data = data[os.write(1, data):]


class Reports:
    """Says what was found, many reports in one line when many come at once."""

    # Seconds that a report may wait for others, and how many one line holds.
    WAIT = 0.03
    MOST = 200

    def __init__(self, loop):
        self.loop = loop
        self.waiting = []

    def add(self, report):
        if not self.waiting:
            self.loop.at(time.monotonic() + self.WAIT, self.flush)
        self.waiting.append(report)
        if len(self.waiting) == self.MOST:
            self.flush()

    def flush(self):
        if self.waiting:
            said, self.waiting = self.waiting, []
            say({"reports": said})


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def shown(peer):
    """The source as people write it; an IPv6 address without its zone."""
    host = peer[0].split("%")[0]
    return ("[%s]:%d" if ":" in host else "%s:%d") % (host, peer[1])


def request(token, number, sequence, size=REQUEST):
    head = b" ".join([MAGIC, token, b"ask", b"%d" % number, b"%d" % sequence, b""])
    return head + b"." * (size - len(head) - 1) + b"\n"


def answer(token, node, data, peer):
    """(number, what to say) for a request, or nothing when it does not carry the token of this run."""
    # Most of a packet is padding, and a stranger's may be anything: neither is looked at.
    words = data[:REQUEST].split(None, 5)
    if len(words) < 5 or words[:3] != [MAGIC, token, b"ask"]:
        return None
    if len(words[3]) > 10 or len(words[4]) > 10 or not words[3].isdigit():
        return None
    said = b" ".join([MAGIC, token, b"here", words[3], words[4], node, shown(peer).encode()]) + b"\n"
    return int(words[3]), said if len(said) <= len(data) else None


def read_answer(token, data):
    """(number, sequence, node, source) of an answer, or nothing when somebody else speaks."""
    words = data[:REQUEST].split()
    if len(words) != 7 or words[:3] != [MAGIC, token, b"here"]:
        return None
    try:
        return int(words[3]), int(words[4]), words[5].decode(), words[6].decode()
    except ValueError:
        return None
`;
