"""How connections leave this host: directly, or through the proxy that the environment names, as Go's net/http decides."""

import base64
import ipaddress
import os
import socket
import urllib.parse


def _variable(name):
    return os.environ.get(name) or os.environ.get(name.lower()) or ''


def _address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _spares(entry, host):
    """Whether an entry of NO_PROXY names the host."""
    if entry == '*':
        return True
    address = _address(host)
    if address:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    domain = entry.lstrip('*').lower()
    return host.lower() == domain or host.lower().endswith(domain if domain.startswith('.') else f'.{domain}')


def _proxy_for(host):
    address = _address(host)
    if host == 'localhost' or (address and address.is_loopback):
        return None
    entries = [entry.strip() for entry in _variable('NO_PROXY').split(',') if entry.strip()]
    url = _variable('HTTPS_PROXY')
    return None if not url or any(_spares(entry, host) for entry in entries) else urllib.parse.urlsplit(url)


def connect(address, timeout):
    """A connected socket. Raises OSError."""
    host, port = address
    proxy = _proxy_for(host)
    if proxy is None:
        return socket.create_connection(address, timeout=timeout)
    raw = socket.create_connection((proxy.hostname, proxy.port or 80), timeout=timeout)
    target = f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
    login = ''
    if proxy.username:
        words = f'{urllib.parse.unquote(proxy.username)}:{urllib.parse.unquote(proxy.password or "")}'
        login = f'Proxy-Authorization: Basic {base64.b64encode(words.encode()).decode()}\r\n'
    raw.sendall(f'CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n'.encode())
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        byte = raw.recv(1)
        if not byte:
            break
        head += byte
    status = head.split(b'\r\n')[0].decode(errors='replace')
    if ' 200' not in status:
        raw.close()
        raise OSError(f'proxyconnect tcp: {status or "EOF"}')
    return raw
