"""A wide area network in one process: reads IP packets from a TUN device and writes each back late, or not at all.

relay.py DEVICE SETTINGS, with SETTINGS as JSON: {"seed": 1, "ways": [{"from": A, "to": B, "delayMs": D, "loss": L}]}.
One entry is one direction. What no entry names passes at once.
"""
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 1
IFF_NO_PI = 0x1000


class Way:
    """One direction between two hosts. Of each 1/loss packets exactly one is lost, at a place that the seed chooses."""

    def __init__(self, seed, settings):
        self.delay = settings["delayMs"] / 1000
        self.block = round(1 / settings["loss"]) if settings["loss"] else 0
        self.dice = random.Random("%d %s %s" % (seed, settings["from"], settings["to"]))
        self.count = 0
        self.unlucky = 0

    def loses(self):
        if not self.block:
            return False
        place = self.count % self.block
        if place == 0:
            self.unlucky = self.dice.randrange(self.block)
        self.count += 1
        return place == self.unlucky


def ends_of(packet):
    if packet[0] >> 4 == 6:
        return packet[8:24], packet[24:40]
    return packet[12:16], packet[16:20]


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def main():
    device, settings = sys.argv[1], json.loads(sys.argv[2])
    ways = {
        (address(way["from"]), address(way["to"])): Way(settings["seed"], way)
        for way in settings["ways"]
    }
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    poll = select.epoll()
    poll.register(tun, select.EPOLLIN)
    waiting = []
    order = 0

    def write(packet):
        try:
            os.write(tun, packet)
        except OSError:
            # What the kernel does not take is lost, as on any network.
            pass

    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            write(heapq.heappop(waiting)[2])
        poll.poll(max(0, waiting[0][0] - time.monotonic()) if waiting else None)
        while True:
            try:
                packet = os.read(tun, 65535)
            except BlockingIOError:
                break
            way = ways.get(ends_of(packet))
            if way is None:
                write(packet)
            elif not way.loses():
                order += 1
                heapq.heappush(waiting, (time.monotonic() + way.delay, order, packet))


main()
