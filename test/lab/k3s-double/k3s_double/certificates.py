"""Certificates by the openssl program: two authorities, and what they sign."""

import os
import subprocess
import tempfile

from . import addresses
from .log import Fatal

_CA_DAYS = '3650'
_DAYS = '365'


def _openssl(arguments):
    try:
        result = subprocess.run(['openssl', *arguments], capture_output=True, text=True, umask=0o077)
    except FileNotFoundError as error:
        raise Fatal('the double needs the openssl program') from error
    if result.returncode != 0:
        raise Fatal(f'openssl {arguments[0]} failed: {result.stderr.strip()[-300:]}'.replace('\n', ' '))
    return result.stdout


def _request(key, certificate, subject, extensions, days, authority=()):
    os.makedirs(os.path.dirname(key), exist_ok=True)
    with tempfile.NamedTemporaryFile('w', suffix='.cnf') as file:
        file.write('[req]\ndistinguished_name=name\nprompt=no\nx509_extensions=extensions\n')
        file.write('[name]\n' + ''.join(f'{index}.{key_}={value}\n' for index, (key_, value) in enumerate(subject)))
        file.write('[extensions]\n' + ''.join(f'{line}\n' for line in extensions))
        file.flush()
        curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
        _openssl(['req', '-x509', *curve, '-config', file.name, '-days', days, '-sha256', '-keyout', key, '-out', certificate, *authority])


def authority(path, name):
    """Makes `path.crt` and `path.key` of a self-signed authority unless they are there."""
    if not os.path.exists(f'{path}.crt'):
        extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,digitalSignature,keyEncipherment', 'subjectKeyIdentifier=hash']
        _request(f'{path}.key', f'{path}.crt', [('CN', name)], extensions, _CA_DAYS)


def _alternative_name(name):
    return f'IP:{name}' if addresses.parse(name) else f'DNS:{name}'


def issue(path, authority_path, common_name, organization=None, names=(), client=False):
    """Makes `path.crt` and `path.key`, signed by an authority, for a server or for a client."""
    extensions = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature,keyEncipherment', f'extendedKeyUsage={"clientAuth" if client else "serverAuth"}', 'authorityKeyIdentifier=keyid']
    if names:
        extensions.append('subjectAltName=' + ','.join(_alternative_name(name) for name in dict.fromkeys(names)))
    subject = [*([('O', organization)] if organization else []), ('CN', common_name)]
    _request(f'{path}.key', f'{path}.crt', subject, extensions, _DAYS, ['-CA', f'{authority_path}.crt', '-CAkey', f'{authority_path}.key'])
