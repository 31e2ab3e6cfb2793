"""The sd_notify protocol: one datagram to the socket that systemd names."""

import os
import socket


def notify(state):
    """Sends a state such as READY=1. Does nothing when nobody listens."""
    address = os.environ.get('NOTIFY_SOCKET')
    if not address:
        return
    if address.startswith('@'):
        address = '\0' + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), address)
        except OSError:
            pass
