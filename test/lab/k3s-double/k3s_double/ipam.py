"""The addresses of this node's pods that are in use, in files as the host-local plugin of CNI keeps them."""

import os

from . import settings

_FOLDER = '/var/lib/cni/networks/cbr0'
_LAST = 'last_reserved_ip.0'


def _folder():
    return settings.at(_FOLDER)


def reserved():
    """The addresses that somebody holds."""
    try:
        return {name for name in os.listdir(_folder()) if name not in (_LAST, 'lock')}
    except FileNotFoundError:
        return set()


def reserve(address, owner):
    settings.write(f'{_folder()}/{address}', f'{owner}\r\neth0', 0o600)
    settings.write(f'{_folder()}/{_LAST}', address, 0o600)


def release(address):
    try:
        os.remove(f'{_folder()}/{address}')
    except FileNotFoundError:
        pass
