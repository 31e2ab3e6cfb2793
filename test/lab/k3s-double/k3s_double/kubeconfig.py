"""The administrator's kubeconfig: written by a server, read by `k3s kubectl`."""

import base64
import os

import yaml

from . import log, settings, web
from .log import Fatal

PATH = '/etc/rancher/k3s/k3s.yaml'


def path(configuration=None):
    chosen = configuration.get('write-kubeconfig') if configuration else os.environ.get('KUBECONFIG', '').split(':')[0]
    return chosen or settings.at(PATH)


def _encoded(file):
    return base64.b64encode((settings.read(file) or '').encode()).decode()


def write_admin(configuration, tls):
    name = configuration.get('write-kubeconfig-name') or 'default'
    content = {
        'apiVersion': 'v1',
        'clusters': [{'cluster': {'certificate-authority-data': _encoded(f'{tls}/server-ca.crt'), 'server': f'https://{settings.LOOPBACK}:{settings.API_PORT}'}, 'name': name}],
        'contexts': [{'context': {'cluster': name, 'user': name}, 'name': name}],
        'current-context': name,
        'kind': 'Config',
        'users': [{'name': name, 'user': {'client-certificate-data': _encoded(f'{tls}/client-admin.crt'), 'client-key-data': _encoded(f'{tls}/client-admin.key')}}],
    }
    target = path(configuration)
    settings.write(target, yaml.safe_dump(content, sort_keys=False), int(configuration.get('write-kubeconfig-mode'), 8))
    log.info(f'Wrote kubeconfig {target}')


def load(file):
    """The URL of the API and a TLS context with the administrator's certificate."""
    text = settings.read(file)
    if text is None:
        raise Fatal(f'open {file}: no such file or directory')
    content = yaml.safe_load(text)
    cluster, user = content['clusters'][0]['cluster'], content['users'][0]['user']
    parts = [base64.b64decode(value).decode() for value in (cluster['certificate-authority-data'], user['client-certificate-data'], user['client-key-data'])]
    return cluster['server'], web.context_with_texts(*parts)
