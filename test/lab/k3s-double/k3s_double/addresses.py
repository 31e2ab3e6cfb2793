"""Addresses of this host: which are on an interface, and which one a packet to the world would carry."""

import ipaddress
import json
import socket
import subprocess


def parse(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def network(text):
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def is_local(address):
    """Whether an interface of this host has the address: only then can a socket be bound to it."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def default():
    """The source address towards the world (nothing is sent), or None without a default route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('198.51.100.254', 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def interfaces():
    """The interfaces as `ip -json address` describes them, or an empty list without iproute2."""
    try:
        output = subprocess.run(['ip', '-json', 'address'], capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return json.loads(output)


def of_interface(name):
    """The first IPv4 address of an interface, or None."""
    for interface in interfaces():
        if interface.get('ifname') == name:
            for entry in interface['addr_info']:
                if entry['family'] == 'inet':
                    return entry['local']
    return None


def mtu_of(address):
    """The MTU of the interface that has this address; 1500 when that cannot be told."""
    for interface in interfaces():
        if any(entry.get('local') == address for entry in interface['addr_info']):
            return interface['mtu']
    return 1500
